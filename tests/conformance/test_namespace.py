"""A namespace that is deleted and created again while providers are registered."""

from __future__ import annotations

import pytest
from control_plane import UNAUTHORIZED, ControlPlane
from member import SELF_POD, Member
from probes import wait_until

pytestmark = pytest.mark.usefixtures("control_plane")


def test_provider_follows_a_namespace_that_is_replaced(unbound_member: Member) -> None:
    pods = unbound_member.namespace
    pods.pod(SELF_POD, "10.0.0.1")
    pods.pod("a", "10.0.0.2")
    member = unbound_member.registered(pod_name=SELF_POD)
    member.wait_for_peers(["10.0.0.2:3322"])
    observer = unbound_member.registered(membership="observer")
    observer.wait_for_peers(["10.0.0.1:3322", "10.0.0.2:3322"])

    pods.destroy()
    observer.wait_for_peers([])
    answer = member.wait_for("discover", lambda answer: answer.status != "OK")
    assert answer[:4] == ("discover", "SELF_NOT_VISIBLE", True, 0)
    assert "is not among the pods" in answer.message

    pods.create()
    pods.account()
    pods.pod("b", "10.0.0.3")
    observer.wait_for_peers(["10.0.0.3:3322"])
    assert member.call("discover").status == "SELF_NOT_VISIBLE"
    pods.pod(SELF_POD, "10.0.0.1")
    member.wait_for_peers(["10.0.0.3:3322"])


def test_provider_recovers_after_it_missed_that_the_namespace_was_replaced(
    unbound_member: Member, control_plane: ControlPlane
) -> None:
    pods = unbound_member.namespace
    pods.pod(SELF_POD, "10.0.0.1")
    pods.pod("a", "10.0.0.2")
    probes = unbound_member.registered(pod_name=SELF_POD)
    probes.wait_for_peers(["10.0.0.2:3322"])
    with probes.paused():
        # The restart ends the watches.
        control_plane.restart_server()
        pods.destroy()
        # The API server accepts the token for a moment after its service account was deleted.
        wait_until(
            lambda: control_plane.accepts(pods.tokens[0]),
            lambda accepted: not accepted,
            "the token",
        )
    # Without a valid token, the probes cannot learn that the namespace is gone.
    control_plane.wait_for_attempts(UNAUTHORIZED)
    assert probes.call("discover") == ("discover", "OK", False, 0, "10.0.0.2:3322")

    pods.create()
    pods.account()
    pods.pod(SELF_POD, "10.0.0.1")
    pods.pod("b", "10.0.0.3")
    pods.mount(unbound_member.mount)
    probes.wait_for_peers(["10.0.0.3:3322"])
