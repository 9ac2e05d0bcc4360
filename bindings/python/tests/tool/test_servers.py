"""What doctor says of API servers, and of kubeconfigs, that are not as they should be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kubepeers.tool.doctor.facts import _alone
from kubepeers.tool.settings import Settings
from place import environment
from pretender import Does, Pretender, Request, answers, dies, pod, pods, refuses, watched
from test_states import found_states, unmended

OPTIONS = (
    "-n",
    "ns",
    "-l",
    "app=demo",
    "-p",
    "gossip",
    "--set",
    "request_timeout_ms=60000",
    "--timeout",
    "60",
)
#: For a server that does not answer. Any other has time, however busy the machine is.
IMPATIENT = ("--set", "request_timeout_ms=1000")
#: The tool, whose doctor also stops waiting when it has seen what the test is about, so that a
#: busy machine does not matter.
PROGRAM = """
import sys
from kubepeers.tool.doctor.waiting import Access
from kubepeers.tool.entry import main
def failures(access):
    lines = access._provider.metrics().splitlines()
    return sum(int(line.split()[-1]) for line in lines if line.startswith("kubepeers_failures_total{"))
settled = Access.settled.fget
Access.settled = property(lambda access: settled(access) or SEEN)
sys.exit(main())
"""
NOTHING, READ, FAILED = "False", "access.health.synced", "access.failed"
ANSWERED_AGAIN, FAILED_TWICE = "access.answered_again", "access.failed and failures(access) > 1"
LATE = "are not watched: changes are seen late"
FORBIDDEN = 'pods is forbidden: User "somebody" cannot watch resource "pods" in API group "" in the namespace "ns"'


def doctor(
    kubeconfig: str, *arguments: str, until: str = NOTHING
) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.replace("SEEN", until)
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        program,
        "doctor",
        *OPTIONS,
        "--kubeconfig",
        kubeconfig,
    ]
    done = subprocess.run(
        [*command, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
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


def silent(request: Request) -> None:
    request.wait()


NO_LIST: dict[str, tuple[Does, str, tuple[str, ...]]] = {
    "500": (refuses(500, "boom"), "server", ("answered 500: boom", "readyz?verbose")),
    "429": (refuses(429, "slower"), "server", ("answered 429: slower",)),
    "a login portal": (
        answers(200, "<html>log in</html>", "text/html"),
        "server",
        ("cannot be used", "portal"),
    ),
    "no JSON": (answers(200, "{"), "server", ("readyz?verbose",)),
    "401": (refuses(401, "who?"), "login", ("does not accept the credentials",)),
    "403": (refuses(403, FORBIDDEN), "permission", ("may not list pods", "THE-USER")),
    "broken off": (lambda request: request.break_off(), "connection", ("cannot be reached",)),
    "silent": (silent, "connection", ("no answer within 1s", "a login plugin")),
}


@pytest.mark.parametrize(("listing", "step", "words"), NO_LIST.values(), ids=NO_LIST)
def test_no_list(tmp_path: Path, listing: Does, step: str, words: tuple[str, ...]) -> None:
    with Pretender(listing) as server:
        done = doctor(
            server.kubeconfig(tmp_path), *(IMPATIENT if listing is silent else ()), until=FAILED
        )
        assert flaws(done, *words) == {step: "wrong"}
        assert "NetworkPolicy" not in done.stdout


def test_no_answer_within_the_time(tmp_path: Path) -> None:
    with Pretender(silent) as server:
        done = doctor(server.kubeconfig(tmp_path), "--timeout", "1")
        assert flaws(done, "not answered in the time that --timeout gives", "a login plugin") == {
            "connection": "wrong"
        }
        # The name may be what is waited for.
        assert found_states(done.stdout)["DNS"] == "not reached"


LATER = {"permission": "warning"}
NO_WATCH: dict[str, tuple[Does, str, dict[str, str], tuple[str, ...]]] = {
    "granted": (watched, NOTHING, {}, ("may list and watch pods", "all is well")),
    "silent": (silent, ANSWERED_AGAIN, LATER, (LATE,)),
    "403 at last": (
        refuses(403, FORBIDDEN, after=2.5),
        ANSWERED_AGAIN,
        LATER,
        ("may not watch", LATE),
    ),
    "500": (
        refuses(500, "boom"),
        ANSWERED_AGAIN,
        LATER,
        ("answered 500: boom", LATE, "readyz?verbose"),
    ),
    "no answer to anything more": (
        dies,
        FAILED_TWICE,
        {"connection": "wrong"},
        ("cannot be reached",),
    ),
}


@pytest.mark.parametrize(("watch", "until", "expected", "words"), NO_WATCH.values(), ids=NO_WATCH)
def test_no_watch(
    tmp_path: Path, watch: Does, until: str, expected: dict[str, str], words: tuple[str, ...]
) -> None:
    with Pretender(pods(pod("a")), watch) as server:
        done = doctor(
            server.kubeconfig(tmp_path), *(IMPATIENT if watch is silent else ()), until=until
        )
        assert flaws(done, *words) == expected


def test_a_watch_that_is_not_answered_within_the_time(tmp_path: Path) -> None:
    with Pretender(pods(pod("a")), silent) as server:
        done = doctor(server.kubeconfig(tmp_path), until=READ)
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
        done = doctor(kubeconfig, until=FAILED)
        assert flaws(done, "cannot be used", f"kubectl --kubeconfig={kubeconfig} get pods") == {
            "credentials": "wrong"
        }


def test_what_is_not_known_of_a_kubeconfig_is_not_claimed(tmp_path: Path) -> None:
    with Pretender(pods(pod("a"))) as server:
        done = doctor(server.kubeconfig(tmp_path, "{}"))
        assert flaws(done, "if it is asked by https", "if the kubeconfig has any") == {}
        assert "knows who" not in done.stdout


def test_a_manifest_with_a_name_to_be_filled_in_is_not_applied(tmp_path: Path) -> None:
    with Pretender(refuses(403, FORBIDDEN)) as server:
        done = doctor(server.kubeconfig(tmp_path), "--manifest", until=FAILED)
        assert (done.returncode, done.stdout) == (1, "")
        for words in ("in the place of THE-USER", "name: THE-USER"):
            assert words in done.stderr
        assert "kubectl apply" not in done.stderr


def test_pods_that_have_ended_are_normal(tmp_path: Path) -> None:
    with Pretender(pods(pod("a"), pod("evicted", "Failed"), pod("job", "Succeeded"))) as server:
        assert (
            flaws(
                doctor(server.kubeconfig(tmp_path)),
                "ended, which is nothing to worry about: evicted, job",
            )
            == {}
        )


def test_labels_are_looked_for_alone_within_one_time(tmp_path: Path) -> None:
    keys = (
        "namespace",
        "pod_labels",
        "discovery_port_name",
        "remoting_port_name",
        "peers_port_name",
    )
    values = dict(zip(keys, ("ns", "a=1,b=2,c=3", "g", "r", "p")))
    for listing, seconds, expected in (
        (pods(pod("a")), 60, {"a=1": 1, "b=2": 1, "c=3": 1}),
        (silent, 0.5, {}),
    ):
        with Pretender(listing) as server:
            assert (
                _alone(Settings({**values, "kubeconfig": server.kubeconfig(tmp_path)}), seconds)
                == expected
            )


def once(does: Does) -> Does:
    """Do it for the first who asks, and say nothing to any other."""
    first = [does]
    return lambda request: first.pop()(request) if first else silent(request)


def test_an_answer_that_is_too_old_is_not_about_the_own_pod(tmp_path: Path) -> None:
    with Pretender(once(pods(pod("a"))), silent) as server:
        done = doctor(
            server.kubeconfig(tmp_path),
            "--set",
            "max_stale_ms=1000",
            until=f"{READ} and access.health.age > 1",
        )
        found = flaws(done, "were last confirmed")
        assert found == {"permission": "warning", "answer": "wrong"}
