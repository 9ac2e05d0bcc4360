"""Errors in health that appear and disappear. cases/connection.yaml has errors that last."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from case_setup import OTHER_CA
from member import Member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probes import Probes

HEALTHY = "1 0 1 0 - -"


def wait_for_health(probes: Probes, payload: str) -> None:
    """Wait until health has this payload: READ STALE WATCHING POLLING STATUS CLASS."""
    answer = probes.wait_for("health", lambda answer: answer.payload == payload)
    assert answer == ("health", "OK", False, 0, payload)


@contextmanager
def replaced(file: Path, content: bytes | None) -> Iterator[None]:
    """Replace the content of a file during the block. None removes the file."""
    original = file.read_bytes()
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    yield
    file.write_bytes(original)


@contextmanager
def other_ca(member: Member) -> Iterator[None]:
    with replaced(member.mount / "ca.crt", OTHER_CA.read_bytes()):
        yield


@contextmanager
def invalid_token(member: Member) -> Iterator[None]:
    with replaced(member.mount / "token", b"garbage"):
        yield


@contextmanager
def missing_token(member: Member) -> Iterator[None]:
    with replaced(member.mount / "token", None):
        yield


@contextmanager
def missing_role(member: Member) -> Iterator[None]:
    member.namespace.account(verbs="")
    yield
    member.namespace.account()


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (other_ca, "TLS tls"),
        (invalid_token, "UNAUTHORIZED unauthorized"),
        (missing_token, "NO_CREDENTIALS credentials"),
        (missing_role, "FORBIDDEN forbidden"),
    ],
)
def test_health_reports_the_error_of_a_refresh_until_it_is_fixed(
    member: Member, cause: Callable[[Member], Iterator[None]], error: str
) -> None:
    member.namespace.pod("a", "10.0.0.2")
    probes = member.registered()
    wait_for_health(probes, HEALTHY)
    with cause(member):
        # The open watch continues, but refresh needs a new request.
        assert {answer.status for answer in probes.call_each("refresh 100").values()} == {"STALE"}
        wait_for_health(probes, f"1 0 1 0 {error}")
        # The last result is kept.
        assert probes.call("discover") == ("discover", "OK", False, 0, "10.0.0.2:3322")
        # The last result does not count as stable. A watch that has just begun may hide this for a
        # moment.
        probes.wait_for("settle 1 0 100", lambda answer: answer.status == "TIMEOUT")
    wait_for_health(probes, HEALTHY)
    assert probes.call("refresh 60000").status == "OK"
    assert probes.call("settle 1 0 0").status == "OK"


def test_result_older_than_max_stale_is_refreshed_on_demand(member: Member) -> None:
    member.namespace.pod("a", "10.0.0.2")
    probes = member.registered(max_stale_ms="1000", discover_timeout_ms="60000")
    # No event confirms the result.
    for _ in range(2):
        time.sleep(1.1)
        assert probes.call("discover").payload == "10.0.0.2:3322"
