"""What the configuration leaves to choose about who is a peer."""

from __future__ import annotations

from member import Member


def test_readiness(member: Member) -> None:
    member.namespace.pod("ready", "10.0.0.2", ready=True)
    member.namespace.pod("not-ready", "10.0.0.3", ready=False)
    assert member.registered(readiness="ready").ask("discover").payload == "10.0.0.2:3322"
    assert member.registered(readiness="ignore").ask("discover").payload == "10.0.0.2:3322 10.0.0.3:3322"


def test_own_pod_need_not_be_ready(member: Member) -> None:
    member.namespace.status("me", ready=False)
    assert member.registered(readiness="ready").ask("discover").status == "OK"


def test_pending(member: Member) -> None:
    member.namespace.pod("starting", "10.0.0.2", phase="Pending")
    member.namespace.pod("placeless", "", phase="Pending")
    assert member.registered().ask("discover").payload == ""
    assert member.registered(pending="include").ask("discover").payload == "10.0.0.2:3322"


def test_own_pod_pending(member: Member) -> None:
    member.namespace.status("me", phase="Pending")
    assert member.registered().ask("discover").status == "SELF_NOT_VISIBLE"
    assert member.registered(pending="include").ask("discover").status == "OK"


def test_ip_family(member: Member) -> None:
    member.namespace.status("me", "10.0.0.1", "fd00::1")
    member.namespace.pod("both", "10.0.0.2", "fd00::2")
    member.namespace.pod("four", "10.0.0.3")
    assert member.registered(ip_family="primary").ask("discover").payload == "10.0.0.2:3322 10.0.0.3:3322"
    assert member.registered(ip_family="ipv4").ask("discover").payload == "10.0.0.2:3322 10.0.0.3:3322"
    assert member.registered(ip_family="ipv6").ask("discover").payload == "[fd00::2]:3322"


def test_own_pod_without_an_address_of_the_family(member: Member) -> None:
    line = member.registered(ip_family="ipv6").ask("discover")
    assert line[:4] == ("discover", "SELF_EXCLUDED", False, 0)
    assert "`ip_family`" in line.message


def test_default_discovery_port(member: Member) -> None:
    member.namespace.pod("named", "10.0.0.2")
    member.namespace.pod("nameless", "10.0.0.3", ports=["other=1"])
    probes = member.registered(default_discovery_port="7946")
    assert probes.ask("discover").payload == "10.0.0.2:3322 10.0.0.3:7946"
