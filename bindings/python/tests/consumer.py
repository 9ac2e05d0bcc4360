"""A program of a user who checks types strictly; test_installed.py has mypy do that, with the package as installed.

`assert_type` also fails where a type is not known at all, which a merely missing error would not show.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import kubepeers
from kubepeers import Changes, ExplainedPod, Explanation, Health, KubepeersError, Node, Options, Provider, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import assert_type


def made() -> Iterator[Provider]:
    """Make providers, in each of the ways that there are."""
    options: Options = {"watch": "poll", "max_stale_ms": 60000, "kubeconfig": Path("kubeconfig"), "log": "info"}
    options = {**options, "namespace": "default", "membership": "observer", "remoting_port_name": "remoting"}
    required = {"namespace": "default", "pod_labels": "app=demo"}
    ports = {f"{port}_port_name": port for port in ("discovery", "remoting", "peers")}
    yield Provider.from_settings([*required.items(), *ports.items()])
    yield Provider(pod_labels={"app": "demo"}, discovery_port_name="gossip", **options)


def lives(provider: Provider) -> None:
    """Begin and end by hand, and by `with`."""
    provider.init()
    provider.register(timeout=5)
    provider.deregister()
    provider.close()
    with provider as entered:
        assert_type(entered, Provider)
    assert_type(provider.id, str)
    assert_type(kubepeers.library_version(), str)
    assert_type(kubepeers.__version__, str)


def asks(provider: Provider) -> None:
    """Ask who the peers are."""
    assert_type(provider.discover_peers(timeout=0.5), list[str])
    assert_type(provider.generation, int)
    provider.refresh(timeout=1)
    assert_type(provider.self_node(timeout=1), Node | None)
    nodes = provider.nodes(0)
    assert_type(nodes, list[Node])
    for node in nodes:
        assert_type((node.name, node.uid, node.host, node.node_name, node.revision), tuple[str, str, str, str, str])
        assert_type(node.address, str)
        assert_type((node.discovery_port, node.remoting_port, node.peers_port), tuple[int, int, int])
        assert_type(node.ready, bool)


def waits(provider: Provider) -> None:
    """Wait in a thread."""
    peers = provider.wait(after_generation=1, timeout=2)
    assert_type(peers, Snapshot)
    assert_type(peers.generation, int)
    assert_type(peers.addresses, tuple[str, ...])
    assert_type((len(peers), peers[0], peers[:2]), tuple[int, str, tuple[str, ...]])
    assert_type(provider.wait_for_peers(2, stable_for=1.5, timeout=10), Snapshot)
    changes = provider.changes()
    assert_type(changes, Changes)
    for change in changes:
        assert_type(change, Snapshot)


async def waits_in_asyncio(provider: Provider) -> None:
    """Wait in an event loop."""
    async with provider as entered:
        assert_type(entered, Provider)
    assert_type(await provider.wait_async(timeout=10), Snapshot)
    assert_type(await provider.wait_for_peers_async(2, stable_for=1.5, timeout=10), Snapshot)
    async for change in provider.changes():
        assert_type(change, Snapshot)


def looks(provider: Provider) -> None:
    """Ask how sure that is, and why."""
    health = provider.health()
    assert_type(health, Health)
    assert_type(health.age, "float | None")
    assert_type((health.stale, health.polling), tuple[bool, bool])
    assert_type(health.error, "KubepeersError | None")
    assert_type(health.error_class, str)
    explanation = provider.explain()
    assert_type(explanation, Explanation)
    assert_type(explanation["gate"], str)
    for pod in explanation["pods"]:
        assert_type(pod, ExplainedPod)
        assert_type(pod["verdict"], str)
        assert_type(pod["address"], "str | None")
        assert_type(pod["ports"], list[tuple[str, int]])
    assert_type(provider.explain_table(), str)
    assert_type(provider.metrics(), str)


def fails(provider: Provider) -> None:
    """Handle errors, as narrowly as is needed."""
    try:
        asyncio.run(waits_in_asyncio(provider))
    except kubepeers.TimeoutError as timeout:
        builtin: TimeoutError = timeout
        print(builtin)
    except (kubepeers.ForbiddenError, kubepeers.NotSyncedError) as error:
        assert_type(error.retryable, bool)
        assert_type(error.http_status, int)
        assert_type(error.message, str)
    except KubepeersError as error:
        assert_type(error.status, kubepeers.Status)
        if error.status is kubepeers.Status.CLOSED:
            raise


def wrong(provider: Provider) -> None:
    """Call it wrongly: mypy complains of a comment that hides no error, if it does not see one."""
    provider.wait(timeout="2")  # type: ignore[arg-type]
    provider.discover()  # type: ignore[attr-defined]
    Provider(namespace="default")  # type: ignore[call-arg]
    for change in provider.changes():
        change.addresses.append("")  # type: ignore[attr-defined]
    unknown: Options = {"readyness": "ready"}  # type: ignore[typeddict-unknown-key]
    print(unknown)
