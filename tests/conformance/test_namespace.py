"""The namespace is deleted, and made again, while providers are registered."""

from __future__ import annotations

import pytest
from control_plane import UNAUTHORIZED, ControlPlane
from member import OWN, Member
from probes import until

pytestmark = pytest.mark.usefixtures("control_plane")


def test_deleted_and_made_again_before_the_eyes(process: Member) -> None:
    pods = process.namespace
    pods.pod(OWN, "10.0.0.1")
    pods.pod("a", "10.0.0.2")
    pod = process.registered(pod_name=OWN)
    pod.follow(["10.0.0.2:3322"])
    no_pod = process.registered(membership="observer")
    no_pod.follow(["10.0.0.1:3322", "10.0.0.2:3322"])

    pods.destroy()
    no_pod.follow([])
    line = pod.eventually("discover", lambda line: line.status != "OK")
    assert line[:4] == ("discover", "SELF_NOT_VISIBLE", True, 0)
    assert "is not among the pods" in line.message

    pods.create()
    pods.account()
    pods.pod("b", "10.0.0.3")
    no_pod.follow(["10.0.0.3:3322"])
    assert pod.ask("discover").status == "SELF_NOT_VISIBLE"
    pods.pod(OWN, "10.0.0.1")
    pod.follow(["10.0.0.3:3322"])


def test_deleted_and_made_again_unseen(process: Member, control_plane: ControlPlane) -> None:
    pods = process.namespace
    pods.pod(OWN, "10.0.0.1")
    pods.pod("a", "10.0.0.2")
    probes = process.registered(pod_name=OWN)
    probes.follow(["10.0.0.2:3322"])
    with probes.paused():
        # Ends the watches.
        control_plane.restart_server()
        pods.destroy()
        # It learns a little later that there is no service account any more.
        until(lambda: control_plane.knows(pods.tokens[0]), lambda known: not known, "the token")
    # There is no service account, and who may not look at a namespace cannot know that it is gone.
    control_plane.see_many(UNAUTHORIZED)
    assert probes.ask("discover") == ("discover", "OK", False, 0, "10.0.0.2:3322")

    pods.create()
    pods.account()
    pods.pod(OWN, "10.0.0.1")
    pods.pod("b", "10.0.0.3")
    pods.mount(process.mount)
    probes.follow(["10.0.0.3:3322"])
