"""What health tells of trouble that begins and ends. Where it lasts is in cases/connection.yaml."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from member import Member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probes import Probes

GOOD = "1 0 1 0 - -"


def becomes(probes: Probes, payload: str) -> None:
    """Wait until health is this: READ STALE WATCHING POLLING STATUS CLASS."""
    line = probes.eventually("health", lambda line: line.payload == payload)
    assert line == ("health", "OK", False, 0, payload)


@contextmanager
def replaced(file: Path, content: bytes | None) -> Iterator[None]:
    """Have a file hold something else for a while, or not be there."""
    before = file.read_bytes()
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    yield
    file.write_bytes(before)


@contextmanager
def another_ca(member: Member) -> Iterator[None]:
    with replaced(member.mount / "ca.crt", Path(__file__).with_name("other-ca.crt").read_bytes()):
        yield


@contextmanager
def garbage(member: Member) -> Iterator[None]:
    with replaced(member.mount / "token", b"garbage"):
        yield


@contextmanager
def no_token(member: Member) -> Iterator[None]:
    with replaced(member.mount / "token", None):
        yield


@contextmanager
def no_role(member: Member) -> Iterator[None]:
    member.namespace.account(verbs="")
    yield
    member.namespace.account()


#: What goes wrong later, and what health says of it. A request that is needed then fails.
TROUBLE = {
    "another CA": (another_ca, "TLS tls"),
    "another token": (garbage, "UNAUTHORIZED unauthorized"),
    "no token": (no_token, "NO_CREDENTIALS credentials"),
    "no Role": (no_role, "FORBIDDEN forbidden"),
}


@pytest.mark.parametrize(("trouble", "said"), TROUBLE.values(), ids=TROUBLE)
def test_trouble(member: Member, trouble: Callable[[Member], Iterator[None]], said: str) -> None:
    member.namespace.pod("a", "10.0.0.2")
    probes = member.registered()
    becomes(probes, GOOD)
    with trouble(member):
        # A watch is not ended by any of these, a list is asked for anew.
        assert {line.status for line in probes.each("refresh 100")} == {"STALE"}
        becomes(probes, f"1 0 1 0 {said}")
        # What is known stands.
        assert probes.ask("discover") == ("discover", "OK", False, 0, "10.0.0.2:3322")
        # But nobody knows whether it lasts. Only a watch that has just begun may hide that for a moment.
        probes.eventually("settle 1 0 100", lambda line: line.status == "TIMEOUT")
    becomes(probes, GOOD)
    assert probes.ask("refresh 60000").status == "OK"
    assert probes.ask("settle 1 0 0").status == "OK"


def test_what_is_too_old_is_not_given_out(member: Member) -> None:
    member.namespace.pod("a", "10.0.0.2")
    probes = member.registered(max_stale_ms="1000", discover_timeout_ms="60000")
    # However quiet it is: the pods are listed anew.
    for _ in range(3):
        time.sleep(1.1)
        assert probes.ask("discover").payload == "10.0.0.2:3322"
