"""A typed program that uses the package. test_packages.py runs mypy on it.

`assert_type` also fails if a type is unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import kubepeers
from kubepeers import (
    AccessError,
    AsyncProvider,
    ClosedError,
    ConfigError,
    ExplainedPod,
    Explanation,
    ForkedError,
    Health,
    InternalError,
    KubepeersError,
    LibraryError,
    LifecycleError,
    NamedPort,
    Node,
    NoResultError,
    NotRegisteredError,
    Provider,
    Report,
    SelfPodError,
    Snapshot,
    Status,
    Step,
    WaitTimeoutError,
    doctor,
)
from kubepeers.testing import AsyncFakeProvider, FakeProvider, node

if TYPE_CHECKING:
    from typing_extensions import assert_type


def create_providers() -> Iterator[Provider]:
    """Yield providers with various options."""
    yield Provider(pod_labels={"app": "demo"}, discovery_port_name="gossip")
    yield Provider(
        pod_labels={"app": "demo"},
        discovery_port_name="gossip",
        namespace=None,
        membership="observer",
        max_stale=60,
        poll_interval=2.5,
        kubeconfig=Path("kubeconfig"),
        log="info",
    )
    yield FakeProvider(
        [node("10.0.0.2:1", ready=False), "10.0.0.3:1"],
        script=[["10.0.0.2:1"], ClosedError("closed")],
    )


def register_and_close(provider: Provider) -> None:
    """Register and close with calls and with `with`."""
    provider.register(timeout=5)
    provider.deregister()
    provider.close()
    with provider as entered:
        assert_type(entered, Provider)
    with FakeProvider() as fake:
        assert_type(fake, FakeProvider)
        fake.set_peers([])
        fake.set_error(None)
        fake.set_health(stale=True)
    assert_type(provider.id, str)
    assert_type(kubepeers.library_version(), str)
    assert_type(kubepeers.__version__, str)


def read_peers(provider: Provider) -> None:
    """Read the peers and the local pod."""
    assert_type(provider.discover_peers(timeout=0.5), list[str])
    assert_type(provider.snapshot(), Snapshot)
    assert_type(provider.generation, int)
    provider.refresh(timeout=1)
    local = provider.self_node(timeout=1)
    assert_type(local, Node)
    assert_type(
        (local.name, local.uid, local.host, local.node_name, local.revision),
        tuple[str, str, str, str, str],
    )
    assert_type(local.address, str)
    assert_type((local.discovery_port, local.remoting_port, local.peers_port), tuple[int, int, int])
    assert_type(local.ready, bool)
    assert_type(provider.nodes(0), list[Node])


def wait_in_a_thread(provider: Provider) -> None:
    """Wait for peers and for changes."""
    peers = provider.wait(after_generation=1, timeout=2)
    assert_type(peers, Snapshot)
    assert_type(peers.generation, int)
    assert_type(peers.addresses, tuple[str, ...])
    assert_type((len(peers), peers[0], peers[:2]), tuple[int, str, tuple[str, ...]])
    assert_type(provider.wait_for_peers(2, stable_for=1.5, timeout=10), Snapshot)
    changes = provider.changes()
    assert_type(changes, Iterator[Snapshot])
    for change in changes:
        assert_type(change, Snapshot)


async def use_in_a_task(provider: AsyncProvider) -> None:
    """Make all calls in an event loop."""
    async with provider as entered:
        assert_type(entered, AsyncProvider)
    async with AsyncFakeProvider() as fake:
        assert_type(fake, AsyncFakeProvider)
    await provider.register()
    assert_type(await provider.discover_peers(), list[str])
    assert_type(await provider.snapshot(), Snapshot)
    assert_type(await provider.nodes(), list[Node])
    assert_type(await provider.self_node(), Node)
    assert_type(await provider.wait(timeout=10), Snapshot)
    assert_type(await provider.wait_for_peers(2, stable_for=1.5, timeout=10), Snapshot)
    changes = provider.changes()
    assert_type(changes, AsyncIterator[Snapshot])
    async for change in changes:
        assert_type(change, Snapshot)
    await provider.refresh()
    assert_type(await provider.health(), Health)
    assert_type(await provider.explain(), Explanation)
    assert_type(await provider.explain_table(), str)
    assert_type(await provider.metrics(), str)
    await provider.deregister()
    await provider.close()


def read_reports(provider: Provider) -> None:
    """Read health, explain and metrics."""
    health = provider.health()
    assert_type(health, Health)
    assert_type(health.age, float)
    assert_type(
        (health.synced, health.stale, health.watching, health.polling),
        tuple[bool, bool, bool, bool],
    )
    assert_type(health.error, "KubepeersError | None")
    assert_type(health.error_class, str)
    explanation = provider.explain()
    assert_type(explanation, Explanation)
    assert_type(explanation.gate, str)
    for pod in explanation.pods:
        assert_type(pod, ExplainedPod)
        assert_type(pod.verdict, str)
        assert_type(pod.address, "str | None")
        assert_type(pod.ports, tuple[NamedPort, ...])
    assert_type(provider.explain_table(), str)
    assert_type(provider.metrics(), str)
    report = doctor(pod_labels={"app": "demo"}, discovery_port_name="gossip", timeout=5)
    assert_type(report, Report)
    assert_type((report.outcome, report.summary, report.text), tuple[str, str, str])
    assert_type(report.manifest, "str | None")
    for step in report.steps:
        assert_type(step, Step)
        assert_type(step.facts, tuple[str, ...])


def handle_errors(provider: AsyncProvider) -> None:
    """Handle every class of errors."""
    try:
        asyncio.run(use_in_a_task(provider))
    except WaitTimeoutError as timeout:
        builtin: TimeoutError = timeout
        print(builtin)
    except ConfigError as invalid:
        value: ValueError = invalid
        print(value)
    except (NotRegisteredError, ClosedError, ForkedError) as lifecycle:
        base: LifecycleError = lifecycle
        print(base)
    except (AccessError, SelfPodError, NoResultError, InternalError) as error:
        assert_type(error.retryable, bool)
        assert_type(error.http_status, int)
        assert_type(error.message, str)
        assert_type(error.manifest, "str | None")
    except KubepeersError as error:
        assert_type(error.status, Status)
        if error.status is Status.NO_RESOURCES:
            raise
    except LibraryError as missing:
        print(missing)


def make_invalid_calls(provider: Provider) -> None:
    """Make calls that mypy must reject. It also rejects a `type: ignore` that hides no error."""
    provider.wait(timeout="2")  # type: ignore[arg-type]
    provider.discover()  # type: ignore[attr-defined]
    Provider(namespace="default")  # type: ignore[call-arg]
    Provider(pod_labels={}, discovery_port_name="p", readyness="ready")  # type: ignore[arg-type]
    Provider(pod_labels={}, discovery_port_name="p", readiness="Ready")  # type: ignore[arg-type]
    Provider(pod_labels="app=demo", discovery_port_name="p")  # type: ignore[arg-type]
    for change in provider.changes():
        change.addresses.append("")  # type: ignore[attr-defined]
        change.generation = 1  # type: ignore[misc]
