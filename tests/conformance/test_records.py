"""All that is known of a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import verdicts
from member import Member
from namespace import LABELS

if TYPE_CHECKING:
    from probes import Probes


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


def records(probes: Probes) -> list[Record]:
    line = probes.ask("nodes")
    assert line[:4] == ("nodes", "OK", False, 0)
    return [Record(*text.split(",")) for text in line.payload.split()]


def expected(pod: verdicts.Pod, revision: str = "", **defaults: int) -> Record:
    """Give what is to be told of a pod."""
    ports = {**defaults, **verdicts.ports(pod)}
    return Record(
        *(pod["metadata"]["name"], pod["metadata"]["uid"], pod["status"]["podIP"]),
        *(str(ports.get(name, 0)) for name in ("gossip", "remoting", "peers")),
        *(str(int(verdicts.ready(pod))), pod["spec"].get("nodeName", ""), revision),
    )


def test_all_fields(member: Member) -> None:
    pods = member.namespace
    pods.pod("full", "fd00::2", ready=True, node="node-7", labels=[*LABELS, "pod-template-hash=5d9"])
    pods.pod("stateful", "10.0.0.3", ready=False, labels=[*LABELS, "controller-revision-hash=web-7"])
    pods.pod("bare", "10.0.0.2", node="", ports=["gossip=65535"])
    by_name = {verdicts.name(pod): pod for pod in pods.pods()}
    probes = member.registered()
    # In the order of the addresses.
    assert records(probes) == [
        expected(by_name["bare"]),
        expected(by_name["stateful"], "web-7"),
        expected(by_name["full"], "5d9"),
    ]
    assert probes.ask("discover").payload == "10.0.0.2:65535 10.0.0.3:3322 [fd00::2]:3322"
    # Nothing of it is the same by chance.
    bare, _, full = records(probes)
    assert bare[3:] == ("65535", "0", "0", "0", "", "")
    assert full[2:] == ("fd00::2", "3322", "3320", "3321", "1", "node-7", "5d9")


def test_alone(member: Member) -> None:
    assert records(member.registered()) == []


def test_default_ports(member: Member) -> None:
    pods = member.namespace
    pods.pod("named", "10.0.0.2")
    pods.pod("nameless", "10.0.0.3", ports=["other=1"])
    by_name = {verdicts.name(pod): pod for pod in pods.pods()}
    defaults = {"gossip": 7946, "remoting": 1, "peers": 65535}
    settings = {"default_discovery_port": "7946", "default_remoting_port": "1", "default_peers_port": "65535"}
    found = records(member.registered(**settings))
    assert found == [expected(by_name["named"]), expected(by_name["nameless"], **defaults)]
    assert found[1][3:6] == ("7946", "1", "65535")


def test_the_address_of_the_family_that_is_asked_for(member: Member) -> None:
    member.namespace.status("me", "10.0.0.1", "fd00::1")
    member.namespace.pod("both", "10.0.0.2", "fd00::2")
    (record,) = records(member.registered(ip_family="ipv6"))
    assert record.host == "fd00::2"


def test_readiness_is_a_change_of_its_own(member: Member) -> None:
    pods = member.namespace
    pods.pod("a", "10.0.0.2", ready=True)
    probes = member.registered()
    probes.follow(["10.0.0.2:3322"])
    for ready in (False, True, False):
        pods.status("a", ready=ready)
        # A new generation of the same addresses.
        probes.follow_at_once(["10.0.0.2:3322"])
        (record,) = records(probes)
        assert record.ready == str(int(ready))


def test_a_pod_of_the_same_name_is_another_one(member: Member) -> None:
    pods = member.namespace
    pods.pod("a", "10.0.0.2")
    first = pods.uid("a")
    probes = member.registered()
    assert [record.uid for record in records(probes)] == [first]
    pods.delete("a")
    pods.pod("a", "10.0.0.2")
    second = pods.uid("a")
    assert second != first
    probes.eventually("nodes", lambda line: second in line.payload)
