"""How the command is called, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from fixtures import TIMEOUT_S, Namespace, Running, command_line, run_command
from states import REFUSING, STATES

MANIFEST = Path(__file__).parents[2] / "Cargo.toml"

#: The arguments, and words of the error.
WRONG_CALLS = {
    "no command": ([], "Commands:"),
    "unknown command": (["peer"], "a similar subcommand exists: 'peers'"),
    "unknown option": (["peers", "--nix"], "--nix"),
    "similar option": (["peers", "--name-space", "x"], "'--namespace'"),
    "invalid role": (["peers", "--membership", "none"], "[possible values: member, observer]"),
    "unknown key": (["peers", "--set", "nix=1"], "`nix` is not a key; the keys are namespace, "),
    "no pair": (["peers", "--set", "nix"], "expected KEY=VALUE"),
    "invalid value": (["watch", "--set", "readiness=maybe"], "expected one of `ignore`, `ready`"),
    "invalid labels": (["peers", "-l", "app"], "`pod_labels`: "),
    "not UTF-8": (["peers", "-l", "a=\udcff"], "UTF-8"),
    "invalid timeout": (["peers", "--timeout", "-1"], "expected a number of seconds"),
    "control characters": (["\x1b[2J"], "unrecognized subcommand ' [2J'"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_wrong_call_names_what_is_expected(arguments: list[str], words: str) -> None:
    done = run_command(*arguments, KUBERNETES_SERVICE_HOST="h", KUBEPEERS_POD_LABELS="app=demo")
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_call_without_a_command_prints_the_help() -> None:
    assert run_command().stderr == run_command("--help").stdout


def test_incomplete_configuration(namespace: Namespace) -> None:
    del namespace.environment["KUBEPEERS_POD_LABELS"]
    for command in ("peers", "watch", "explain"):
        done = namespace.run(command)
        assert (done.returncode, done.stdout) == (2, "")
        assert "missing required configuration: set `pod_labels`" in done.stderr
        assert "with -l/--pod-labels or KUBEPEERS_POD_LABELS" in done.stderr


def test_no_namespace_next_to_the_token(namespace: Namespace) -> None:
    (namespace.mount / "namespace").unlink()
    done = namespace.run("peers")
    assert done.returncode == 1
    assert f"{namespace.mount}/namespace" in done.stderr
    assert "set `namespace`" in done.stderr


@pytest.mark.parametrize("command", [[], ["peers"], ["watch"], ["explain"], ["doctor"]], ids=str)
def test_help_fits_80_columns(command: list[str]) -> None:
    for variables in ({}, {"COLUMNS": "200"}):
        done = run_command(*command, "--help", **variables)
        assert (done.returncode, done.stderr) == (0, "")
        assert "no result yet" in done.stdout
        assert all(len(line) <= 80 for line in done.stdout.splitlines()), done.stdout


def test_version() -> None:
    version = re.search('^version = "(.*)"', MANIFEST.read_text(), re.MULTILINE)
    assert version
    assert run_command("--version").stdout == f"kubepeers {version[1]}\n"


def test_options_win_over_set_and_set_wins_over_variables(namespace: Namespace) -> None:
    namespace.pod("other", "10.0.0.2", label="app=other")
    namespace.environment["KUBEPEERS_POD_LABELS"] = "app=nothing"
    done = namespace.run("explain", "--json", "--set", "pod_labels=app=demo")
    assert json.loads(done.stdout)["selector"] == "app=demo"
    options = ("--set", "pod_labels=app=demo", "-l", "app=other", "--membership=observer")
    assert namespace.peers(*options).stdout == "10.0.0.2:3322\n"


def test_json(namespace: Namespace) -> None:
    namespace.pod("a", "fd00::2")
    (peer,) = json.loads(namespace.peers("--json").stdout)["peers"]
    uid = peer.pop("uid")
    assert uid
    assert peer == {
        "address": "[fd00::2]:3322",
        "name": "a",
        "host": "fd00::2",
        "discovery_port": 3322,
        "remoting_port": 0,
        "peers_port": 0,
        "ready": True,
        "node_name": "node-1",
        "revision": "",
    }


def test_explain(namespace: Namespace) -> None:
    namespace.pod("a", "10.0.0.2", port="http=80")
    done = namespace.run("explain", "--timeout", "60")
    assert done.stdout.splitlines()[1].split() == [
        "POD", "VERDICT", "ADDRESS", "PHASE", "READY", "NODE", "PORTS",
    ]  # fmt: skip
    assert "a    no-discovery-port  10.0.0.2  Running  yes    node-1  http=80\n" in done.stdout
    explanation = json.loads(namespace.run("explain", "--json", "--timeout", "60").stdout)
    verdicts = {pod["name"]: pod["verdict"] for pod in explanation["pods"]}
    assert verdicts == {"a": "no-discovery-port", "me": "self"}


def test_explain_needs_no_result(namespace: Namespace) -> None:
    """It is for the case that there is none."""
    namespace.testenv("pod", "--phase=Pending", "me")
    done = namespace.run("explain", "--timeout", "60")
    assert (done.returncode, done.stderr) == (0, "")
    assert "gate: self-not-yet" in done.stdout


#: The seconds to wait, the exit status, and fields of the error.
FAILURES = {
    "role missing": (60, 1, ["NOT_SYNCED", "forbidden", False, 403]),
    "server unreachable": (1, 3, ["NOT_SYNCED", "unreachable", True, 0]),
    "self has other labels": (60, 1, ["SELF_EXCLUDED", None, False, 0]),
    "no credentials": (60, 1, ["NO_CREDENTIALS", None, False, 0]),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure_in_json(namespace: Namespace, name: str) -> None:
    seconds, code, expected = FAILURES[name]
    STATES[name].arrange(namespace)
    failed = namespace.run_for(
        seconds,
        lambda done: json.loads(done.stdout)["error"]["cause"] == expected[1],
        "peers",
        "--json",
    )
    error = json.loads(failed.stdout)["error"]
    assert [error[key] for key in ("status", "cause", "retryable", "http_status")] == expected
    assert error["message"] in failed.stderr
    assert failed.returncode == code


def test_denied_access_is_permanent_however_short_the_timeout(namespace: Namespace) -> None:
    """A script that repeats the command while its error is retryable ends."""
    namespace.account("")
    # Long enough for the first response on most machines, too short for the library to report a
    # permanent error.
    for _ in range(30):
        done = namespace.run("peers", "--json", "--timeout", "1")
        if done.returncode != 3:
            break
    assert json.loads(done.stdout)["error"]["retryable"] is False
    assert done.returncode == 1


@pytest.mark.parametrize("command", ["peers", "watch", "explain", "doctor"])
def test_interrupt_while_nothing_arrives(namespace: Namespace, command: str) -> None:
    namespace.environment.update(
        KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT=str(REFUSING.getsockname()[1])
    )
    timeout = [] if command == "watch" else ["--timeout", "600"]
    with Running(namespace, command, *timeout) as running:
        if command == "watch":
            running.wait_for_line("refused")
        else:
            running.wait_until_registered()
        assert running.interrupt() == (130, "")


def test_interrupt_is_ignored_if_it_was_ignored_before(namespace: Namespace) -> None:
    """A shell starts background jobs like this."""
    process = subprocess.Popen(
        command_line("watch"),
        env=namespace.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert process.stdout
    try:
        assert any("+ me" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        namespace.pod("a", "10.0.0.2")
        assert any("+ a peer" in line for line in process.stdout)
        process.terminate()
        assert process.wait(TIMEOUT_S) == 143
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_watch_ends_when_its_reader_is_gone(namespace: Namespace) -> None:
    process = subprocess.Popen(
        command_line("watch"),
        env=namespace.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        # The first line may be about a busy API server.
        assert any("+ me" in line for line in process.stdout)
        process.stdout.close()
        # Nothing changes any more, so that the command writes nothing.
        assert process.wait(TIMEOUT_S) in (0, -signal.SIGPIPE)
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("command", ["peers", "explain", "doctor"])
def test_pipe_without_a_reader_ends_it_silently(namespace: Namespace, command: str) -> None:
    namespace.pod("a", "10.0.0.2")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            command_line(command, "--timeout", "60"),
            env=namespace.environment,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


def test_watch_prints_each_change(namespace: Namespace) -> None:
    with namespace.start("watch") as watch:
        watch.wait_for_line("+ me self")
        namespace.pod("a", phase="Pending")
        watch.wait_for_line("+ a not-running - Pending not ready gossip=3322")
        namespace.testenv("pod", "--phase=Running", "--ready=true", "--ip=10.0.0.2", "a")
        watch.wait_for_line(
            "~ a ",
            "not-running -> peer",
            "Pending -> Running",
            "not ready -> ready",
            "- -> 10.0.0.2:3322",
        )
        namespace.testenv("delete", "a")
        assert watch.wait_for_line("Z - a").endswith("Z - a\n")
        watch.process.terminate()
        assert watch.wait() == (143, "")
