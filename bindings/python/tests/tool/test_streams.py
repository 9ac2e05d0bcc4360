"""What the tool does where it cannot print, and what of its output comes from a server."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from kubepeers.tool import records, streams
from kubepeers.tool.settings import Settings
from place import Place, command

#: Nothing answers there.
NOWHERE = ("-n", "default", "-l", "app=demo", "-p", "gossip", "--kubeconfig=/nowhere")
#: For a busy machine.
LONG = ["--timeout", "60"]
each = pytest.mark.parametrize(
    "arguments",
    [["peers", *LONG], ["peers", "--json", *LONG], ["watch"], ["doctor", *LONG], ["--version"]],
    ids=" ".join,
)


def run(
    place: Place, arguments: list[str], before: Callable[[], object]
) -> subprocess.CompletedProcess[str]:
    """Run the tool, whose process has done something before.

    Its stdout has a buffer, as it usually does.
    """
    place.environment.pop("PYTHONUNBUFFERED", None)
    done = subprocess.run(
        command(*arguments),
        env=place.environment,
        capture_output=True,
        text=True,
        preexec_fn=before,
        timeout=120,
        check=False,
    )
    assert not any(word in done.stdout + done.stderr for word in ("Traceback", "Exception")), done
    return done


def full(number: int) -> Callable[[], object]:
    return lambda: os.dup2(os.open("/dev/full", os.O_WRONLY), number)


@each
def test_stdout_is_closed(place: Place, arguments: list[str]) -> None:
    done = run(place, arguments, lambda: os.close(1))
    assert (done.returncode, done.stderr) == (1, "kubepeers: cannot go on: stdout is closed\n")


@each
def test_stdout_is_full(place: Place, arguments: list[str]) -> None:
    place.pod("a", "10.0.0.2")
    done = run(place, arguments, full(1))
    assert (done.returncode, done.stderr) == (
        1,
        "kubepeers: cannot go on: No space left on device\n",
    )


@pytest.mark.parametrize("before", [lambda: os.close(2), full(2)], ids=["closed", "full"])
def test_where_stderr_is_not_there_scripts_read_no_errors(
    place: Place, before: Callable[[], object]
) -> None:
    done = run(place, ["peers", *NOWHERE], before)
    assert (done.returncode, done.stdout) == (1, "")
    place.pod("a", "10.0.0.2")
    done = run(place, ["peers", *LONG], before)
    assert (done.returncode, done.stdout) == (0, "10.0.0.2:3322\n")


def test_all_is_closed(place: Place) -> None:
    assert run(place, ["watch"], lambda: os.closerange(0, 3)).returncode == 1


def test_no_error_steers_the_terminal(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    done = run(place, ["peers", *NOWHERE[:-1], "--kubeconfig=/no\u202e\x1b[2Jwhere"], lambda: None)
    assert done.returncode == 1
    assert "/no  [2Jwhere" in done.stderr
    # Lines stay lines: they may be a manifest.
    streams.complain("one\n  two\u2028\r")
    assert capsys.readouterr().err == "kubepeers: one\n  two  \n"


def test_records_go_to_stderr(place: Place, tmp_path: Path) -> None:
    # What Python runs first: the end waits for the records as long as a busy machine takes.
    (tmp_path / "sitecustomize.py").write_text(
        "from kubepeers import _log\n_log.CLOSE_TIMEOUT_S = 60\n"
    )
    place.environment["PYTHONPATH"] += f":{tmp_path}"
    place.pod("a", "10.0.0.2")
    assert place.peers().stderr == ""
    done = place.peers("--set", "log=debug")
    assert done.stdout == "10.0.0.2:3322\n"
    assert " INFO " in done.stderr
    place.environment["KUBEPEERS_LOG"] = "debug"
    assert " INFO " in place.run("doctor").stderr
    assert place.peers("--set", "log=off").stderr == ""


def test_no_record_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("kubepeers")
    before = logger.level
    records.show(Settings({"log": "info"}))
    try:
        logger.warning("it says \x1b[2J\n\u202e")
    finally:
        logger.removeHandler(logger.handlers[-1])
        logger.setLevel(before)
    assert capsys.readouterr().err.endswith(" WARNING it says  [2J  \n")
