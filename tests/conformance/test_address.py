"""Who is self where nothing but an address tells."""

from __future__ import annotations

import fcntl
import socket
import struct
from ipaddress import ip_address

import pytest
from member import OWN, Member

GET_ADDRESS = 0x8915  # SIOCGIFADDR


@pytest.fixture(scope="session")
def here() -> str:
    """An address of this machine that others could know."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode())
            try:
                ip = ip_address(fcntl.ioctl(any_socket, GET_ADDRESS, request)[20:24])
            except OSError:  # it has none
                continue
            if not ip.is_loopback and not ip.is_link_local:
                return str(ip)
    pytest.fail("this machine has no address of its own, which a pod always has")


@pytest.mark.parametrize(("ips", "pod_ip"), [(["10.0.0.1"], "10.0.0.1"), (["10.0.0.1", "fd00::1"], "fd00:0::1")])
def test_pod_ip(process: Member, ips: list[str], pod_ip: str) -> None:
    process.namespace.pod(OWN, *ips)
    process.namespace.pod("other", "10.0.0.2")
    assert process.registered(pod_ip=pod_ip).ask("discover").payload == "10.0.0.2:3322"


def test_pod_ip_of_nobody(process: Member) -> None:
    process.namespace.pod("other", "10.0.0.2")
    # Who says an address means it: no name stands in for it.
    probes = process.registered({"HOSTNAME": "other", "POD_NAME": "other"}, pod_ip="10.0.0.1")
    line = probes.ask("discover")
    assert line[:4] == ("discover", "SELF_NOT_VISIBLE", True, 0)
    assert "10.0.0.1" in line.message
    process.namespace.pod(OWN, "10.0.0.1")
    probes.follow(["10.0.0.2:3322"])


def test_the_address_of_this_machine(process: Member, here: str) -> None:
    process.namespace.pod(OWN, here)
    process.namespace.pod("other", "10.0.0.2")
    assert process.registered().ask("discover").payload == "10.0.0.2:3322"
    # Under hostNetwork this is the node's.
    assert process.registered({"HOSTNAME": "other"}).ask("discover").payload == "10.0.0.2:3322"


def test_nobody_has_the_address_of_this_machine(process: Member, here: str) -> None:
    process.namespace.pod("other", "10.0.0.2")
    line = process.registered().ask("discover")
    assert line[:4] == ("discover", "SELF_NOT_VISIBLE", True, 0)
    for word in (here, "pod_name", "pod_uid", "`self` = `none`"):
        assert word in line.message


def test_several_pods_on_the_network_of_a_host(process: Member, here: str) -> None:
    for number in (1, 2):
        process.namespace.pod(f"pod-{number}", here, ports=[f"gossip={number}"])
    line = process.registered().ask("discover")
    assert line[:4] == ("discover", "NO_IDENTITY", False, 0)
    for word in (here, "`pod_uid`", "`pod_name`", "POD_UID", "POD_NAME"):
        assert word in line.message
    assert process.registered(pod_name="pod-1").ask("discover").payload == f"{here}:2"


def test_of_several_pods_of_a_host_one_has_the_port(process: Member, here: str) -> None:
    process.namespace.pod("log-shipper", here, ports=["http=80"])
    process.namespace.pod(OWN, here)
    process.namespace.pod("other", "10.0.0.2")
    probes = process.registered()
    assert probes.ask("discover").payload == "10.0.0.2:3322"
    verdicts = {pod["name"]: pod["verdict"] for pod in probes.explained()["pods"]}
    assert verdicts == {"log-shipper": "no-discovery-port", OWN: "self", "other": "peer"}


def test_of_several_pods_at_an_address_the_last_is_self(process: Member) -> None:
    # A pod of a node that was lost stays Running, and its address is given away.
    process.namespace.pod("lost", "10.0.0.1", started="2020-01-01T00:00:00Z")
    process.namespace.pod(OWN, "10.0.0.1", started="2020-01-01T00:00:01Z")
    probes = process.registered(pod_ip="10.0.0.1")
    assert probes.ask("discover") == ("discover", "OK", False, 0, "")
    verdicts = {pod["name"]: pod["verdict"] for pod in probes.explained()["pods"]}
    assert verdicts == {"lost": "address-taken", OWN: "self"}
