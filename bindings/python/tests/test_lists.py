"""Lists of peers: what is asked for, and that they are freed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from fakes import NOWHERE, Addresses, Fake
from kubepeers import Node, Provider, Snapshot

ADDRESSES = [b"10.0.0.2:1", b"[fd00::1]:1"]


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> Addresses:
    """A library whose present answer is a later one."""
    return Addresses(monkeypatch, 2**63 + 1, b"10.0.0.3:1")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, present: Addresses) -> Fake:
    """A library that gives two peers."""
    fake = Fake(monkeypatch, "peers_free", "discover_peers", "wait", "wait_for_peers")
    fake.answer(peers_len=len(ADDRESSES), peers_generation=2**63, peers_address=lambda _, index: ADDRESSES[index])
    return fake


def test_what_was_waited_for_is_given_and_nothing_later(fake: Fake, present: Addresses, provider: Provider) -> None:
    assert provider.wait(0) == Snapshot(2**63, ("10.0.0.2:1", "[fd00::1]:1"))
    # Meanwhile there may be no answer at all.
    present.status = -13
    assert provider.wait_for_peers(2) == Snapshot(2**63, ("10.0.0.2:1", "[fd00::1]:1"))
    assert fake.freed == [NOWHERE] * 2


def test_what_was_waited_for_comes_in_one_call(fake: Fake, present: Addresses, provider: Provider) -> None:
    fake.answer(peers_generation=present.generation, peers_address=lambda *_: pytest.fail("one by one"))
    assert provider.wait(0) == Snapshot(2**63 + 1, ("10.0.0.3:1",))
    assert provider.wait_for_peers(1) == provider.wait(0)
    # It waits no longer, and copies what is not known yet.
    assert [copy[:2] for copy in present.copies] == [(0, 0), (2**63 + 1, 0), (2**63 + 1, 0)]
    assert fake.freed == [NOWHERE] * 3


def test_nodes(fake: Fake, provider: Provider) -> None:
    def of(*values: Any) -> Any:
        return lambda _, index: values[index]

    fake.answer(
        peers_name=of(b"a", b"b"),
        peers_uid=of(b"ua", b"ub"),
        peers_host=of(b"10.0.0.2", b"fd00::1"),
        peers_discovery_port=of(1, 2),
        peers_remoting_port=of(3, 0),
        peers_peers_port=of(0, 4),
        peers_is_ready=of(1, 0),
        peers_node_name=of(b"n1", b"n2"),
        peers_revision=of(b"r1", b""),
    )
    first, second = provider.nodes()
    assert first == Node("a", "ua", "10.0.0.2", 1, 3, 0, ready=True, node_name="n1", revision="r1")
    assert second == Node("b", "ub", "fd00::1", 2, 0, 4, ready=False, node_name="n2", revision="")
    assert first.ready is True
    assert fake.freed == [NOWHERE]


def test_nodes_are_values() -> None:
    node = Node("a", "ua", "10.0.0.2", 1, 3, 0, ready=True, node_name="n1", revision="r1")
    assert {node: 1}[dataclasses.replace(node)] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        node.ready = False  # type: ignore[misc]


def test_addresses_of_nodes() -> None:
    node = Node("a", "ua", "10.0.0.2", 1, 3, 0, True, "n1", "r1")
    assert node.address == "10.0.0.2:1"
    assert dataclasses.replace(node, host="fd00::1").address == "[fd00::1]:1"


def test_a_snapshot_is_a_sequence_of_addresses() -> None:
    snapshot, alone = Snapshot(7, ("10.0.0.2:1", "[fd00::1]:1")), Snapshot(8, ())
    assert list(snapshot) == ["10.0.0.2:1", "[fd00::1]:1"]
    assert (len(snapshot), snapshot[-1], snapshot[:1]) == (2, "[fd00::1]:1", ("10.0.0.2:1",))
    assert "10.0.0.2:1" in snapshot
    assert snapshot
    assert not alone
    assert {snapshot, Snapshot(7, snapshot.addresses)} == {snapshot}
    assert snapshot != Snapshot(8, snapshot.addresses)


def test_what_is_asked_for(fake: Fake, provider: Provider) -> None:
    asked = []

    def ask(*arguments: Any) -> int:
        asked.append(arguments[1:-2])
        return 0

    fake.answer(discover_peers=ask, wait=ask, wait_for_peers=ask, peers_len=0)
    provider.nodes(1.5)
    provider.nodes(0)
    provider.wait()
    provider.wait(7)
    provider.wait_for_peers(3)
    provider.wait_for_peers(2**64 - 1, 0.25, timeout=0)
    assert asked == [(1500,), (0,), (0, -1), (7, -1), (3, 0, -1), (2**64 - 1, 250, 0)]


def test_freed_when_reading_fails(fake: Fake, provider: Provider) -> None:
    fake.answer(peers_address=b"\xff", peers_name=b"\xff")
    for ask in (provider.wait, provider.nodes):
        with pytest.raises(UnicodeDecodeError):
            ask()
    assert fake.freed == [NOWHERE] * 2
