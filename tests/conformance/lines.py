"""What is in the lines that probes print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from probes import Line, Probe


class Record(NamedTuple):
    """A peer, as probes print it."""

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
        return f"[{self.host}]:{self.discovery_port}" if ":" in self.host else f"{self.host}:{self.discovery_port}"


def see(lines: dict[str, Line], expected: dict[str, Any]) -> None:
    """See that each line has the status, and the words in its message or payload."""
    for language, line in lines.items():
        retryable, http_status = expected.get("retryable", False), expected.get("http_status", 0)
        assert line[1:4] == (expected["status"], retryable, http_status), f"{language}: {line}"
        for word in expected.get("words", []):
            assert word in line.message, f"{language}: {line}"
        assert line.message == expected.get("payload", line.message), language


def told(probe: Probe, line: Line) -> tuple[int, list[str]]:
    """Give the generation and the addresses of a line that has them."""
    assert line[1:4] == ("OK", False, 0), f"{probe.language}: {line}"
    generation, *addresses = line.payload.split()
    return int(generation), addresses
