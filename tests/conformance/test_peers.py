"""Which pods are peers, in which order, from their first moment to their last."""

from __future__ import annotations

import pytest
from member import OWN, Member
from namespace import Namespace


def test_alone(member: Member) -> None:
    probes = member.registered()
    assert probes.ask("discover") == ("discover", "OK", False, 0, "")
    assert probes.ask("wait 0 0") == ("wait", "OK", False, 0, "1")
    line = probes.ask("wait 1 0")
    assert line[:4] == ("wait", "TIMEOUT", True, 0)
    assert "generation 1" in line.message


def test_life_of_a_pod_set(member: Member) -> None:
    pods = member.namespace
    probes = member.registered()
    probes.follow([])
    steps = [
        lambda: pods.pod("a", "", phase="Pending"),
        lambda: pods.status("a", "10.0.0.2"),
        lambda: pods.status("a", phase="Running", ready=False),
        lambda: pods.status("a", ready=True),
        lambda: pods.pod("b", "10.0.0.3"),
        lambda: pods.terminate("a"),
        lambda: pods.status("b", phase="Succeeded"),
        lambda: pods.status("b", phase="Running"),
        lambda: pods.status("b", "10.0.0.4"),
        lambda: pods.delete("a"),
        lambda: pods.delete("b"),
    ]
    pods.pod("marker", "10.9.0.0")
    for number, step in enumerate(steps, start=1):
        step()
        # Changes come in their order: who sees the marker's new address has seen the step, even if it changed nothing.
        pods.status("marker", f"10.9.0.{number}")
        peers = pods.peers(OWN)
        assert f"10.9.0.{number}:3322" in peers
        probes.follow(peers)
    assert len(peers) == 1


def test_order_and_form_of_addresses(member: Member) -> None:
    ips = ["fd00::10", "10.0.0.10", "fd00::2", "10.0.0.9", "9.255.255.255", "10.0.0.100", "2001:db8::1"]
    for number, ip in enumerate(ips):
        member.namespace.pod(f"pod-{number}", ip)
    member.namespace.pod("other-port", "10.0.0.9", ports=["gossip=900"])
    # The same address twice, as on a host's network, is one peer.
    member.namespace.pod("twin", "10.0.0.9")
    expected = [
        *("9.255.255.255:3322", "10.0.0.9:900", "10.0.0.9:3322", "10.0.0.10:3322", "10.0.0.100:3322"),
        *("[2001:db8::1]:3322", "[fd00::2]:3322", "[fd00::10]:3322"),
    ]
    assert member.namespace.peers(OWN) == expected
    assert member.registered().ask("discover").payload == " ".join(expected)


LEFT_OUT = {
    "pending": {"phase": "Pending"},
    "failed": {"phase": "Failed"},
    "succeeded": {"phase": "Succeeded"},
    "unknown": {"phase": "Unknown"},
    "wrong-label": {"labels": ["app=other"]},
    "no-label": {"labels": []},
    "no-port": {"ports": ["remoting=3320", "gossip2=3322"]},
}


def leave_out(pods: Namespace) -> None:
    for number, (name, how) in enumerate(LEFT_OUT.items()):
        pods.pod(name, f"10.0.1.{number}", **how)
    pods.pod("no-ip", "")
    pods.pod("terminating", "10.0.2.1")
    pods.terminate("terminating")


def test_who_is_left_out(member: Member) -> None:
    leave_out(member.namespace)
    member.namespace.pod("good", "10.0.0.2")
    # Nobody is Ready before the cluster has formed.
    member.namespace.pod("not-ready", "10.0.0.3", ready=False)
    # More labels, and more ports, than needed.
    member.namespace.pod("more", "10.0.0.4", labels=["app=conformance", "tier=x"], ports=["http=80", "gossip=1"])
    assert member.registered().ask("discover").payload == "10.0.0.2:3322 10.0.0.3:3322 10.0.0.4:1"


def test_all_labels_must_match(member: Member) -> None:
    for number, labels in enumerate(["tier=x", "tier=", "tier=y"]):
        member.namespace.pod(f"pod-{number}", f"10.0.0.{number + 2}", labels=["app=conformance", labels])
    probes = member.registered(pod_labels="app=conformance,tier=", self="none")
    assert probes.ask("discover").payload == "10.0.0.3:3322"


def test_other_namespaces_are_left_out(member: Member) -> None:
    other = Namespace(member.namespace._program)
    other.account()
    other.pod("other", "10.0.0.2")
    assert member.registered().ask("discover").payload == ""


@pytest.mark.parametrize("count", [40])
def test_many(member: Member, count: int) -> None:
    for number in range(count):
        member.namespace.pod(f"pod-{number}", f"10.0.{number % 7}.{number + 2}")
    expected = member.namespace.peers(OWN)
    assert len(expected) == count
    assert member.registered().ask("discover").payload.split() == expected
