"""Waiting for enough peers, and for what is of this moment."""

from __future__ import annotations

import pytest
from member import OWN, Member

DAY = 86400000


@pytest.mark.parametrize("stable_for", [0, 300])
def test_enough(member: Member, stable_for: int) -> None:
    member.namespace.pod("a", "10.0.0.2")
    member.namespace.pod("b", "10.0.0.3")
    probes = member.registered()
    assert probes.ask(f"settle 2 {stable_for} 60000") == (
        *("settle", "OK", False, 0),
        "1 10.0.0.2:3322 10.0.0.3:3322",
    )
    assert probes.ask(f"settle 0 {stable_for} 60000").status == "OK"


def test_too_few(member: Member) -> None:
    member.namespace.pod("a", "10.0.0.2")
    probes = member.registered()
    for timeout_ms in (0, 100, -1):
        line = probes.ask(f"settle 2 0 {timeout_ms}")
        assert line[:4] == ("settle", "TIMEOUT", True, 0)
        assert "1 known now" in line.message
        assert "at least 2 peers" in line.message


def test_not_for_long_enough(member: Member) -> None:
    line = member.registered().ask(f"settle 0 {DAY} 100")
    assert line[:4] == ("settle", "TIMEOUT", True, 0)


def test_more_come_while_it_waits(member: Member) -> None:
    pods = member.namespace
    pods.pod("a", "10.0.0.2")
    probes = member.registered()
    for probe in probes.all:
        probe.send("settle 2 100 60000")
    pods.pod("b", "10.0.0.3")
    for line in [probe.receive() for probe in probes.all]:
        assert line.status == "OK", line
        assert line.payload.split()[1:] == ["10.0.0.2:3322", "10.0.0.3:3322"]


def test_without_self_nothing_settles(process: Member) -> None:
    process.namespace.pod("a", "10.0.0.2")
    probes = process.registered(pod_name=OWN)
    assert probes.ask("settle 0 0 100")[:4] == ("settle", "SELF_NOT_VISIBLE", True, 0)
    process.namespace.pod(OWN, "10.0.0.1")
    for line in probes.each("settle 1 0 60000"):
        assert line.payload.split()[1:] == ["10.0.0.2:3322"]


@pytest.mark.parametrize("watch", ["auto", "poll"])
def test_what_is_refreshed_is_of_this_moment(member: Member, watch: str) -> None:
    pods = member.namespace
    # Nothing is polled in time; a watch may tell of a change, or be late.
    probes = member.registered(watch=watch, poll_interval_ms=str(DAY))
    for number in range(2, 5):
        pods.pod("a", f"10.0.0.{number}")
        assert probes.ask("refresh 60000") == ("refresh", "OK", False, 0, "")
        # At once: nothing is waited for here.
        assert probes.ask("discover") == ("discover", "OK", False, 0, f"10.0.0.{number}:3322")
        pods.delete("a")
        assert probes.ask("refresh 60000").status == "OK"
        assert probes.ask("discover").payload == ""


def test_refresh_without_a_wait(member: Member) -> None:
    for line in member.registered().each("refresh 0"):
        assert line[:4] == ("refresh", "STALE", True, 0)
        # It says how old what is known is.
        assert f"`{member.namespace.name}` is " in line.message
