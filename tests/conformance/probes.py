"""The probes of all languages, played in step: README.md says what a probe is."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: Bounds what would otherwise hang. It is no expectation: machines that run tests are busy.
PATIENCE = 300.0

T = TypeVar("T")


class Line(NamedTuple):
    """What a probe prints for a command."""

    command: str
    status: str
    retryable: bool
    http_status: int
    payload: str

    @classmethod
    def parse(cls, text: str) -> Line:
        command, status, retryable, http_status, payload = text.split("\t")
        assert retryable in "01", text
        return cls(command, status, retryable == "1", int(http_status), payload)

    @property
    def message(self) -> str:
        """The payload as it was before it became part of one line."""
        unescaped = {"n": "\n", "t": "\t", "\\": "\\"}
        characters = iter(self.payload)
        return "".join(unescaped[next(characters)] if c == "\\" else c for c in characters)

    @property
    def explanation(self) -> Any:
        """What explain tells of every pod, as JSON."""
        assert self[:2] == ("explain", "OK"), self
        return json.loads(self.message)


class Probe:
    """One probe."""

    def __init__(self, language: str, command: list[str | bytes], environment: Mapping[str, str]) -> None:
        self.language = language
        #: All that it printed.
        self.printed: list[str] = []
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed by end)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, env=environment
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        # The end: an empty line has its newline.
        self._lines.put(b"")

    def send(self, command: str) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # why it ended is said when its answer is asked for
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()

    def receive(self) -> Line:
        try:
            text = self._lines.get(timeout=PATIENCE).decode()
        except queue.Empty:
            pytest.fail(f"the {self.language} probe does not answer: {self.stderr()}")
        self.printed.append(text)
        assert text.endswith("\n"), f"the {self.language} probe ended: {self.stderr()}"
        return Line.parse(text[:-1])

    def ask(self, command: str) -> Line:
        self.send(command)
        return self.receive()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def stderr(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def end(self) -> tuple[int, str]:
        """Let it end by itself, and give its exit status and stderr."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.close()
            code = self._process.wait(PATIENCE)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            code = self._process.wait()
        self._reader.join(PATIENCE)
        self._process.stdout.close()
        with self._stderr:
            return code, self.stderr()


class Probes:
    """The probes of all languages with the same configuration and environment."""

    def __init__(
        self, programs: Mapping[str, list[str]], settings: list[bytes], environment: Mapping[str, str]
    ) -> None:
        self.all = [Probe(language, [*program, *settings], environment) for language, program in programs.items()]
        self._generations = {probe.language: 0 for probe in self.all}

    def ask(self, command: str) -> Line:
        """Give the line that all languages print."""
        return same(self.by_language(command))

    def by_language(self, command: str) -> dict[str, Line]:
        """Give the line of each language by its name."""
        for probe in self.all:
            probe.send(command)
        return {probe.language: probe.receive() for probe in self.all}

    def each(self, command: str) -> list[Line]:
        """Give the line of each language: for what differs from one moment or process to another."""
        return list(self.by_language(command).values())

    def explained(self) -> Any:
        """Give what is known of every pod."""
        return self.ask("explain json").explanation

    def statuses(self, *commands: str) -> list[str]:
        """Give the status of each command; the lines are the same in all languages."""
        return [self.ask(command).status for command in commands]

    def eventually(self, command: str, good: Callable[[Line], bool]) -> Line:
        """Repeat a command until each language's line is good, and give the line that all print then."""
        return same({probe.language: until(partial(probe.ask, command), good, probe.language) for probe in self.all})

    def register(self) -> None:
        """Initialise and register."""
        assert self.ask("init").status == "OK"
        line = self.ask("register")
        assert line == ("register", "OK", False, 0, ""), line

    def follow(self, expected: list[str]) -> None:
        """Wait for one generation after the other until the peers are these. None may be shown twice."""
        for probe in self.all:
            until(partial(self._next, probe), lambda peers: peers == expected, f"{probe.language}, {expected}")
        line = self.ask("discover")
        assert line == ("discover", "OK", False, 0, " ".join(expected))

    def follow_at_once(self, expected: list[str]) -> None:
        """Wait for the next generation, in which the peers are these."""
        for probe in self.all:
            before = self._generations[probe.language]
            peers = until(partial(self._next, probe), lambda peers: peers is not None, probe.language)
            assert peers == expected, f"{probe.language}: {peers}"
            # And there was no other before it, which was too short to be seen.
            assert self._generations[probe.language] == before + 1, probe.language

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the processes for a while, as with a machine that sleeps: what goes on meanwhile is not seen."""
        for probe in self.all:
            probe.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for probe in self.all:
                probe.signal(signal.SIGCONT)

    def _next(self, probe: Probe) -> list[str] | None:
        seen = self._generations[probe.language]
        line = probe.ask(f"wait {seen} 1000")
        if line.status != "OK":
            assert line.status in ("TIMEOUT", "SELF_NOT_VISIBLE"), line
            return None
        generation, *peers = line.payload.split()
        assert int(generation) > seen, line
        self._generations[probe.language] = int(generation)
        return peers


def same(lines: dict[str, Line]) -> Line:
    """Give the line that all languages printed."""
    (first, line), *others = lines.items()
    for language, other in others:
        assert comparable(other) == comparable(line), f"{language} and {first} differ"
    return line


def comparable(line: Line) -> tuple[Any, ...]:
    """Give what has to be the same in all languages: README.md says what need not be."""
    # Objects of each language's own become JSON again: only what they hold counts.
    if line.command == "explain" and line.payload.startswith("{"):
        return (*line[:4], line.explanation)
    # Those of Go have contexts instead of numbers; and how old something is differs from process to process.
    if line.status == "STALE" or (line.command, line.status) == ("wait", "TIMEOUT"):
        return line[:4]
    return line


def until(ask: Callable[[], T], good: Callable[[T], bool], what: str) -> T:
    """Repeat a question until the answer is good."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = ask()
        if good(answer):
            return answer
        assert time.monotonic() < deadline, f"{what}: still {answer}"
        time.sleep(0.02)


def base_environment() -> dict[str, str]:
    """Give an environment that says nothing of a cluster or a pod."""
    meant = ("KUBE", "POD_", "HOSTNAME")
    return {k: v for k, v in os.environ.items() if not k.startswith(meant) or k == "KUBEPEERS_LIBRARY"}
