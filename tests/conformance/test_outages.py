"""Outages of the API server, lost history in etcd, and a Role that is temporarily missing."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest
from control_plane import FORBIDDEN, ControlPlane
from member import SELF_POD, Member
from probes import wait_until

if TYPE_CHECKING:
    from answers import Answer
    from probes import Probe

# These tests disturb the API server, so they use a separate control plane.
pytestmark = pytest.mark.usefixtures("control_plane")


def test_last_peers_are_kept_while_the_server_is_down(
    member: Member, control_plane: ControlPlane
) -> None:
    pods = member.namespace
    pods.pod("a", "10.0.0.2")
    probes = member.registered()
    probes.wait_for_peers(["10.0.0.2:3322"])
    control_plane.stop_server()
    for _ in range(3):
        assert probes.call("discover") == ("discover", "OK", False, 0, "10.0.0.2:3322")
        assert probes.call("wait 1 100")[:4] == ("wait", "TIMEOUT", True, 0)
    control_plane.start_server()
    pods.delete("a")
    pods.pod("b", "10.0.0.3")
    probes.wait_for_peers(["10.0.0.3:3322"])


def test_register_succeeds_while_the_server_is_down(
    member: Member, control_plane: ControlPlane
) -> None:
    member.namespace.pod("a", "10.0.0.2")
    control_plane.stop_server()
    # Long enough for one failed attempt.
    probes = member.registered(register_timeout_ms="1000")
    answer = probes.wait_for("discover", lambda answer: "refused" in answer.message)
    assert answer[:4] == ("discover", "NOT_SYNCED", True, 0)
    assert "cannot be reached" in answer.message
    assert probes.call("wait 0 0").status == "NOT_SYNCED"
    control_plane.start_server()
    answer = probes.wait_for("discover", lambda answer: answer.status != "NOT_SYNCED")
    assert answer == ("discover", "OK", False, 0, "10.0.0.2:3322")


def test_doctor_waits_until_the_server_is_back(member: Member, control_plane: ControlPlane) -> None:
    member.namespace.pod("a", "10.0.0.2", ready=True)
    control_plane.stop_server()
    probes = member.start()
    for probe in probes.all:
        probe.send("doctor json 280000")
    control_plane.start_server()
    for probe in probes.all:
        answer = probe.receive()
        assert "OK: 1 peer, and this pod is me" in answer.message, answer
        assert "refused" not in answer.message


def test_missed_changes_lead_to_one_new_generation(
    member: Member, control_plane: ControlPlane
) -> None:
    pods = member.namespace
    for number in range(6):
        pods.pod(f"pod-{number}", f"10.0.0.{number + 2}")
    probes = member.registered()
    probes.wait_for_peers(pods.peers(SELF_POD))
    pods_at_version = (
        f"/api/v1/namespaces/{pods.name}/pods?resourceVersion={pods.resource_version()}"
    )
    with probes.paused():
        # The restart ends the watches.
        control_plane.restart_server()
        for number in range(4):
            pods.delete(f"pod-{number}")
        for number in range(6, 10):
            pods.pod(f"pod-{number}", f"10.0.0.{number + 2}")
        control_plane.compact()
        # Without this restart, the API server would still have the events in memory.
        control_plane.restart_server()
        # The probes cannot resume: the API server has neither events nor a list for their
        # resourceVersion.
        event = json.loads(control_plane.get(f"{pods_at_version}&watch=1&timeoutSeconds=60"))
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        with pytest.raises(AssertionError, match="410"):
            control_plane.get(f"{pods_at_version}&resourceVersionMatch=Exact")
        expected = pods.peers(SELF_POD)
        assert len(expected) == 6
    probes.expect_next_peers(expected)


def test_last_peers_are_kept_while_the_role_is_missing(
    member: Member, control_plane: ControlPlane
) -> None:
    pods = member.namespace
    pods.pod("a", "10.0.0.2")
    probes = member.registered()
    probes.wait_for_peers(["10.0.0.2:3322"])
    pods.account(verbs="")
    # The open watch continues.
    pods.pod("b", "10.0.0.3")
    probes.wait_for_peers(["10.0.0.2:3322", "10.0.0.3:3322"])
    control_plane.restart_server()
    control_plane.wait_for_attempts(FORBIDDEN)
    pods.delete("a")
    assert probes.call("discover") == ("discover", "OK", False, 0, "10.0.0.2:3322 10.0.0.3:3322")
    pods.account()
    probes.wait_for_peers(["10.0.0.3:3322"])


def test_result_older_than_max_stale_is_an_error(
    member: Member, control_plane: ControlPlane
) -> None:
    member.namespace.pod("a", "10.0.0.2")
    probes = member.registered(max_stale_ms="1000")
    # On a busy machine, the first list may already be too old.
    answer = probes.wait_for("discover", lambda answer: answer.status != "STALE")
    assert answer == ("discover", "OK", False, 0, "10.0.0.2:3322")
    control_plane.stop_server()
    for probe in probes.all:
        answer = wait_until(
            partial(probe.call, "discover"),
            lambda answer: answer.status != "OK" and "refused" in answer.message,
            probe.language,
        )
        assert answer[:4] == ("discover", "STALE", True, 0)
    probes.wait_for("health", lambda answer: answer.payload == "1 1 0 0 UNAVAILABLE unreachable")
    # Explain still returns the last result.
    assert probes.call("explain json").explanation["gate"] == "open"
    control_plane.start_server()
    for probe in probes.all:
        answer = wait_until(
            partial(probe.call, "discover"), lambda answer: answer.status != "STALE", probe.language
        )
        assert answer == ("discover", "OK", False, 0, "10.0.0.2:3322")


def test_restart_of_the_server_does_not_lead_to_polling(
    member: Member, control_plane: ControlPlane
) -> None:
    probes = member.registered()
    probes.wait_for("health", lambda answer: answer.payload == "1 0 1 0 - -")
    # A starting API server briefly returns 403 to all clients. That must not count as a missing
    # permission to watch.
    control_plane.restart_server()
    member.namespace.pod("a", "10.0.0.2")
    for probe in probes.all:
        answers: list[Answer] = []

        def read_health(probe: Probe = probe, answers: list[Answer] = answers) -> Answer:
            answers.append(probe.call("health"))
            return answers[-1]

        wait_until(read_health, lambda answer: answer.payload == "1 0 1 0 - -", probe.language)
        assert {answer.payload.split()[3] for answer in answers} == {"0"}, probe.language
    probes.wait_for_peers(["10.0.0.2:3322"])
