"""More peers than anybody would write down. All else of them is in cases/peers.yaml."""

from __future__ import annotations

from member import OWN, Member

COUNT = 40


def test_many(member: Member) -> None:
    for number in range(COUNT):
        member.namespace.pod(f"pod-{number}", f"10.0.{number % 7}.{number + 2}")
    expected = member.namespace.peers(OWN)
    assert len(expected) == COUNT
    assert member.registered().ask("discover").payload.split() == expected
