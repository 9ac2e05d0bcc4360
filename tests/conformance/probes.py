"""Runs the probes of all languages side by side. README.md documents their commands."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pytest
from answers import Answer, common_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from processes import Program

#: Ends a test that would otherwise hang. No test depends on its length.
HANG_TIMEOUT_S = 300.0
#: The limit of `wait_until`, which test_mutations.py shortens.
WAIT_TIMEOUT_S = HANG_TIMEOUT_S

T = TypeVar("T")


class Probe:
    """The process of one probe."""

    def __init__(
        self,
        language: str,
        program: Program,
        arguments: list[bytes],
        environment: Mapping[str, str],
    ) -> None:
        self.language = language
        #: All lines that the probe has printed.
        self.printed: list[str] = []
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed by end)
        self._process = program.start(arguments, environment, self._stderr)
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        # An empty text marks the end, because an empty line still has its newline.
        self._lines.put(b"")

    def send(self, command: str) -> None:
        assert self._process.stdin
        # If the probe has ended, `receive` fails the test and reports its stderr.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()

    def receive(self) -> Answer:
        try:
            text = self._lines.get(timeout=HANG_TIMEOUT_S).decode()
        except queue.Empty:
            pytest.fail(f"the {self.language} probe does not answer: {self.stderr()}")
        self.printed.append(text)
        assert text.endswith("\n"), f"the {self.language} probe ended: {self.stderr()}"
        return Answer.parse(text[:-1])

    def call(self, command: str) -> Answer:
        """Send a command and return the answer."""
        self.send(command)
        return self.receive()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def stderr(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def end(self) -> tuple[int, str]:
        """Close stdin, wait until the probe ends, and return its exit status and stderr."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.close()
            code = self._process.wait(HANG_TIMEOUT_S)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            code = self._process.wait()
        self._reader.join(HANG_TIMEOUT_S)
        self._process.stdout.close()
        with self._stderr:
            return code, self.stderr()


class Probes:
    """The probes of all languages, with the same configuration and environment."""

    def __init__(
        self,
        programs: Mapping[str, Program],
        arguments: list[bytes],
        environment: Mapping[str, str],
    ) -> None:
        self.all = [
            Probe(language, program, arguments, environment)
            for language, program in programs.items()
        ]
        self._generations = {probe.language: 0 for probe in self.all}

    def call(self, command: str) -> Answer:
        """Send a command to all probes and return their common answer."""
        return common_answer(self.call_each(command))

    def call_each(self, command: str) -> dict[str, Answer]:
        """Send a command to all probes and return the answers by language."""
        for probe in self.all:
            probe.send(command)
        return {probe.language: probe.receive() for probe in self.all}

    def statuses(self, *commands: str) -> list[str]:
        """Return the status of each command."""
        return [self.call(command).status for command in commands]

    def wait_for(self, command: str, condition: Callable[[Answer], bool]) -> Answer:
        """Repeat a command in each language until the condition holds. Return the common answer."""
        answers = {
            probe.language: wait_until(partial(probe.call, command), condition, probe.language)
            for probe in self.all
        }
        return common_answer(answers)

    def register(self) -> None:
        """Initialize and register."""
        assert self.call("init").status == "OK"
        answer = self.call("register")
        assert answer == ("register", "OK", False, 0, ""), answer

    def wait_for_peers(self, expected: list[str]) -> None:
        """Wait through the generations until one has these peers.

        No generation may be returned twice.
        """
        for probe in self.all:
            wait_until(
                partial(self._next_peers, probe),
                lambda peers: peers == expected,
                f"{probe.language}, {expected}",
            )
        answer = self.call("discover")
        assert answer == ("discover", "OK", False, 0, " ".join(expected))

    def expect_next_peers(self, expected: list[str]) -> None:
        """Wait for the next generation, which must have these peers."""
        for probe in self.all:
            before = self._generations[probe.language]
            peers = wait_until(
                partial(self._next_peers, probe), lambda peers: peers is not None, probe.language
            )
            assert peers == expected, f"{probe.language}: {peers}"
            # An intermediate generation may be too short to be observed, but it has a number.
            assert self._generations[probe.language] == before + 1, probe.language

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the processes during the block, so that they miss the changes in it."""
        for probe in self.all:
            probe.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for probe in self.all:
                probe.signal(signal.SIGCONT)

    def _next_peers(self, probe: Probe) -> list[str] | None:
        last = self._generations[probe.language]
        answer = probe.call(f"wait {last} 1000")
        if answer.status != "OK":
            assert answer.status in ("TIMEOUT", "SELF_NOT_VISIBLE"), answer
            return None
        generation, peers = answer.snapshot
        assert generation > last, answer
        self._generations[probe.language] = generation
        return peers


def wait_until(read: Callable[[], T], condition: Callable[[T], bool], description: str) -> T:
    """Read a value until the condition holds, and return it."""
    deadline = time.monotonic() + WAIT_TIMEOUT_S
    while True:
        value = read()
        if condition(value):
            return value
        assert time.monotonic() < deadline, f"{description}: still {value}"
        time.sleep(0.02)


def base_environment() -> dict[str, str]:
    """Return this environment without the variables that describe a cluster or a pod."""
    prefixes = ("KUBE", "POD_", "HOSTNAME")
    return {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(prefixes) or k == "KUBEPEERS_LIBRARY"
    }
