"""One of three API servers freezes or lags, or all are restored from an older backup of etcd."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kubepeers import KubepeersError, Provider
from member import required_variable
from namespace import Namespace
from probes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from balanced_servers import BalancedServers, Port

#: After an outage of this length, the library lists the pods, because etcd may have been restored
#: from a backup.
OUTAGE_S = 35
#: Fails a test that would otherwise hang. The tests print how long each wait took.
HANG_TIMEOUT_S = 900.0


@contextmanager
def member(port: Port, namespace: Namespace, folder: Path) -> Iterator[Provider]:
    """Create a provider for the pod `me` that connects to this port of the balancer."""
    provider = Provider(
        namespace=namespace.name,
        discovery_port_name="gossip",
        remoting_port_name="remoting",
        peers_port_name="peers",
        pod_labels={"app": "conformance"},
        # With a uid the library accepts a first list from a watch cache.
        pod_uid=namespace.uid("me"),
        kubeconfig=port.kubeconfig(folder / "kubeconfig"),
    )
    try:
        yield provider
    finally:
        provider.close()


def wait_for_peers(provider: Provider, expected: list[str]) -> None:
    wait_until(
        lambda: provider.discover_peers(timeout=60), lambda peers: peers == expected, str(expected)
    )


def test_wait_returns_a_new_pod_after_the_watched_server_froze(
    servers: BalancedServers, tmp_path: Path
) -> None:
    namespace = Namespace(required_variable("TESTENV"))
    namespace.pod("me", "10.0.0.1")
    port = servers.open_port()
    port.pin(2)
    with member(port, namespace, tmp_path) as provider:
        provider.register(timeout=60)
        namespace.pod("a", "10.0.0.2")
        wait_for_peers(provider, ["10.0.0.2:3322"])
        assert servers.connections(2) > 0
        port.unpin()
        servers.disturb("freeze", 2)
        generation = provider.generation
        namespace.pod("b", "10.0.0.3")
        begun = time.monotonic()
        snapshot = provider.wait(generation, timeout=HANG_TIMEOUT_S)
        print(f"returned {time.monotonic() - begun:.1f} s after the pod was created")
        assert list(snapshot) == ["10.0.0.2:3322", "10.0.0.3:3322"]
        # The frozen server has held back old events, which must not undo newer ones.
        namespace.delete("a")
        wait_for_peers(provider, ["10.0.0.3:3322"])
        servers.disturb("thaw", 2)
        namespace.pod("c", "10.0.0.4")
        wait_for_peers(provider, ["10.0.0.3:3322", "10.0.0.4:3322"])


def test_result_is_not_older_after_register_at_a_lagging_server(
    servers: BalancedServers, tmp_path: Path
) -> None:
    namespace = Namespace(required_variable("TESTENV"))
    namespace.pod("me", "10.0.0.1")
    namespace.pod("a", "10.0.0.2")
    port = servers.open_port()
    port.pin(1)
    with member(port, namespace, tmp_path) as provider:
        provider.register(timeout=60)
        wait_for_peers(provider, ["10.0.0.2:3322"])
        servers.disturb("lag", 2)
        namespace.pod("b", "10.0.0.3")
        both = ["10.0.0.2:3322", "10.0.0.3:3322"]
        wait_for_peers(provider, both)
        provider.deregister()
        port.pin(2)
        servers.disturb("cut", 1)
        provider.register(timeout=0)
        # While the server lags, an error is correct but an old result is not.
        for _ in range(5):
            assert peers_or_none(provider) in (None, both)
        servers.disturb("catch-up", 2)
        assert (
            wait_until(
                lambda: peers_or_none(provider), lambda peers: peers is not None, "the peers"
            )
            == both
        )


def test_pods_missing_from_a_restored_backup_disappear(
    servers: BalancedServers, tmp_path: Path
) -> None:
    namespace = Namespace(required_variable("TESTENV"))
    namespace.pod("me", "10.0.0.1")
    namespace.pod("a", "10.0.0.2")
    port = servers.open_port()
    port.pin(2)
    with member(port, namespace, tmp_path) as provider:
        provider.register(timeout=60)
        wait_for_peers(provider, ["10.0.0.2:3322"])
        servers.run("backup")
        namespace.pod("b", "10.0.0.3")
        wait_for_peers(provider, ["10.0.0.2:3322", "10.0.0.3:3322"])
        servers.run("stop-server")
        servers.run("restore")
        # Only server 1 runs, and the client is pinned to server 2.
        servers.run("start-server", "--server", "1")
        # After these changes the revision exceeds the client's again, so the client cannot tell
        # from the revision that etcd has another history.
        for number in range(20):
            namespace.pod(f"c{number}", "", phase="Pending")
        time.sleep(OUTAGE_S)
        # Read first: the provider may recover before the last server has started.
        generation = provider.generation
        servers.run("start-server")
        begun = time.monotonic()
        assert list(provider.wait(generation, timeout=HANG_TIMEOUT_S)) == ["10.0.0.2:3322"]
        print(f"corrected {time.monotonic() - begun:.1f} s after the end of the outage")


def peers_or_none(provider: Provider) -> list[str] | None:
    """Return the peers, or None after a transient error."""
    try:
        return provider.discover_peers(timeout=2)
    except KubepeersError as e:
        if e.retryable:
            return None
        raise
