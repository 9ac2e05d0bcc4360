"""What the doctor finds if the API server, or the kubeconfig, is not as it should be."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from fake_server import Behavior, FakeServer, Request, goes_down, pod, pods, refuses, responds
from fixtures import run_command
from reports import OPTIONS, report_of_server

#: For a server that does not respond.
IMPATIENT = ("--set", "request_timeout_ms=1000")
LATE = "changes are noticed late"
FORBIDDEN = 'pods is forbidden: User "somebody" cannot watch resource "pods" in API group "" in the namespace "ns"'


def silent(request: Request) -> None:
    request.wait()


#: The response to a list, the step that is wrong, and words of the report.
NO_LIST: dict[str, tuple[Behavior, str, tuple[str, ...]]] = {
    "500": (refuses(500, "boom"), "API server", ("answered 500: boom", "readyz?verbose")),
    "429": (refuses(429, "slower"), "API server", ("answered 429: slower",)),
    "login portal": (
        responds(200, "<html>log in</html>", "text/html"),
        "API server",
        ("cannot be used",),
    ),
    "no JSON": (responds(200, "{"), "API server", ("readyz?verbose",)),
    "401": (refuses(401, "who?"), "login", ("rejects", "who?")),
    "403": (refuses(403, FORBIDDEN), "list", ("may not list pods", "THE-USER")),
    "disconnected": (lambda request: request.disconnect(), "API server", ("cannot be reached",)),
    "silent": (silent, "API server", ("1s",)),
}


@pytest.mark.parametrize(("listing", "step", "words"), NO_LIST.values(), ids=NO_LIST)
def test_list_fails(tmp_path: Path, listing: Behavior, step: str, words: tuple[str, ...]) -> None:
    options = IMPATIENT if listing is silent else ()
    with FakeServer(listing) as server:
        report = report_of_server(server, tmp_path, *options, "--timeout", "6")
    assert report.flaws == {"TLS": "warning", step: "wrong"} or report.flaws == {step: "wrong"}
    report.assert_has(*words)
    assert "NetworkPolicy" not in report.text or step == "API server"


def test_server_that_does_not_respond_in_time(tmp_path: Path) -> None:
    with FakeServer(silent) as server:
        report = report_of_server(server, tmp_path, "--timeout", "1")
    assert report.flaws == {"API server": "wrong"}
    report.assert_has("has not answered within 1s")


NO_WATCH: dict[str, tuple[Behavior, dict[str, str], tuple[str, ...]]] = {
    "silent": (silent, {"watch": "warning"}, (LATE,)),
    "403 at last": (
        refuses(403, FORBIDDEN, after=2.5),
        {"watch": "warning"},
        ("may not watch", LATE),
    ),
    "500": (refuses(500, "boom"), {"watch": "warning"}, ("answered 500: boom", LATE)),
    "down": (goes_down, {"API server": "wrong"}, ("cannot be reached",)),
}


@pytest.mark.parametrize(("watch", "flaws", "words"), NO_WATCH.values(), ids=NO_WATCH)
def test_watch_fails(
    tmp_path: Path, watch: Behavior, flaws: dict[str, str], words: tuple[str, ...]
) -> None:
    with FakeServer(pods(pod("a")), watch) as server:
        options = IMPATIENT if watch is silent else ()
        report = report_of_server(server, tmp_path, *options, "--timeout", "20")
    # The server speaks http.
    assert report.flaws == {"TLS": "warning", **flaws}
    report.assert_has(*words)


def test_http_is_a_warning(tmp_path: Path) -> None:
    with FakeServer(pods(pod("a"))) as server:
        report = report_of_server(server, tmp_path, user="{}")
    assert report.flaws == {"TLS": "warning"}
    report.assert_has("may watch pods", "OK" if not report.flaws else "WARNING TLS: ")


def _plugin(command: str) -> str:
    return f"{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: '{command}', interactiveMode: Never}}}}"


USERS = {
    "no token file": "{tokenFile: /nonexistent}",
    "no plugin": _plugin("/nonexistent"),
    "plugin that fails": _plugin("false"),
    "plugin that prints nothing": _plugin("echo"),
    "no certificate": "{client-certificate: /nonexistent, client-key: /nonexistent}",
}


@pytest.mark.parametrize("user", USERS.values(), ids=USERS)
def test_credentials_that_cannot_be_read(tmp_path: Path, user: str) -> None:
    with FakeServer(pods(pod("a"))) as server:
        report = report_of_server(server, tmp_path, user=user)
        assert report.flaws == {"credentials": "wrong"}
        report.assert_has("cannot be used", f"kubectl --kubeconfig={tmp_path}/kubeconfig")


def test_manifest_with_a_placeholder_is_not_printed(tmp_path: Path) -> None:
    with FakeServer(refuses(403, FORBIDDEN)) as server:
        kubeconfig = server.kubeconfig(tmp_path)
        done = run_command("doctor", "--manifest", *OPTIONS, "--kubeconfig", kubeconfig)
    assert (done.returncode, done.stdout) == (1, "")
    assert "name: THE-USER" in done.stderr
    assert "kubectl apply" not in done.stderr


def test_pods_that_have_ended_are_normal(tmp_path: Path) -> None:
    with FakeServer(pods(pod("a"), pod("evicted", "Failed"), pod("job", "Succeeded"))) as server:
        report = report_of_server(server, tmp_path)
    assert report.flaws == {"TLS": "warning"}
    report.assert_has("evicted, job")


def test_result_that_is_too_old(tmp_path: Path) -> None:
    first = [pods(pod("a"))]

    def once(request: Request) -> None:
        (first.pop() if first else silent)(request)

    options = ("--set", "max_stale_ms=1000", "--set", "request_timeout_ms=60000")
    with FakeServer(once, silent) as server:
        report = report_of_server(server, tmp_path, *options, "--timeout", "8")
    assert report.flaws == {"TLS": "warning", "watch": "warning", "answer": "wrong"}
    report.assert_has("were last confirmed")


@pytest.mark.parametrize("end", ["1e999", "1" + "0" * 400, '"x"'])
def test_token_with_an_impossible_end(tmp_path: Path, end: str) -> None:
    payload = base64.urlsafe_b64encode(f'{{"sub": "s", "exp": {end}}}'.encode()).decode()
    (tmp_path / "token").write_text(f"a.{payload.rstrip('=')}.c")
    done = run_command(
        "doctor", "--json", *OPTIONS, "--set", f"service_account_dir={tmp_path}",
        KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT="1",
    )  # fmt: skip
    assert json.loads(done.stdout)["outcome"] == "wrong"
