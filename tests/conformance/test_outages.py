"""What becomes of the peers when the API server, its store or its leave to look at the pods is lost for a while."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest
from control_plane import FORBIDDEN, ControlPlane
from member import OWN, Member
from probes import until

if TYPE_CHECKING:
    from probes import Line, Probe

# The shared one must not be disturbed.
pytestmark = pytest.mark.usefixtures("control_plane")


def test_the_last_peers_stand_while_the_server_is_down(member: Member, control_plane: ControlPlane) -> None:
    pods = member.namespace
    pods.pod("a", "10.0.0.2")
    probes = member.registered()
    probes.follow(["10.0.0.2:3322"])
    control_plane.stop_server()
    for _ in range(10):
        assert probes.ask("discover") == ("discover", "OK", False, 0, "10.0.0.2:3322")
        assert probes.ask("wait 1 100")[:4] == ("wait", "TIMEOUT", True, 0)
    control_plane.start_server()
    pods.delete("a")
    pods.pod("b", "10.0.0.3")
    probes.follow(["10.0.0.3:3322"])


def test_register_while_the_server_is_down(member: Member, control_plane: ControlPlane) -> None:
    member.namespace.pod("a", "10.0.0.2")
    control_plane.stop_server()
    # Long enough to fail before it is over.
    probes = member.registered(register_timeout_ms="1000")
    line = probes.eventually("discover", lambda line: "refused" in line.message)
    assert line[:4] == ("discover", "NOT_SYNCED", True, 0)
    assert "cannot be reached" in line.message
    assert probes.ask("wait 0 0").status == "NOT_SYNCED"
    control_plane.start_server()
    line = probes.eventually("discover", lambda line: line.status != "NOT_SYNCED")
    assert line == ("discover", "OK", False, 0, "10.0.0.2:3322")


def test_what_happened_unseen_is_seen_at_once(member: Member, control_plane: ControlPlane) -> None:
    pods = member.namespace
    for number in range(6):
        pods.pod(f"pod-{number}", f"10.0.0.{number + 2}")
    probes = member.registered()
    probes.follow(pods.peers(OWN))
    known = f"/api/v1/namespaces/{pods.name}/pods?resourceVersion={pods.resource_version()}"
    with probes.paused():
        # Ends the watches.
        control_plane.restart_server()
        for number in range(4):
            pods.delete(f"pod-{number}")
        for number in range(6, 10):
            pods.pod(f"pod-{number}", f"10.0.0.{number + 2}")
        control_plane.compact()
        # Without it the API server itself would remember.
        control_plane.restart_server()
        # From what the probes know there is no going on, and the store does not know it either.
        event = json.loads(control_plane.get(f"{known}&watch=1&timeoutSeconds=60"))
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        with pytest.raises(AssertionError, match="410"):
            control_plane.get(f"{known}&resourceVersionMatch=Exact")
        expected = pods.peers(OWN)
        assert len(expected) == 6
    probes.follow_at_once(expected)


def test_the_role_is_revoked_for_a_while(member: Member, control_plane: ControlPlane) -> None:
    pods = member.namespace
    pods.pod("a", "10.0.0.2")
    probes = member.registered()
    probes.follow(["10.0.0.2:3322"])
    pods.account(verbs="")
    # A watch is not ended by that.
    pods.pod("b", "10.0.0.3")
    probes.follow(["10.0.0.2:3322", "10.0.0.3:3322"])
    control_plane.restart_server()
    control_plane.see_many(FORBIDDEN)
    pods.delete("a")
    assert probes.ask("discover") == ("discover", "OK", False, 0, "10.0.0.2:3322 10.0.0.3:3322")
    pods.account()
    probes.follow(["10.0.0.3:3322"])


def test_what_is_too_old_is_not_given_out(member: Member, control_plane: ControlPlane) -> None:
    member.namespace.pod("a", "10.0.0.2")
    probes = member.registered(max_stale_ms="1000")
    # A busy machine may be too late for what was read at first.
    line = probes.eventually("discover", lambda line: line.status != "STALE")
    assert line == ("discover", "OK", False, 0, "10.0.0.2:3322")
    control_plane.stop_server()
    for probe in probes.all:
        ask = partial(probe.ask, "discover")
        line = until(ask, lambda line: line.status != "OK" and "refused" in line.message, probe.language)
        assert line[:4] == ("discover", "STALE", True, 0)
    probes.eventually("health", lambda line: line.payload == "1 1 0 0 UNAVAILABLE unreachable")
    # Who asks why is told.
    assert probes.explained()["gate"] == "open"
    control_plane.start_server()
    for probe in probes.all:
        line = until(partial(probe.ask, "discover"), lambda line: line.status != "STALE", probe.language)
        assert line == ("discover", "OK", False, 0, "10.0.0.2:3322")


def test_a_restart_does_not_end_watching(member: Member, control_plane: ControlPlane) -> None:
    probes = member.registered()
    probes.eventually("health", lambda line: line.payload == "1 0 1 0 - -")
    # A server that starts says 403 to everybody for a moment: that is no reason to poll.
    control_plane.restart_server()
    member.namespace.pod("a", "10.0.0.2")
    for probe in probes.all:
        seen: list[Line] = []

        def health(probe: Probe = probe, seen: list[Line] = seen) -> Line:
            seen.append(probe.ask("health"))
            return seen[-1]

        until(health, lambda line: line.payload == "1 0 1 0 - -", probe.language)
        assert {line.payload.split()[3] for line in seen} == {"0"}, probe.language
    probes.follow(["10.0.0.2:3322"])
