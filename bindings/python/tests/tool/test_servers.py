"""What doctor says of API servers, and of kubeconfigs, that are not as they should be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kubepeers.tool.doctor.facts import _alone
from kubepeers.tool.settings import Settings
from place import environment
from pretender import Does, Pretender, answers, dies, pod, pods, refuses, watched
from test_states import found_states, unmended

OPTIONS = ("-n", "ns", "-l", "app=demo", "-p", "gossip", "--set", "request_timeout_ms=1000")
LATE = "are not watched: changes are seen late"
FORBIDDEN = 'pods is forbidden: User "somebody" cannot watch resource "pods" in API group "" in the namespace "ns"'


def doctor(kubeconfig: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "kubepeers", "doctor", *OPTIONS, "--kubeconfig", kubeconfig]
    done = subprocess.run(
        [*command, *arguments], env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def flaws(done: subprocess.CompletedProcess[str], *words: str) -> dict[str, str]:
    """Give the steps that are neither well nor not reached, after a look for words."""
    text = " ".join(done.stdout.split())
    assert all(word in text for word in words), done.stdout
    assert unmended(done.stdout) == set()
    found = found_states(done.stdout)
    names = list(found)
    wrong = [name for name in names if found[name] == "wrong"]
    if wrong and names.index(wrong[0]) < names.index("selector"):
        assert {found[name] for name in names[names.index(wrong[0]) + 1 :]} == {"not reached"}
    assert done.returncode == ("wrong" in found.values())
    return {name: state for name, state in found.items() if state not in ("ok", "not reached")}


NO_LIST: dict[str, tuple[Does, str, tuple[str, ...]]] = {
    "500": (refuses(500, "boom"), "server", ("answered 500: boom", "readyz?verbose")),
    "429": (refuses(429, "slower"), "server", ("answered 429: slower",)),
    "a login portal": (answers(200, "<html>log in</html>", "text/html"), "server", ("not understood", "portal")),
    "no JSON": (answers(200, "{"), "server", ("readyz?verbose",)),
    "401": (refuses(401, "who?"), "login", ("does not accept the credentials",)),
    "403": (refuses(403, FORBIDDEN), "permission", ("may not list pods", "THE-USER")),
    "broken off": (lambda request: request.break_off(), "connection", ("cannot be reached",)),
    "silent": (lambda request: request.wait(), "connection", ("no answer within 1s", "it may be a login plugin")),
}


@pytest.mark.parametrize(("listing", "step", "words"), NO_LIST.values(), ids=NO_LIST)
def test_no_list(tmp_path: Path, listing: Does, step: str, words: tuple[str, ...]) -> None:
    with Pretender(listing) as server:
        done = doctor(server.kubeconfig(tmp_path), "--timeout", "4")
        assert flaws(done, *words) == {step: "wrong"}
        assert "NetworkPolicy" not in done.stdout


def test_no_answer_within_the_time(tmp_path: Path) -> None:
    with Pretender(lambda request: request.wait()) as server:
        done = doctor(server.kubeconfig(tmp_path), "--timeout", "1", "--set", "request_timeout_ms=60000")
        assert flaws(done, "not answered in the time that --timeout gives", "a login plugin") == {"connection": "wrong"}
        # The name may be what is waited for.
        assert found_states(done.stdout)["DNS"] == "not reached"


NO_WATCH: dict[str, tuple[Does, dict[str, str], tuple[str, ...]]] = {
    "granted": (watched, {}, ("may list and watch pods", "all is well")),
    "silent": (lambda request: request.wait(), {"permission": "warning"}, (LATE,)),
    "403 at last": (refuses(403, FORBIDDEN, after=2.5), {"permission": "warning"}, ("may not watch", LATE)),
    "500": (refuses(500, "boom"), {"permission": "warning"}, ("answered 500: boom", LATE, "readyz?verbose")),
    "no answer to anything more": (dies, {"connection": "wrong"}, ("cannot be reached",)),
}


@pytest.mark.parametrize(("watch", "expected", "words"), NO_WATCH.values(), ids=NO_WATCH)
def test_no_watch(tmp_path: Path, watch: Does, expected: dict[str, str], words: tuple[str, ...]) -> None:
    with Pretender(pods(pod("a")), watch) as server:
        done = doctor(
            server.kubeconfig(tmp_path),
            "--timeout",
            "60" if watch is watched else "8",
            "--set",
            "request_timeout_ms=3000",
        )
        assert flaws(done, *words) == expected


def test_a_watch_that_is_not_answered_within_the_time(tmp_path: Path) -> None:
    with Pretender(pods(pod("a")), lambda request: request.wait()) as server:
        done = doctor(server.kubeconfig(tmp_path), "--timeout", "3", "--set", "request_timeout_ms=60000")
        assert flaws(done, "not answered a watch in the time", LATE) == {"permission": "warning"}


def _plugin(command: str) -> str:
    return f"{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: '{command}', interactiveMode: Never}}}}"


USERS = {
    "no token file": "{tokenFile: /nonexistent}",
    "no plugin": _plugin("/nonexistent"),
    "a plugin that fails": _plugin("false"),
    "a plugin that says nothing": _plugin("echo"),
    "no certificate": "{client-certificate: /nonexistent, client-key: /nonexistent}",
}


@pytest.mark.parametrize("user", USERS.values(), ids=USERS)
def test_credentials_that_are_read_when_they_are_needed(tmp_path: Path, user: str) -> None:
    with Pretender(pods(pod("a"))) as server:
        kubeconfig = server.kubeconfig(tmp_path, user)
        assert flaws(doctor(kubeconfig), "cannot be used", f"kubectl --kubeconfig={kubeconfig} get pods") == {
            "credentials": "wrong"
        }


def test_what_is_not_known_of_a_kubeconfig_is_not_claimed(tmp_path: Path) -> None:
    with Pretender(pods(pod("a"))) as server:
        done = doctor(server.kubeconfig(tmp_path, "{}"))
        assert flaws(done, "if it is asked by https", "if the kubeconfig has any") == {}
        assert "knows who" not in done.stdout


def test_a_manifest_with_a_name_to_be_filled_in_is_not_applied(tmp_path: Path) -> None:
    with Pretender(refuses(403, FORBIDDEN)) as server:
        done = doctor(server.kubeconfig(tmp_path), "--manifest")
        assert (done.returncode, done.stdout) == (1, "")
        for words in ("in the place of THE-USER", "name: THE-USER"):
            assert words in done.stderr
        assert "kubectl apply" not in done.stderr


def test_pods_that_have_ended_are_normal(tmp_path: Path) -> None:
    with Pretender(pods(pod("a"), pod("evicted", "Failed"), pod("job", "Succeeded"))) as server:
        assert flaws(doctor(server.kubeconfig(tmp_path)), "ended, which is nothing to worry about: evicted, job") == {}


def test_labels_are_looked_for_alone_within_one_time(tmp_path: Path) -> None:
    keys = ("namespace", "pod_labels", "discovery_port_name", "remoting_port_name", "peers_port_name")
    values = dict(zip(keys, ("ns", "a=1,b=2,c=3", "g", "r", "p")))
    for listing, seconds, expected in (
        (pods(pod("a")), 60, {"a=1": 1, "b=2": 1, "c=3": 1}),
        (lambda request: request.wait(), 0.5, {}),
    ):
        with Pretender(listing) as server:
            assert _alone(Settings({**values, "kubeconfig": server.kubeconfig(tmp_path)}), seconds) == expected


def test_an_answer_that_is_too_old_is_not_about_the_own_pod(tmp_path: Path) -> None:
    with Pretender(pods(pod("a")), lambda request: request.wait()) as server:
        late = ("--timeout", "3", "--set", "request_timeout_ms=60000", "--set", "max_stale_ms=1000")
        found = flaws(doctor(server.kubeconfig(tmp_path), *late), "ms old")
        assert found == {"permission": "warning", "answer": "wrong"}
