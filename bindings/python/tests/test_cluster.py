"""The package against a real API server: `cluster run -- pytest`. The many cases are in tests/conformance."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import kubepeers
import pytest
import uvloop
from cluster import cluster
from configuration import Options
from kubepeers import Provider, Snapshot, TimeoutError, _log, _watch

#: Bounds what would otherwise hang. It is no expectation: machines that run tests are busy.
AGES = 300


def test_peers_come_and_go(namespace: str, cluster_options: Options, pod: tuple[str, ...]) -> None:
    with Provider(**cluster_options) as provider:
        assert provider.discover_peers(AGES) == []
        alone = provider.wait(0)
        assert alone == Snapshot(1, ())
        assert provider.generation == 1
        with pytest.raises(TimeoutError, match="generation 1"):
            provider.wait(alone.generation, timeout=0)

        cluster(*pod, "--phase", "Running", "--ip", "fd00::1", "a")
        first = provider.wait(alone.generation, timeout=AGES)
        assert first.addresses == ("[fd00::1]:3322",)
        assert first.generation > alone.generation
        assert provider.generation == first.generation
        assert provider.discover_peers() == ["[fd00::1]:3322"]

        cluster("delete", "--namespace", namespace, "a")
        assert provider.wait(first.generation, timeout=AGES).addresses == ()


def test_all_that_is_known(namespace: str, cluster_options: Options, pod: tuple[str, ...]) -> None:
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
        assert health.age is not None

        explanation = provider.explain()
        assert (explanation["namespace"], explanation["selector"], explanation["gate"]) == (
            namespace,
            "app=test",
            "open",
        )
        a, b = explanation["pods"]
        assert (a["name"], a["verdict"], a["address"], a["uid"]) == ("a", "peer", "[fd00::1]:3322", node.uid)
        assert (b["name"], b["verdict"], b["address"]) == ("b", "not-running", None)
        assert [line.split()[:2] for line in provider.explain_table().splitlines()[2:]] == [
            ["a", "peer"],
            ["b", "not-running"],
        ]
        assert f'kubepeers_peers{{namespace="{namespace}",selector="app=test"}} 1\n' in provider.metrics()


def test_async_with_waits_for_the_first_list(cluster_options: Options) -> None:
    async def main() -> None:
        async with Provider(**cluster_options) as provider:
            assert provider.discover_peers(0) == []

    asyncio.run(main())


def test_async_with_raises_what_retries_cannot_fix(namespace: str, cluster_options: Options, tmp_path: Path) -> None:
    cluster("account", "--namespace", namespace, "--verbs=", "member")
    cluster("mount", "--namespace", namespace, "--service-account", "member", str(tmp_path))
    provider = Provider(**{**cluster_options, "kubeconfig": None, "service_account_dir": tmp_path})

    async def main() -> None:
        async with provider:
            pytest.fail("entered")

    with pytest.raises(kubepeers.ForbiddenError) as raised:
        asyncio.run(main())
    assert "verbs: [list, watch]" in (raised.value.manifest or "")
    with pytest.raises(kubepeers.ClosedError):
        provider.health()


def test_settling(cluster_options: Options, pod: tuple[str, ...]) -> None:
    cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "a")
    with Provider(**cluster_options) as provider:
        assert provider.wait_for_peers(1, 0.1, AGES).addresses == ("10.0.0.2:3322",)
        with pytest.raises(TimeoutError, match="found 1 peers"):
            provider.wait_for_peers(2, timeout=0)


def test_the_error_of_health(namespace: str, cluster_options: Options, tmp_path: Path) -> None:
    cluster("account", "--namespace", namespace, "--verbs=list", "member")
    cluster("mount", "--namespace", namespace, "--service-account=member", str(tmp_path))
    with Provider(**{**cluster_options, "kubeconfig": None, "service_account_dir": tmp_path}) as provider:
        assert provider.discover_peers(AGES) == []
        deadline = time.monotonic() + AGES
        # It has been listed already, but not been tried to watch, perhaps.
        while not (health := provider.health()).polling:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert health.stale is False
        assert health.error_class == "forbidden"
        assert isinstance(health.error, kubepeers.ForbiddenError)
        assert health.error.http_status == 403
        for word in ("may not watch", f"`{namespace}`", "bind a Role"):
            assert word in health.error.message
        assert "kind: RoleBinding" in (health.error.manifest or "")


def test_answers_from_memory(namespace: str, cluster_options: Options, pod: tuple[str, ...]) -> None:
    cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "a")
    with Provider(**cluster_options) as provider:
        provider.refresh(AGES)
        provider.discover_peers().clear()
        assert provider.discover_peers() == ["10.0.0.2:3322"]
        cluster("delete", "--namespace", namespace, "a")
        provider.refresh(AGES)
        assert provider.discover_peers() == []
        provider.deregister()
        with pytest.raises(kubepeers.NotRegisteredError):
            provider.discover_peers()
        provider.register()
        assert provider.discover_peers(AGES) == []
    with pytest.raises(kubepeers.ClosedError):
        provider.discover_peers()


def test_without_a_generation(cluster_options: Options, pod: tuple[str, ...]) -> None:
    cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "a")
    with Provider(**cluster_options, max_stale_ms=AGES * 1000) as provider:
        for _ in range(2):
            assert provider.discover_peers(AGES) == ["10.0.0.2:3322"]
        assert provider.generation == 0


def test_many_addresses(monkeypatch: pytest.MonkeyPatch, cluster_options: Options, pod: tuple[str, ...]) -> None:
    for number in (2, 3):
        cluster(*pod, "--phase=Running", f"--ip=10.0.0.{number}", f"p{number}")
    with Provider(**cluster_options) as provider:
        # As if there were more than are expected.
        monkeypatch.setattr(provider._live, "_room", 20)
        provider.refresh(AGES)
        assert provider.discover_peers() == ["10.0.0.2:3322", "10.0.0.3:3322"]


def test_changes(namespace: str, cluster_options: Options, pod: tuple[str, ...]) -> None:
    with Provider(**cluster_options) as provider:
        changes = iter(provider.changes())
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
    async def main(provider: Provider) -> None:
        found: list[tuple[str, ...]] = []

        async def collect() -> None:
            async for peers in provider.changes():
                found.append(peers.addresses)

        async def collected(number: int) -> None:
            while len(found) < number:
                await asyncio.sleep(0.001)

        alone = await provider.wait_async(timeout=AGES)
        assert alone.addresses == ()
        enough = asyncio.ensure_future(provider.wait_for_peers_async(1, stable_for=0.1, timeout=AGES))
        collecting = asyncio.ensure_future(collect())
        waiting = asyncio.ensure_future(provider.wait_async(alone.generation, AGES))
        await collected(1)
        await asyncio.to_thread(cluster, *pod, "--phase=Running", "--ip=10.0.0.2", "a")
        first = await waiting
        assert first.addresses == ("10.0.0.2:3322",)
        assert await enough == first
        await collected(2)
        await asyncio.to_thread(cluster, "delete", "--namespace", namespace, "a")
        assert (await provider.wait_async(first.generation, AGES)).addresses == ()
        await collected(3)
        provider.close()
        await collecting
        assert found == [(), ("10.0.0.2:3322",), ()]

    loop = new_event_loop()
    try:
        with Provider(**cluster_options) as provider:
            loop.run_until_complete(main(provider))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def test_messages_are_those_of_the_library(cluster_options: Options) -> None:
    with Provider(**cluster_options) as provider:
        generation = provider.wait(0, AGES).generation
        with pytest.raises(TimeoutError) as waited:
            provider.wait(generation, 0.05)
        with pytest.raises(TimeoutError) as awaited:
            asyncio.run(provider.wait_async(generation, 0.05))
        assert awaited.value.message == waited.value.message
        assert awaited.value.retryable == waited.value.retryable
        with pytest.raises(TimeoutError) as waited:
            provider.wait_for_peers(1, 0.1, 0.05)
        with pytest.raises(TimeoutError) as awaited:
            asyncio.run(provider.wait_for_peers_async(1, 0.1, 0.05))
        assert awaited.value.message == waited.value.message


def test_a_missing_role_ends_an_iteration(
    namespace: str, cluster_options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_watch, "PATIENCE", 0)
    cluster("account", "--namespace", namespace, "--verbs=", "member")
    cluster("mount", "--namespace", namespace, "--service-account=member", str(tmp_path))
    provider = Provider(**{**cluster_options, "kubeconfig": None, "service_account_dir": tmp_path})
    provider.init()
    provider.register(0)
    for iterate in (lambda: list(provider.changes()), lambda: asyncio.run(iterate_async(provider))):
        with pytest.raises(kubepeers.NotSyncedError, match="bind a Role") as raised:
            iterate()
        assert raised.value.http_status == 403
    provider.close()


async def iterate_async(provider: Provider) -> None:
    async for _ in provider.changes():
        pytest.fail("there is nothing to be seen")


def test_log_records(
    cluster_options: Options, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Close waits for the handlers as long as a busy machine takes.
    monkeypatch.setattr(_log, "PATIENCE", 60)
    caplog.set_level(logging.INFO, "kubepeers")
    with Provider(**cluster_options, log="info") as provider:
        provider.refresh(AGES)
    messages = [record.getMessage() for record in caplog.records if record.name == "kubepeers"]
    assert messages[0].startswith("looking for pods")
    assert "generation 1: 0 peers, 0 pods left out, gate open" in messages
