"""The package against a real API server: `testenv run -- pytest`. The many cases are in tests/conformance."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from cluster import cluster
from configuration import Options
from kubepeers import (
    AccessError,
    AsyncProvider,
    ClosedError,
    NoResultError,
    NotRegisteredError,
    Provider,
    Snapshot,
    Status,
    WaitTimeoutError,
    _log,
)

#: Bounds what would otherwise hang. It is no expectation: machines that run tests are busy.
AGES = 300


def test_peers_come_and_go(namespace: str, cluster_options: Options, pod: tuple[str, ...]) -> None:
    with Provider(**cluster_options) as provider:
        assert provider.discover_peers(AGES) == []
        alone = provider.wait(0)
        assert alone == Snapshot(1, ())
        assert provider.generation == 1
        with pytest.raises(WaitTimeoutError, match="generation 1"):
            provider.wait(alone.generation, timeout=0)

        cluster(*pod, "--phase", "Running", "--ip", "fd00::1", "a")
        first = provider.wait(alone.generation, timeout=AGES)
        assert first.addresses == ("[fd00::1]:3322",)
        assert first.generation > alone.generation
        assert provider.generation == first.generation
        assert provider.discover_peers() == ["[fd00::1]:3322"]

        cluster("delete", "--namespace", namespace, "a")
        assert provider.wait(first.generation, timeout=AGES).addresses == ()


def test_records_and_reports(namespace: str, cluster_options: Options, pod: tuple[str, ...]) -> None:
    cluster(
        *pod, "--port=peers=3321", "--node=n1", "--label=pod-template-hash=5d9", "--phase=Running", "--ip=fd00::1", "a"
    )
    cluster(*pod, "--phase=Pending", "b")
    with Provider(**cluster_options) as provider:
        provider.refresh(AGES)
        (node,) = provider.nodes()
        assert (node.name, node.host, node.ready, node.node_name, node.revision) == ("a", "fd00::1", True, "n1", "5d9")
        assert (node.discovery_port, node.remoting_port, node.peers_port) == (3322, 0, 3321)

        health = provider.health()
        assert (health.stale, health.polling, health.error, health.error_class) == (False, False, None, "")
        assert health.synced

        explanation = provider.explain()
        assert (explanation.namespace, explanation.selector, explanation.gate) == (
            namespace,
            "app=test",
            "open",
        )
        a, b = explanation.pods
        assert (a.name, a.verdict, a.address, a.uid) == ("a", "peer", "[fd00::1]:3322", node.uid)
        assert (b.name, b.verdict, b.address) == ("b", "not-running", None)
        assert [line.split()[:2] for line in provider.explain_table().splitlines()[2:]] == [
            ["a", "peer"],
            ["b", "not-running"],
        ]
        assert f'kubepeers_peers{{namespace="{namespace}",selector="app=test"}} 1\n' in provider.metrics()


def test_async_with_waits_for_the_first_list(cluster_options: Options) -> None:
    async def main() -> None:
        async with AsyncProvider(**cluster_options) as provider:
            assert await provider.discover_peers(0) == []

    asyncio.run(main())


def test_register_raises_permanent_errors(namespace: str, cluster_options: Options, tmp_path: Path) -> None:
    cluster("account", "--namespace", namespace, "--verbs=", "member")
    cluster("mount", "--namespace", namespace, "--service-account", "member", str(tmp_path))
    options = {**cluster_options, "kubeconfig": None, "service_account_dir": tmp_path}

    def in_thread() -> None:
        with Provider(**options, register_timeout=AGES):
            pytest.fail("entered")

    async def in_task() -> None:
        async with AsyncProvider(**options, register_timeout=AGES):
            pytest.fail("entered")

    for enter in (in_thread, lambda: asyncio.run(in_task())):
        with pytest.raises(AccessError) as raised:
            enter()
        assert raised.value.status is Status.FORBIDDEN
        assert raised.value.http_status == 403
        assert "verbs: [list, watch]" in (raised.value.manifest or "")


def test_settling(cluster_options: Options, pod: tuple[str, ...]) -> None:
    cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "a")
    with Provider(**cluster_options) as provider:
        assert provider.wait_for_peers(1, 0.1, AGES).addresses == ("10.0.0.2:3322",)
        with pytest.raises(WaitTimeoutError, match="found 1 peers"):
            provider.wait_for_peers(2, timeout=0)


def test_the_error_of_health(namespace: str, cluster_options: Options, tmp_path: Path) -> None:
    cluster("account", "--namespace", namespace, "--verbs=list", "member")
    cluster("mount", "--namespace", namespace, "--service-account=member", str(tmp_path))
    with Provider(**{**cluster_options, "kubeconfig": None, "service_account_dir": tmp_path}) as provider:
        assert provider.discover_peers(AGES) == []
        deadline = time.monotonic() + AGES
        # The watcher may not have tried to watch yet.
        while not (health := provider.health()).polling:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert health.stale is False
        assert health.error_class == "forbidden"
        assert isinstance(health.error, AccessError)
        assert health.error.status is Status.FORBIDDEN
        assert health.error.http_status == 403
        for word in ("may not watch", f"`{namespace}`", "bind a Role"):
            assert word in health.error.message
        assert "kind: RoleBinding" in (health.error.manifest or "")


def test_results_from_memory(namespace: str, cluster_options: Options, pod: tuple[str, ...]) -> None:
    cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "a")
    with Provider(**cluster_options) as provider:
        provider.refresh(AGES)
        provider.discover_peers().clear()
        assert provider.discover_peers() == ["10.0.0.2:3322"]
        cluster("delete", "--namespace", namespace, "a")
        provider.refresh(AGES)
        assert provider.discover_peers() == []
        provider.deregister()
        with pytest.raises(NotRegisteredError):
            provider.discover_peers()
        provider.register()
        assert provider.discover_peers(AGES) == []
    with pytest.raises(ClosedError):
        provider.discover_peers()


def test_without_a_generation(cluster_options: Options, pod: tuple[str, ...]) -> None:
    cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "a")
    with Provider(**cluster_options, max_stale=AGES) as provider:
        for _ in range(2):
            assert provider.discover_peers(AGES) == ["10.0.0.2:3322"]
        assert provider.generation == 0


def test_many_addresses(monkeypatch: pytest.MonkeyPatch, cluster_options: Options, pod: tuple[str, ...]) -> None:
    for number in (2, 3):
        cluster(*pod, "--phase=Running", f"--ip=10.0.0.{number}", f"p{number}")
    with Provider(**cluster_options) as provider:
        # As if there were more peers than expected.
        monkeypatch.setattr(provider._session, "_buffer_size", 20)
        provider.refresh(AGES)
        assert provider.discover_peers() == ["10.0.0.2:3322", "10.0.0.3:3322"]


def test_changes(namespace: str, cluster_options: Options, pod: tuple[str, ...]) -> None:
    with Provider(**cluster_options) as provider:
        changes = provider.changes()
        assert next(changes) == Snapshot(1, ())
        cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "a")
        assert next(changes).addresses == ("10.0.0.2:3322",)
        cluster("delete", "--namespace", namespace, "a")
        assert next(changes).addresses == ()
        provider.close()
        assert list(changes) == []


@pytest.mark.parametrize("new_event_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_asyncio(
    namespace: str,
    cluster_options: Options,
    pod: tuple[str, ...],
    new_event_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main() -> None:
        found: list[tuple[str, ...]] = []

        async def collect(provider: AsyncProvider) -> None:
            async for peers in provider.changes():
                found.append(peers.addresses)

        async def collected(number: int) -> None:
            while len(found) < number:
                await asyncio.sleep(0.001)

        async with AsyncProvider(**cluster_options) as provider:
            alone = await provider.wait(timeout=AGES)
            assert alone.addresses == ()
            enough = asyncio.ensure_future(provider.wait_for_peers(1, stable_for=0.1, timeout=AGES))
            collecting = asyncio.ensure_future(collect(provider))
            waiting = asyncio.ensure_future(provider.wait(alone.generation, AGES))
            await collected(1)
            await asyncio.to_thread(cluster, *pod, "--phase=Running", "--ip=10.0.0.2", "a")
            first = await waiting
            assert first.addresses == ("10.0.0.2:3322",)
            assert await enough == first
            await collected(2)
            await provider.refresh(AGES)
            assert [node.name for node in await provider.nodes()] == ["a"]
            await asyncio.to_thread(cluster, "delete", "--namespace", namespace, "a")
            assert (await provider.wait(first.generation, AGES)).addresses == ()
            await collected(3)
        await collecting
        assert found == [(), ("10.0.0.2:3322",), ()]

    loop = new_event_loop()
    try:
        loop.run_until_complete(main())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def test_both_providers_have_the_same_messages(cluster_options: Options) -> None:
    def errors(provider: Provider) -> list[str]:
        found = []
        for call in (lambda: provider.wait(1, 0.05), lambda: provider.wait_for_peers(1, 0.1, 0.05)):
            with pytest.raises(WaitTimeoutError) as raised:
                call()
            assert raised.value.retryable
            found.append(raised.value.message)
        return found

    async def async_errors() -> list[str]:
        found = []
        async with AsyncProvider(**cluster_options) as provider:
            await provider.snapshot(AGES)
            for call in (lambda: provider.wait(1, 0.05), lambda: provider.wait_for_peers(1, 0.1, 0.05)):
                with pytest.raises(WaitTimeoutError) as raised:
                    await call()
                assert raised.value.retryable
                found.append(raised.value.message)
        return found

    with Provider(**cluster_options) as provider:
        provider.snapshot(AGES)
        assert errors(provider) == asyncio.run(async_errors())


def test_a_missing_role_ends_an_iteration(namespace: str, cluster_options: Options, tmp_path: Path) -> None:
    cluster("account", "--namespace", namespace, "--verbs=", "member")
    cluster("mount", "--namespace", namespace, "--service-account=member", str(tmp_path))
    options = {**cluster_options, "kubeconfig": None, "service_account_dir": tmp_path, "register_timeout": 0}

    def in_thread() -> None:
        with Provider(**options) as provider:
            next(provider.changes())

    async def in_task() -> None:
        async with AsyncProvider(**options) as provider:
            async for _ in provider.changes():
                pytest.fail("there is no result")

    for iterate in (in_thread, lambda: asyncio.run(in_task())):
        with pytest.raises(NoResultError, match="bind a Role") as raised:
            iterate()
        assert raised.value.http_status == 403
        assert raised.value.manifest


def test_log_records(
    cluster_options: Options, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Closing waits for handlers as long as a busy machine takes.
    monkeypatch.setattr(_log, "CLOSE_TIMEOUT_S", 60)
    caplog.set_level(logging.INFO, "kubepeers")
    with Provider(**cluster_options, log="info") as provider:
        provider.refresh(AGES)
    messages = [record.getMessage() for record in caplog.records if record.name == "kubepeers"]
    assert messages[0].startswith("looking for pods")
    assert "generation 1: 0 peers, 0 pods left out, gate open" in messages
