"""Lists of peers: their addresses, or all that is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ._call import given
from ._library import Peers, lib

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


class Snapshot(NamedTuple):
    """The peers as they were at one moment."""

    #: Grows with every change of a peer, its readiness included, from 1, within one provider.
    generation: int
    #: "ip:port" of each peer, IPv6 in brackets, sorted, without this process's own pod. Empty means alone.
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """All that is known of a peer."""

    #: The pod's name.
    name: str
    #: The pod's uid: never given to another pod, as a name is.
    uid: str
    #: The IP address, IPv6 without brackets.
    host: str
    discovery_port: int
    #: 0 if the pod has none and `default_remoting_port` is not set.
    remoting_port: int
    #: 0 if the pod has none and `default_peers_port` is not set.
    peers_port: int
    #: Whether the pod is Ready in the sense of Kubernetes.
    ready: bool
    #: The name of the Kubernetes node that the pod runs on.
    node_name: str
    #: Which version of its template the pod was made from; "" if no label tells.
    revision: str


def snapshot(function: Callable[..., int], *arguments: int) -> Snapshot:
    """Call a function that gives peers, for their addresses."""
    with _peers(function, *arguments) as peers:
        addresses = (lib.kubepeers_peers_address(peers, i) for i in range(lib.kubepeers_peers_len(peers)))
        return Snapshot(lib.kubepeers_peers_generation(peers), tuple(address.decode() for address in addresses))


def nodes(function: Callable[..., int], *arguments: int) -> list[Node]:
    """Call a function that gives peers, for all that is known of them."""
    with _peers(function, *arguments) as peers:
        return [_node(peers, i) for i in range(lib.kubepeers_peers_len(peers))]


def _peers(function: Callable[..., int], *arguments: int) -> AbstractContextManager[Peers]:
    return given(Peers(), lib.kubepeers_peers_free, function, *arguments)


def _node(peers: Peers, index: int) -> Node:
    return Node(
        name=lib.kubepeers_peers_name(peers, index).decode(),
        uid=lib.kubepeers_peers_uid(peers, index).decode(),
        host=lib.kubepeers_peers_host(peers, index).decode(),
        discovery_port=lib.kubepeers_peers_discovery_port(peers, index),
        remoting_port=lib.kubepeers_peers_remoting_port(peers, index),
        peers_port=lib.kubepeers_peers_peers_port(peers, index),
        ready=lib.kubepeers_peers_is_ready(peers, index) != 0,
        node_name=lib.kubepeers_peers_node_name(peers, index).decode(),
        revision=lib.kubepeers_peers_revision(peers, index).decode(),
    )
