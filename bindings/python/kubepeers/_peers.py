"""Lists of peers: their addresses, or all that is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._call import given
from ._library import Peers, lib

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


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

    @property
    def address(self) -> str:
        """What `discover_peers()` gives of it: "ip:discovery_port", IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.discovery_port}"


def given_by(function: Callable[..., int], *arguments: Any) -> AbstractContextManager[Peers]:
    """Call a function that gives a list of peers, and free it in the end."""
    return given(Peers(), lib.kubepeers_peers_free, function, *arguments)


def addresses(peers: Peers) -> tuple[str, ...]:
    """Read each peer's address."""
    return tuple(lib.kubepeers_peers_address(peers, i).decode() for i in range(lib.kubepeers_peers_len(peers)))


def nodes(peers: Peers) -> list[Node]:
    """Read all that is known of each peer."""
    return [_node(peers, i) for i in range(lib.kubepeers_peers_len(peers))]


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
