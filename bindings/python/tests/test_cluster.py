"""The package with a real API server. tests/conformance has the cases shared by all languages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop
from cluster import cluster
from configuration import Options
from kubepeers import (
    AsyncProvider,
    ClosedError,
    NotRegisteredError,
    Provider,
    Snapshot,
    WaitTimeoutError,
)

#: Ends a test that would otherwise hang. No test depends on its length.
HANG_TIMEOUT_S = 300


def test_wait_and_discover_peers_follow_a_pod(
    namespace: str, cluster_options: Options, pod: tuple[str, ...]
) -> None:
    with Provider(**cluster_options) as provider:
        assert provider.discover_peers(HANG_TIMEOUT_S) == []
        alone = provider.wait(0)
        assert alone == Snapshot(1, ())
        assert provider.generation == 1

        cluster(*pod, "--phase", "Running", "--ip", "fd00::1", "a")
        first = provider.wait(alone.generation, timeout=HANG_TIMEOUT_S)
        assert first.addresses == ("[fd00::1]:3322",)
        assert first.generation > alone.generation
        assert provider.generation == first.generation
        assert provider.discover_peers() == ["[fd00::1]:3322"]

        cluster("delete", "--namespace", namespace, "a")
        assert provider.wait(first.generation, timeout=HANG_TIMEOUT_S).addresses == ()


def test_result_in_memory_is_replaced_after_a_change(
    namespace: str, cluster_options: Options, pod: tuple[str, ...]
) -> None:
    cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "a")
    with Provider(**cluster_options) as provider:
        provider.refresh(HANG_TIMEOUT_S)
        provider.discover_peers().clear()
        assert provider.discover_peers() == ["10.0.0.2:3322"]
        cluster("delete", "--namespace", namespace, "a")
        provider.refresh(HANG_TIMEOUT_S)
        assert provider.discover_peers() == []
        provider.deregister()
        with pytest.raises(NotRegisteredError):
            provider.discover_peers()
        provider.register()
        assert provider.discover_peers(HANG_TIMEOUT_S) == []
    with pytest.raises(ClosedError):
        provider.discover_peers()


@pytest.mark.parametrize("new_event_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_tasks_follow_a_pod(
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

        async def wait_until_collected(count: int) -> None:
            while len(found) < count:
                await asyncio.sleep(0.001)

        async with AsyncProvider(**cluster_options) as provider:
            # `async with` has waited for the first list.
            assert await provider.discover_peers(0) == []
            alone = await provider.wait()
            enough_peers = asyncio.ensure_future(
                provider.wait_for_peers(1, stable_for=0.1, timeout=HANG_TIMEOUT_S)
            )
            collecting = asyncio.ensure_future(collect(provider))
            newer = asyncio.ensure_future(provider.wait(alone.generation, HANG_TIMEOUT_S))
            await wait_until_collected(1)
            await asyncio.to_thread(cluster, *pod, "--phase=Running", "--ip=10.0.0.2", "a")
            first = await newer
            assert first.addresses == ("10.0.0.2:3322",)
            assert await enough_peers == first
            await wait_until_collected(2)
            await provider.refresh(HANG_TIMEOUT_S)
            assert [node.name for node in await provider.nodes()] == ["a"]
            await asyncio.to_thread(cluster, "delete", "--namespace", namespace, "a")
            assert (await provider.wait(first.generation, HANG_TIMEOUT_S)).addresses == ()
            await wait_until_collected(3)
        await collecting
        assert found == [(), ("10.0.0.2:3322",), ()]

    loop = new_event_loop()
    try:
        loop.run_until_complete(main())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def test_both_providers_have_the_same_messages(cluster_options: Options) -> None:
    def messages(provider: Provider) -> list[str]:
        found = []
        for call in (lambda: provider.wait(1, 0.05), lambda: provider.wait_for_peers(1, 0.1, 0.05)):
            with pytest.raises(WaitTimeoutError) as raised:
                call()
            assert raised.value.retryable
            found.append(raised.value.message)
        return found

    async def async_messages() -> list[str]:
        found = []
        async with AsyncProvider(**cluster_options) as provider:
            await provider.snapshot(HANG_TIMEOUT_S)
            for call in (
                lambda: provider.wait(1, 0.05),
                lambda: provider.wait_for_peers(1, 0.1, 0.05),
            ):
                with pytest.raises(WaitTimeoutError) as raised:
                    await call()
                assert raised.value.retryable
                found.append(raised.value.message)
        return found

    with Provider(**cluster_options) as provider:
        provider.snapshot(HANG_TIMEOUT_S)
        assert messages(provider) == asyncio.run(async_messages())
