"""Calls that wait while pods change, refresh, and many peers.

cases/waiting.yaml has the other cases.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from member import SELF_POD, Member

ONE_DAY_MS = 86400000


def test_wait_for_peers_returns_when_enough_peers_appear(member: Member) -> None:
    pods = member.namespace
    pods.pod("a", "10.0.0.2")
    probes = member.registered()
    for probe in probes.all:
        probe.send("settle 2 100 60000")
    pods.pod("b", "10.0.0.3")
    for answer in [probe.receive() for probe in probes.all]:
        assert answer.snapshot[1] == ["10.0.0.2:3322", "10.0.0.3:3322"]


def test_wait_for_peers_waits_for_the_local_pod(unbound_member: Member) -> None:
    unbound_member.namespace.pod("a", "10.0.0.2")
    probes = unbound_member.registered(pod_name=SELF_POD)
    for probe in probes.all:
        probe.send("settle 1 0 60000")
    unbound_member.namespace.pod(SELF_POD, "10.0.0.1")
    for answer in [probe.receive() for probe in probes.all]:
        assert answer.snapshot[1] == ["10.0.0.2:3322"]


@pytest.mark.parametrize("watch", ["auto", "poll"])
def test_result_after_refresh_is_at_least_as_new_as_the_call(member: Member, watch: str) -> None:
    pods = member.namespace
    # Only refresh lists the pods in time. A watch may also report the change, or be late.
    probes = member.registered(watch=watch, poll_interval_ms=str(ONE_DAY_MS))
    for number in (2, 3):
        pods.pod("a", f"10.0.0.{number}")
        assert probes.call("refresh 60000") == ("refresh", "OK", False, 0, "")
        # The result is current at once: the test does not wait for it.
        assert probes.call("discover") == ("discover", "OK", False, 0, f"10.0.0.{number}:3322")
        pods.delete("a")
        assert probes.call("refresh 60000").status == "OK"
        assert probes.call("discover").payload == ""


def test_discover_returns_forty_peers(member: Member) -> None:
    pods = member.namespace
    with ThreadPoolExecutor(6) as pool:
        list(
            pool.map(
                lambda number: pods.pod(f"pod-{number}", f"10.0.{number % 7}.{number + 2}"),
                range(40),
            )
        )
    expected = pods.peers(SELF_POD)
    assert len(expected) == 40
    assert member.registered().call("discover").payload.split() == expected
