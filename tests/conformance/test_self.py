"""Who is self, and that an answer waits until self is seen."""

from __future__ import annotations

import pytest
from member import OWN, Member

# By which settings and variables a process with an unbound token learns which pod it is. UID stands for the pod's uid.
IDENTITIES = {
    "pod_name": ({"pod_name": OWN}, {}),
    "pod_uid": ({"pod_uid": "UID"}, {}),
    "POD_UID and POD_NAME": ({}, {"POD_UID": "UID", "POD_NAME": OWN}),
    "POD_UID": ({}, {"POD_UID": "UID"}),
    "POD_NAME": ({}, {"POD_NAME": OWN}),
    "HOSTNAME": ({}, {"HOSTNAME": OWN}),
    "pod_name before all others": ({"pod_name": OWN}, {"POD_NAME": "other", "HOSTNAME": "other"}),
    "POD_NAME before HOSTNAME": ({}, {"POD_NAME": OWN, "HOSTNAME": "other"}),
    "empty is not set": ({}, {"POD_UID": "", "POD_NAME": "", "HOSTNAME": OWN}),
}


@pytest.mark.parametrize(("settings", "variables"), IDENTITIES.values(), ids=IDENTITIES)
def test_self_is_left_out(process: Member, settings: dict[str, str], variables: dict[str, str]) -> None:
    process.namespace.pod(OWN, "10.0.0.1")
    process.namespace.pod("other", "10.0.0.2")
    uid = process.namespace.uid(OWN)
    settings = {key: value.replace("UID", uid) for key, value in settings.items()}
    variables = {key: value.replace("UID", uid) for key, value in variables.items()}
    assert process.registered(variables, **settings).ask("discover").payload == "10.0.0.2:3322"


def test_a_bound_token_tells_who_self_is(member: Member) -> None:
    member.namespace.pod("other", "10.0.0.2")
    # Under hostNetwork, HOSTNAME is the node's.
    probes = member.registered({"HOSTNAME": "node-1", "POD_NAME": "other"})
    assert probes.ask("discover").payload == "10.0.0.2:3322"


def test_not_a_pod(process: Member) -> None:
    probes = process.registered(self="none")
    assert probes.ask("discover") == ("discover", "OK", False, 0, "")
    process.namespace.pod("a", "10.0.0.2")
    probes.follow(["10.0.0.2:3322"])


@pytest.mark.parametrize("others", [True, False])
def test_self_is_not_among_the_pods(process: Member, others: bool) -> None:
    if others:
        process.namespace.pod("other", "10.0.0.2")
    line = process.registered(pod_name=OWN).ask("discover")
    assert line[:4] == ("discover", "SELF_NOT_VISIBLE", True, 0)
    for word in (f"`{OWN}`", "`app=conformance`", f"`{process.namespace.name}`", "`self`"):
        assert word in line.message
    # Somebody who is no pod gets an answer.
    line = process.registered(self="none").ask("discover")
    assert line == ("discover", "OK", False, 0, "10.0.0.2:3322" if others else "")


@pytest.mark.parametrize("selector", ["app=nothing", "app=conformance,tier=y"])
def test_self_has_other_labels(process: Member, selector: str) -> None:
    process.namespace.pod(OWN, "10.0.0.1", labels=["app=conformance", "tier=x"])
    process.namespace.pod("other", "10.0.0.2", labels=selector.split(","))
    line = process.registered(pod_name=OWN, pod_labels=selector).ask("discover")
    assert line[:4] == ("discover", "SELF_EXCLUDED", False, 0)
    for word in (f"`{OWN}`", f"`{selector}`", "`app=conformance,tier=x`", "`pod_labels`", "`self`"):
        assert word in line.message
    assert process.registered(self="none", pod_labels=selector).ask("discover").payload == "10.0.0.2:3322"


def test_self_is_relabelled(member: Member) -> None:
    pods = member.namespace
    pods.pod("other", "10.0.0.2")
    pods.relabel(OWN, "app=old", "tier=x")
    probes = member.registered()
    for labels in (["app=old", "tier=x"], ["app=older"]):
        line = probes.eventually("discover", lambda line: line.status != "OK")
        assert line[:4] == ("discover", "SELF_EXCLUDED", False, 0)
        assert f"`{','.join(labels)}`" in line.message
        pods.relabel(OWN, "app=conformance")
        line = probes.eventually("discover", lambda line: line.status != "SELF_EXCLUDED")
        assert line == ("discover", "OK", False, 0, "10.0.0.2:3322")
        pods.relabel(OWN, "app=older")


def test_self_appears(process: Member) -> None:
    pods = process.namespace
    pods.pod("other", "10.0.0.2")
    probes = process.registered(pod_name=OWN)

    def refusal(word: str) -> None:
        line = probes.eventually("discover", lambda line: word in line.message)
        assert line[:4] == ("discover", "SELF_NOT_VISIBLE", True, 0)
        assert f"`{OWN}`" in line.message

    refusal("is not among the pods")
    pods.pod(OWN, "", phase="Pending")
    refusal("is not Running")
    pods.status(OWN, phase="Running")
    refusal("has no address")
    pods.status(OWN, "10.0.0.1")
    probes.follow(["10.0.0.2:3322"])


def test_self_ends(process: Member) -> None:
    pods = process.namespace
    pods.pod(OWN, "10.0.0.1")
    probes = process.registered(pod_name=OWN)
    # Who shuts down may ask until the end.
    pods.terminate(OWN)
    pods.pod("marker", "10.0.0.2")
    probes.follow(["10.0.0.2:3322"])
    pods.delete(OWN)
    line = probes.eventually("discover", lambda line: line.status != "OK")
    assert line[:4] == ("discover", "SELF_NOT_VISIBLE", True, 0)
    # A pod of the same name is self again, where only the name is known.
    pods.pod(OWN, "10.0.0.3")
    probes.follow(["10.0.0.2:3322"])


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_self_has_ended(process: Member, phase: str) -> None:
    process.namespace.pod(OWN, "10.0.0.1", phase=phase)
    line = process.registered(pod_uid=process.namespace.uid(OWN)).ask("discover")
    assert line[:4] == ("discover", "SELF_EXCLUDED", False, 0)
    assert "ended" in line.message


def test_a_pod_of_the_own_name_that_has_ended_may_be_an_earlier_one(process: Member) -> None:
    process.namespace.pod(OWN, "10.0.0.1", phase="Failed")
    line = process.registered(pod_name=OWN).ask("discover")
    assert line[:4] == ("discover", "SELF_NOT_VISIBLE", True, 0)
    assert f"`{OWN}`" in line.message


def test_self_without_the_port(process: Member) -> None:
    process.namespace.pod(OWN, "10.0.0.1", ports=["remoting=3320"])
    process.namespace.pod("other", "10.0.0.2")
    line = process.registered(pod_name=OWN).ask("discover")
    assert line[:4] == ("discover", "SELF_EXCLUDED", False, 0)
    for word in (f"`{OWN}`", "`gossip`", "discovery_port_name"):
        assert word in line.message
