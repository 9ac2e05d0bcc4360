"""One API server among three is frozen, or lags, or all lose what happened since a backup of etcd."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kubepeers import KubepeersError, Provider
from member import needed
from namespace import Namespace
from probes import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rig import Door, Rig

#: Longer than the outages after which the library lists the pods for the sake of restored backups.
OUTAGE_S = 35
#: Bounds what would otherwise hang. The tests print how long it really took.
HANG = 900.0


@contextmanager
def member(door: Door, namespace: Namespace, folder: Path) -> Iterator[Provider]:
    """A provider of the pod `me` that reaches the API servers through a port of its own."""
    provider = Provider(
        namespace=namespace.name,
        discovery_port_name="gossip",
        remoting_port_name="remoting",
        peers_port_name="peers",
        pod_labels={"app": "conformance"},
        # With a uid the library accepts a first list from a watch cache.
        pod_uid=namespace.uid("me"),
        kubeconfig=door.kubeconfig(folder / "kubeconfig"),
    )
    try:
        yield provider
    finally:
        provider.close()


def sees(provider: Provider, expected: list[str]) -> None:
    until(lambda: provider.discover_peers(timeout=60), lambda peers: peers == expected, str(expected))


def test_new_pod_is_seen_after_the_server_of_the_watch_froze(rig: Rig, tmp_path: Path) -> None:
    namespace = Namespace(needed("TESTENV"))
    namespace.pod("me", "10.0.0.1")
    door = rig.door()
    door.pin(2)
    with member(door, namespace, tmp_path) as provider:
        provider.register(timeout=60)
        namespace.pod("a", "10.0.0.2")
        sees(provider, ["10.0.0.2:3322"])
        assert rig.connections(2) > 0
        door.unpin()
        rig.disturb("freeze", 2)
        generation = provider.generation
        namespace.pod("b", "10.0.0.3")
        begun = time.monotonic()
        snapshot = provider.wait(generation, timeout=HANG)
        print(f"seen {time.monotonic() - begun:.1f} s after the pod was there")
        assert list(snapshot) == ["10.0.0.2:3322", "10.0.0.3:3322"]
        # What was held back is old: it must not undo what was seen since.
        namespace.delete("a")
        sees(provider, ["10.0.0.3:3322"])
        rig.disturb("thaw", 2)
        namespace.pod("c", "10.0.0.4")
        sees(provider, ["10.0.0.3:3322", "10.0.0.4:3322"])


def test_answers_do_not_go_back_when_registering_again_at_a_lagging_server(rig: Rig, tmp_path: Path) -> None:
    namespace = Namespace(needed("TESTENV"))
    namespace.pod("me", "10.0.0.1")
    namespace.pod("a", "10.0.0.2")
    door = rig.door()
    door.pin(1)
    with member(door, namespace, tmp_path) as provider:
        provider.register(timeout=60)
        sees(provider, ["10.0.0.2:3322"])
        rig.disturb("lag", 2)
        namespace.pod("b", "10.0.0.3")
        both = ["10.0.0.2:3322", "10.0.0.3:3322"]
        sees(provider, both)
        provider.deregister()
        door.pin(2)
        rig.disturb("cut", 1)
        provider.register(timeout=0)
        # While the server lags, an error is correct. An old answer is not.
        for _ in range(5):
            assert peers_if_known(provider) in (None, both)
        rig.disturb("catch-up", 2)
        assert until(lambda: peers_if_known(provider), lambda peers: peers is not None, "an answer") == both


def test_pods_that_a_restored_backup_does_not_have_disappear(rig: Rig, tmp_path: Path) -> None:
    namespace = Namespace(needed("TESTENV"))
    namespace.pod("me", "10.0.0.1")
    namespace.pod("a", "10.0.0.2")
    door = rig.door()
    door.pin(2)
    with member(door, namespace, tmp_path) as provider:
        provider.register(timeout=60)
        sees(provider, ["10.0.0.2:3322"])
        rig.order("backup")
        namespace.pod("b", "10.0.0.3")
        sees(provider, ["10.0.0.2:3322", "10.0.0.3:3322"])
        rig.order("stop-server")
        rig.order("restore")
        # The first server alone: the client does not see what happens until the others run.
        rig.order("start-server", "--server", "1")
        # New revisions overtake the one that the client knows, so that nothing shows that the history is another one.
        for number in range(20):
            namespace.pod(f"c{number}", "", phase="Pending")
        time.sleep(OUTAGE_S)
        rig.order("start-server")
        begun = time.monotonic()
        assert list(provider.wait(provider.generation, timeout=HANG)) == ["10.0.0.2:3322"]
        print(f"corrected {time.monotonic() - begun:.1f} s after the end of the outage")


def peers_if_known(provider: Provider) -> list[str] | None:
    """Return the peers, or None if the library reports an error that a retry may end."""
    try:
        return provider.discover_peers(timeout=2)
    except KubepeersError as e:
        if e.retryable:
            return None
        raise
