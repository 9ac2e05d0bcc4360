"""Why a pod is a peer or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import verdicts
from member import OWN, Member
from namespace import Namespace

if TYPE_CHECKING:
    from probes import Probes

VERDICTS = {
    *("peer", "self", "not-running", "terminating", "no-ip", "no-ip-of-family", "no-discovery-port"),
    *("not-ready", "address-taken"),
}

CHOICES: dict[str, dict[str, str]] = {
    "defaults": {},
    "readiness": {"readiness": "ready"},
    "pending": {"pending": "include"},
    "ipv4": {"ip_family": "ipv4"},
    "ipv6": {"ip_family": "ipv6"},
    "default port": {"default_discovery_port": "7946"},
    "all": {"readiness": "ready", "pending": "include", "ip_family": "ipv6", "default_discovery_port": "7946"},
}

LONG_AGO, ONE_DAY = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


def make_pods(pods: Namespace) -> None:
    """Make pods of every kind."""
    pods.status(OWN, "10.0.0.1", "fd00::1")
    pods.pod("ready", "10.0.0.2", "fd00::2", ready=True)
    pods.pod("not-ready", "10.0.0.3", "fd00::3", ready=False)
    pods.pod("only-ipv6", "fd00::4", ready=True)
    pods.pod("no-ip", "", ready=True)
    pods.pod("no-port", "10.0.0.5", ports=["remoting=1"], ready=True)
    pods.pod("nothing", "", phase="Pending", ports=["other=1"], ready=False)
    pods.pod("terminating", "10.0.0.6", ready=True)
    pods.terminate("terminating")
    for number, phase in enumerate(["Pending", "Succeeded", "Failed", "Unknown"]):
        pods.pod(phase.lower(), f"10.0.1.{number}", phase=phase, ready=phase == "Pending")
    # A node was lost with it, and its address given to the own pod, whenever that was.
    pods.pod("own-address", "10.0.0.1", "fd00::1", started=ONE_DAY, ready=True)
    pods.pod("own-address-other-port", "10.0.0.1", ports=["gossip=1"], ready=True)
    # Where it is not known when a pod has started, it is known when it was made.
    for ip, first, last in (("10.0.2.1", LONG_AGO, ""), ("10.0.2.2", "", ONE_DAY), ("10.0.2.3", LONG_AGO, ONE_DAY)):
        pods.pod(f"first-at-{ip}", ip, started=first, ready=True)
        pods.pod(f"last-at-{ip}", ip, started=last, ready=True)
    # Who cannot be a peer takes no address away.
    pods.pod("alive", "10.0.2.4", started=LONG_AGO, ready=True)
    pods.pod("dead", "10.0.2.4", started=ONE_DAY, phase="Failed")
    pods.pod("of-others", "10.0.0.7", labels=["app=other"])


def synced(member: Member, **settings: str) -> Probes:
    probes = member.registered(**settings)
    # Until then it may have been told of a moment that is past.
    assert probes.ask("refresh 60000").status == "OK"
    return probes


def check_json(explained: dict[str, Any], pods: list[verdicts.Pod], settings: dict[str, str]) -> None:
    """See that every pod has its one verdict, and what it was made from."""
    reasons = verdicts.reasons(pods, OWN, settings)
    assert [judged["name"] for judged in explained["pods"]] == sorted(reasons)
    by_name = {verdicts.name(pod): pod for pod in pods}
    for judged in explained["pods"]:
        pod, why = by_name[judged["name"]], reasons[judged["name"]]
        assert judged["verdict"] in (why or {"peer"}), judged
        assert judged["address"] == (None if why else str(verdicts.place(pod, settings))), judged
        assert judged["ips"] == verdicts.ips(pod)
        assert (judged["phase"], judged["uid"]) == (pod["status"]["phase"], pod["metadata"]["uid"])
        assert judged["terminating"] is ("deletionTimestamp" in pod["metadata"])
        assert judged["ready"] is verdicts.ready(pod)
        assert (judged["node_name"], judged["revision"]) == ("node-1", "")
        assert judged["started"] == verdicts.started(pod)
        assert dict(judged["ports"]) == verdicts.ports(pod)


def check_table(table: str, explained: dict[str, Any]) -> None:
    """See that every pod has one line, with its verdict."""
    lines = [line.split() for line in table.splitlines()]
    for judged in explained["pods"]:
        (line,) = [line for line in lines if line[0] == judged["name"]]
        assert judged["verdict"] in line


def test_every_pod_has_one_verdict(member: Member) -> None:
    make_pods(member.namespace)
    pods = member.namespace.pods()
    found = set()
    for settings in CHOICES.values():
        probes = synced(member, **settings)
        explained = probes.explained()
        check_json(explained, pods, settings)
        check_table(probes.ask("explain table").message, explained)
        peers = {judged["address"] for judged in explained["pods"] if judged["address"]}
        assert set(probes.ask("discover").payload.split()) == peers
        found |= {judged["verdict"] for judged in explained["pods"]}
    assert found == VERDICTS


def test_whose_pods_these_are(member: Member) -> None:
    explained = synced(member).explained()
    assert (explained["namespace"], explained["selector"]) == (member.namespace.name, "app=conformance")
    assert f"`{OWN}`" in explained["own_pod"]
    assert explained["gate"] == "open"


def test_nobody_is_self(member: Member) -> None:
    explained = synced(member, self="none").explained()
    assert explained["gate"] == "open"
    assert [(judged["name"], judged["verdict"]) for judged in explained["pods"]] == [(OWN, "peer")]


GATES: dict[str, dict[str, Any] | None] = {
    "self-absent": None,
    "self-not-yet": {"phase": "Pending"},
    "self-excluded": {"ports": ["other=1"]},
    "self-unselected": {"labels": ["app=other"]},
}


@pytest.mark.parametrize(("gate", "own"), GATES.items(), ids=GATES)
def test_what_an_answer_waits_for(process: Member, gate: str, own: dict[str, Any] | None) -> None:
    process.namespace.pod("other", "10.0.0.2")
    if own is not None:
        process.namespace.pod(OWN, "10.0.0.1", **own)
    probes = synced(process, pod_name=OWN)
    # It is told where no answer can be given, too: that is when it is needed most.
    assert probes.ask("discover").status in ("SELF_NOT_VISIBLE", "SELF_EXCLUDED")
    explained = probes.explained()
    assert explained["gate"] == gate
    assert {judged["name"]: judged["verdict"] for judged in explained["pods"]}["other"] == "peer"
    assert gate in probes.ask("explain table").message


def test_several_pods_may_be_self(process: Member) -> None:
    for number in (1, 2):
        process.namespace.pod(f"pod-{number}", "10.0.0.1", ports=[f"gossip={number}"])
    explained = synced(process, pod_ip="10.0.0.1").explained()
    assert explained["gate"] == "self-unclear"
    assert [judged["verdict"] for judged in explained["pods"]] == ["peer", "peer"]


def test_a_verdict_changes_with_its_pod(member: Member) -> None:
    pods = member.namespace
    pods.pod("a", "10.0.0.2", phase="Pending")
    probes = synced(member)

    def becomes(verdict: str) -> None:
        probes.eventually("explain table", lambda line: f"a {verdict} " in " ".join(line.message.split()))

    becomes("not-running")
    pods.status("a", phase="Running")
    becomes("peer")
    pods.terminate("a")
    becomes("terminating")
