"""Tokens that an HTTP header cannot carry."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from fake_server import FakeServer, pod, pods
from fixtures import run_command
from reports import report_of_server

#: A YAML value of a token, with a second line that is no token.
MALFORMED = '"se-cr-et\\nse-cr-et"'
VERSION = "client.authentication.k8s.io/v1"
EXPECTED = "expected one word of printable ASCII"


def plugin(folder: Path, token: str) -> str:
    """Write a login plugin that prints a token. Return the user of a kubeconfig."""
    path = folder / "plugin"
    printed = {"kind": "ExecCredential", "status": {"token": token}}
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(printed)}\nEND\n")
    path.chmod(0o700)
    return json.dumps({"exec": {"apiVersion": VERSION, "command": str(path)}})


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (f"{{token: {MALFORMED}}}", "its `token` is not a token"),
        (
            f"{{auth-provider: {{name: oidc, config: {{id-token: {MALFORMED}}}}}}}",
            "its `id-token` is not a token",
        ),
        ("", "its login plugin returned a `token` that is not one"),
    ],
    ids=["kubeconfig", "auth-provider", "login plugin"],
)
def test_malformed_token_is_a_credentials_error(tmp_path: Path, user: str, words: str) -> None:
    with FakeServer(pods(pod("a"))) as server:
        user = user or plugin(tmp_path, "se-cr-et\nse-cr-et")
        report = report_of_server(server, tmp_path, user=user)
    assert report.flaws == {"credentials": "wrong"}
    report.assert_has("WRONG credentials: ", words, EXPECTED)


@pytest.mark.parametrize("source", ["kubeconfig", "login plugin"])
def test_space_around_a_token_is_removed(tmp_path: Path, source: str) -> None:
    with FakeServer(pods(pod("a"))) as server:
        user = '{token: "se-cr-et\\n"}'
        if source == "login plugin":
            user = plugin(tmp_path, "se-cr-et\r\n")
        report = report_of_server(server, tmp_path, user=user)
    assert "wrong" not in report.flaws.values()


def keeps_running(pid: int) -> bool:
    """Return whether a process still exists after 30 s, and kill it then."""
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            return True
        time.sleep(0.05)
    return False


def test_hanging_login_plugin_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "plugin"
    path.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/pids\nexec sleep 600\n")
    path.chmod(0o700)
    user = json.dumps({"exec": {"apiVersion": VERSION, "command": str(path)}})
    with FakeServer(pods(pod("a"))) as server:
        kubeconfig = server.kubeconfig(tmp_path, user)
        done = run_command(
            *("peers", "-n", "ns", "-l", "app=demo", "-p", "gossip", "--timeout=4"),
            KUBECONFIG=kubeconfig,
            KUBEPEERS_REQUEST_TIMEOUT_MS="500",
        )
    assert done.returncode == 3
    assert "the login of the kubeconfig has not ended within 500ms" in done.stderr
    started = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(started) > 2, "the login is not tried again"
    assert not any(keeps_running(pid) for pid in started)


def test_hanging_login_plugin_is_a_credentials_error(tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": VERSION, "command": "sleep", "args": ["600"]}}
    with FakeServer(pods(pod("a"))) as server:
        report = report_of_server(server, tmp_path, "--timeout=8", user=json.dumps(user))
    assert report.flaws == {"credentials": "wrong"}
    report.assert_has("the login of the kubeconfig has not ended within", "login plugin")
