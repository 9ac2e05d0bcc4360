"""How the tool is called, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest
from kubepeers import __version__
from place import PATIENCE, Place, Running
from states import REFUSING, STATES

WRONG_CALLS = {
    "no command": ([], "COMMAND"),
    "no such command": (["nix"], "nix"),
    "no such option": (["peers", "--nix"], "--nix"),
    "no such key": (["peers", "--set", "nix=1"], "`nix` is not a key"),
    "no pair": (["peers", "--set", "nix"], "not KEY=VALUE"),
    "bad value": (["watch", "--set", "readiness=maybe"], "`readiness`"),
    "bad labels": (["peers", "-l", "app"], "`pod_labels`"),
    "not text": (["peers", "-l", "a=\udcff"], "UTF-8"),
    "no time": (["peers", "--timeout", "-1"], "seconds"),
}


@pytest.mark.parametrize(("arguments", "word"), WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_wrong_calls(place: Place, arguments: list[str], word: str) -> None:
    done = place.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr


def test_an_incomplete_configuration(place: Place) -> None:
    del place.environment["KUBEPEERS_POD_LABELS"]
    for command in ("peers", "watch"):
        done = place.run(command)
        assert (done.returncode, done.stdout) == (2, "")
        assert "missing required configuration: set `pod_labels`" in done.stderr
        assert "-l/--pod-labels or the variable KUBEPEERS_POD_LABELS" in done.stderr
    done = place.run("doctor")
    assert done.returncode == 2
    assert "wrong: configuration" in done.stdout


def test_no_namespace_where_no_token_is_mounted(place: Place) -> None:
    (place.mount / "namespace").unlink()
    done = place.run("doctor")
    assert done.returncode == 2
    for words in (
        "set `namespace`",
        f"{place.mount}/namespace cannot be read",
        "automountServiceAccountToken",
    ):
        assert words in done.stdout


def test_help_and_version(place: Place) -> None:
    for command in ([], ["peers"], ["watch"], ["doctor"]):
        shown = place.run(*command, "--help")
        assert shown.returncode == 0
        assert "not known yet" in shown.stdout
        assert all(len(line) <= 120 for line in shown.stdout.splitlines())
    assert "of `doctor`: there may be warnings" in place.run("doctor", "--help").stdout
    assert place.run("--version").stdout == f"kubepeers {__version__}\n"


def test_options_count_more_than_pairs_and_they_more_than_variables(place: Place) -> None:
    place.pod("other", "10.0.0.2", label="app=other")
    place.environment["KUBEPEERS_POD_LABELS"] = "app=nothing"
    assert "app=demo" in place.run("doctor", "--set", "pod_labels=app=demo").stdout.splitlines()[1]
    done = place.peers("--set", "pod_labels=app=demo", "-l", "app=other", "--membership=observer")
    assert done.stdout == "10.0.0.2:3322\n"


def test_json(place: Place) -> None:
    place.pod("a", "fd00::2")
    (peer,) = json.loads(place.peers("--json").stdout)["peers"]
    assert (peer["address"], peer["name"], peer["ready"]) == ("[fd00::2]:3322", "a", True)


FAILURES = {
    "role missing": (60, 1, ["NOT_SYNCED", "forbidden", False, 403]),
    "server unreachable": (1, 3, ["NOT_SYNCED", "unreachable", True, 0]),
    "self has other labels": (60, 1, ["SELF_EXCLUDED", None, False, 0]),
    "no credentials": (60, 1, ["NO_CREDENTIALS", None, False, 0]),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failures_in_json(place: Place, name: str) -> None:
    seconds, code, expected = FAILURES[name]
    STATES[name].arrange(place)
    failed = place.run_for(
        seconds,
        lambda done: json.loads(done.stdout)["error"]["cause"] == expected[1],
        "peers",
        "--json",
    )
    error = json.loads(failed.stdout)["error"]
    assert [error[key] for key in ("status", "cause", "retryable", "http_status")] == expected
    assert error["message"] in failed.stderr
    assert failed.returncode == code


def test_a_refusal_is_known_to_last_however_short_the_wait(place: Place) -> None:
    """A script that tries again while it is told that it may, ends."""
    place.account("")
    # Long enough for the first answer on most machines, too short for it to be taken for one that
    # lasts.
    for _ in range(30):
        done = place.run("peers", "--json", "--timeout", "1")
        if done.returncode != 3:
            break
    assert json.loads(done.stdout)["error"]["retryable"] is False
    assert done.returncode == 1


@pytest.mark.parametrize("command", ["peers", "doctor", "watch"])
def test_ctrl_c_while_nothing_comes(place: Place, command: str) -> None:
    place.environment.update(
        KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT=str(REFUSING.getsockname()[1])
    )
    timeout = [] if command == "watch" else ["--timeout", "600"]
    with Running(place, command, *timeout) as running:
        if command != "peers":
            running.says("refused" if command == "watch" else "configuration")
        else:
            running.sleeps()
        assert running.interrupted() == (130, "")


def test_a_closed_pipe(place: Place) -> None:
    process = subprocess.Popen(
        place.command("watch"),
        env=place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        # A busy API server may be complained of first.
        assert any("+ me" in line for line in process.stdout)
        process.stdout.close()
        # Nothing more happens to the pods: it notices that the pipe has no reader.
        assert process.wait(PATIENCE) in (0, -signal.SIGPIPE)
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("command", ["peers", "doctor"])
def test_nobody_ever_reads(place: Place, command: str) -> None:
    place.pod("a", "10.0.0.2")
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w") as closed:
        done = subprocess.run(
            place.command(command, "--timeout", "60"),
            env=place.environment,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


def test_pods_come_change_and_go(place: Place) -> None:
    with place.watch() as watch:
        watch.says("+ me self")
        place.pod("a", phase="Pending")
        watch.says("+ a not-running - Pending not ready gossip=3322")
        place.tell("pod", "--phase=Running", "--ready=true", "--ip=10.0.0.2", "a")
        watch.says(
            "~ a ",
            "not-running -> peer",
            "Pending -> Running",
            "not ready -> ready",
            "- -> 10.0.0.2:3322",
        )
        place.tell("delete", "a")
        assert watch.says("Z - a").endswith("Z - a\n")
        watch.process.terminate()
        assert watch.ended() == (143, "")
