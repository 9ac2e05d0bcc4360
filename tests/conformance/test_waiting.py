"""Calls that wait while something changes, and what is of this moment. All else is in cases/waiting.yaml."""

from __future__ import annotations

import pytest
from member import OWN, Member

DAY = 86400000


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
    for probe in probes.all:
        probe.send("settle 1 0 60000")
    process.namespace.pod(OWN, "10.0.0.1")
    for line in [probe.receive() for probe in probes.all]:
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
