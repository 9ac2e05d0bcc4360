"""Signal handlers of Python run at once while a call waits."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import kubepeers
import pytest
from configuration import Options

#: The program says when it waits, and when its handler runs. The wait itself goes on, as PEP 475 demands.
PROGRAM = """
import os, signal, sys, time
from kubepeers import *
from kubepeers._wait import ChangeDescriptor
wait = ChangeDescriptor.wait
def waited(changes, seconds):
    if not seen:
        seen.append(time.monotonic())
        print("waits", flush=True)
    wait(changes, seconds)
ChangeDescriptor.wait = waited
seen = []
def handle(*_):
    print("handled", flush=True)
    {reaction}
signal.signal(signal.SIGTERM, handle)
signal.signal(signal.SIGINT, signal.default_int_handler)
provider = Provider(**{options!r})
{before}
try:
    {call}
except BaseException as e:
    print("ended by", type(e).__name__, flush=True)
"""

CALLS = {
    "wait": "provider.wait(timeout=60)",
    "wait_for_peers": "provider.wait_for_peers(1, timeout=60)",
    "register": "provider.register(60)",
    "refresh": "provider.refresh(60)",
    "discover_peers": "provider.discover_peers(60)",
    "nodes": "provider.nodes(60)",
    "self_node": "provider.self_node(60)",
    "changes": "next(provider.changes())",
}


class Program:
    """A program that makes a call that waits for a minute."""

    def __init__(self, call: str, reaction: str, options: Options) -> None:
        before = "" if call == "register" else "provider.register(0)"
        code = PROGRAM.format(call=CALLS[call], reaction=reaction, options=options, before=before)
        environment = {**os.environ, "PYTHONPATH": str(Path(kubepeers.__file__).parents[1])}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.line() == "waits"

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize("call", CALLS)
def test_a_handler_runs_before_the_wait_has_ended(call: str, options: Options) -> None:
    program = Program(call, "pass", options)
    try:
        for _ in range(2):
            sent = time.monotonic()
            program.process.terminate()
            assert program.line() == "handled"
            # It takes milliseconds on an idle machine. A late handler would run after a minute.
            assert time.monotonic() - sent < 10
        # The wait has not ended: the next line is the end.
        assert program.process.poll() is None
        # Ctrl-C ends the wait.
        program.process.send_signal(2)
        assert program.line() == "ended by KeyboardInterrupt"
        assert program.process.wait(60) == 0
    finally:
        program.end()


@pytest.mark.parametrize("call", ["wait", "wait_for_peers", "register", "refresh"])
@pytest.mark.parametrize(
    ("reaction", "ends"),
    [("raise SystemExit", "SystemExit"), ("provider.close()", "ClosedError")],
)
def test_a_handler_may_end_the_wait(call: str, reaction: str, ends: str, options: Options) -> None:
    program = Program(call, reaction, options)
    try:
        program.process.terminate()
        assert program.line() == "handled"
        assert program.line() == f"ended by {ends}"
        assert program.process.wait(60) == 0
    finally:
        program.end()
