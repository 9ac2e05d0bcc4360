"""The answers of probes and their comparison. README.md describes the format."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """The line that a probe prints for a command."""

    command: str
    status: str
    retryable: bool
    http_status: int
    payload: str

    @classmethod
    def parse(cls, line: str) -> Answer:
        command, status, retryable, http_status, payload = line.split("\t")
        assert retryable in "01", line
        return cls(command, status, retryable == "1", int(http_status), payload)

    @property
    def message(self) -> str:
        """The payload, unescaped."""
        unescaped = {"n": "\n", "t": "\t", "\\": "\\"}
        characters = iter(self.payload)
        return "".join(unescaped[next(characters)] if c == "\\" else c for c in characters)

    @property
    def explanation(self) -> Any:
        """The decoded JSON of explain."""
        assert self[:2] == ("explain", "OK"), self
        return json.loads(self.message)

    @property
    def snapshot(self) -> tuple[int, list[str]]:
        """The generation and the addresses of an answer that succeeded."""
        assert self[1:4] == ("OK", False, 0), self
        generation, *addresses = self.payload.split()
        return int(generation), addresses


class Record(NamedTuple):
    """A peer in the answer to `nodes`."""

    name: str
    uid: str
    host: str
    discovery_port: str
    remoting_port: str
    peers_port: str
    ready: str
    node_name: str
    revision: str

    @property
    def address(self) -> str:
        return (
            f"[{self.host}]:{self.discovery_port}"
            if ":" in self.host
            else f"{self.host}:{self.discovery_port}"
        )


def assert_expected(answers: dict[str, Answer], expected: dict[str, Any]) -> None:
    """Fail unless each answer has the expected status, words and payload."""
    for language, answer in answers.items():
        retryable, http_status = expected.get("retryable", False), expected.get("http_status", 0)
        assert answer[1:4] == (expected["status"], retryable, http_status), f"{language}: {answer}"
        for word in expected.get("words", []):
            assert word in answer.message, f"{language}: {answer}"
        assert answer.message == expected.get("payload", answer.message), language


def common_answer(answers: dict[str, Answer]) -> Answer:
    """Return the answer that all languages gave, and fail if they differ."""
    (first, answer), *others = answers.items()
    for language, other in others:
        assert comparable(other) == comparable(answer), (
            f"{language} and {first} differ: {other} and {answer}"
        )
    return answer


def comparable(answer: Answer) -> tuple[Any, ...]:
    """Return the parts that must be equal in all languages. README.md lists the differences."""
    if answer.command == "doctor":
        # The processes read the clock at different times.
        text = re.sub(r"token expires in \w+", "token expires", answer.message)
        return (*answer[:4], json.loads(text) if text.startswith("{") else text)
    # Each language writes its own JSON, so only the values must be equal.
    if answer.command == "explain" and answer.payload.startswith("{"):
        return (*answer[:4], answer.explanation)
    # Go's message contains no milliseconds, and ages differ between processes.
    if answer.status == "STALE" or (answer.command, answer.status) == ("wait", "TIMEOUT"):
        return answer[:4]
    return answer
