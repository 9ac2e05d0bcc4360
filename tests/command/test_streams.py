"""What the command does if it cannot print, and what it prints of a server's texts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer, pod, pods, refuses
from fixtures import Namespace, Running, command_line, run_command

#: Options with which there is no API server.
NOWHERE = ("-n", "default", "-l", "app=demo", "-p", "gossip", "--kubeconfig=/nowhere")
#: For a busy machine.
LONG = ["--timeout", "60"]
with_each_command = pytest.mark.parametrize(
    "arguments",
    [
        ["peers", *LONG],
        ["peers", "--json", *LONG],
        ["watch"],
        ["explain", *LONG],
        ["doctor", *LONG],
        ["--version"],
    ],
    ids=" ".join,
)


def run(
    namespace: Namespace, arguments: list[str], before: Callable[[], object]
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process that calls a function before."""
    done = subprocess.run(
        command_line(*arguments),
        env=namespace.environment,
        capture_output=True,
        text=True,
        preexec_fn=before,
        timeout=120,
        check=False,
    )
    assert "panicked" not in done.stderr, done
    return done


def full(number: int) -> Callable[[], object]:
    return lambda: os.dup2(os.open("/dev/full", os.O_WRONLY), number)


@with_each_command
def test_closed_stdout(namespace: Namespace, arguments: list[str]) -> None:
    done = run(namespace, arguments, lambda: os.close(1))
    error = "kubepeers: cannot write the output: stdout is closed\n"
    assert (done.returncode, done.stderr) == (1, error)


@with_each_command
def test_full_stdout(namespace: Namespace, arguments: list[str]) -> None:
    namespace.pod("a", "10.0.0.2")
    done = run(namespace, arguments, full(1))
    error = "kubepeers: cannot write the output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, error)


@pytest.mark.parametrize("before", [lambda: os.close(2), full(2)], ids=["closed", "full"])
def test_without_stderr_no_error_is_written_to_stdout(
    namespace: Namespace, before: Callable[[], object]
) -> None:
    done = run(namespace, ["peers", *NOWHERE], before)
    assert (done.returncode, done.stdout) == (1, "")
    namespace.pod("a", "10.0.0.2")
    done = run(namespace, ["peers", *LONG], before)
    assert (done.returncode, done.stdout) == (0, "10.0.0.2:3322\n")


def test_all_streams_are_closed(namespace: Namespace) -> None:
    assert run(namespace, ["watch"], lambda: os.closerange(0, 3)).returncode == 1


def test_records_go_to_stderr(namespace: Namespace) -> None:
    namespace.pod("a", "10.0.0.2")
    assert namespace.peers().stderr == ""
    done = namespace.peers("--set", "log=debug")
    assert done.stdout == "10.0.0.2:3322\n"
    assert "Z INFO discovering pods with labels `app=demo`" in done.stderr
    namespace.environment["KUBEPEERS_LOG"] = "debug"
    assert " INFO " in namespace.run("explain", *LONG).stderr
    assert namespace.peers("--set", "log=off").stderr == ""


#: Control, bidirectional and zero-width characters.
HOSTILE = "\x1b[2J\x07\r\u009b\u202e\u2066\u200b\ufeff\u00ad\U000e0041"


def hostile_pod() -> dict[str, Any]:
    """Return a pod whose texts are hostile. The library refuses names that Kubernetes does not."""
    hostile = pod("a")
    hostile["metadata"]["labels"]["pod-template-hash"] = HOSTILE
    hostile["spec"]["containers"][0]["ports"].append({"name": HOSTILE, "containerPort": 1})
    return hostile


def test_texts_of_the_command_line_do_not_control_the_terminal(namespace: Namespace) -> None:
    done = namespace.run("peers", *NOWHERE[:-1], "--kubeconfig=/no\u202e\x1b[2Jwhere")
    assert done.returncode == 1
    assert "/no  [2Jwhere" in done.stderr


def test_texts_of_a_server_do_not_control_the_terminal(tmp_path: Path) -> None:
    hostile = hostile_pod()
    options = ("-l", "app=demo", "-p", "gossip")
    with FakeServer(pods(hostile)) as server:
        environment = {"KUBECONFIG": server.kubeconfig(tmp_path)}
        for arguments in (["peers"], ["peers", "--json"], ["explain"], ["explain", "--json"]):
            done = run_command(*arguments, *options, **environment)
            assert done.returncode == 0, done
            assert_printable(done.stdout + done.stderr)
        server.list = refuses(500, f"boom{HOSTILE}")
        for arguments in (["peers", "--timeout", "1"], ["peers", "--json", "--timeout", "1"]):
            done = run_command(*arguments, *options, "--set", "log=debug", **environment)
            assert done.returncode == 3, done
            assert "boom" in done.stderr
            assert_printable(done.stdout + done.stderr)


def test_watch_prints_no_control_characters(namespace: Namespace, tmp_path: Path) -> None:
    with FakeServer(pods(hostile_pod())) as server:
        namespace.environment["KUBECONFIG"] = server.kubeconfig(tmp_path)
        del namespace.environment["KUBERNETES_SERVICE_HOST"]
        del namespace.environment["KUBEPEERS_SERVICE_ACCOUNT_DIR"]
        with Running(namespace, "watch") as watch:
            watch.wait_for_line("+ a")
            assert watch.interrupt() == (130, "")
            assert_printable("".join(watch.lines))


def assert_printable(text: str) -> None:
    assert not any(c in text for c in HOSTILE if c not in "[2J"), repr(text)
