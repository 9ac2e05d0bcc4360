"""The fakes of kubepeers.testing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import kubepeers
import pytest
from kubepeers import (
    AccessError,
    AsyncProvider,
    ClosedError,
    LifecycleError,
    NoResultError,
    NotRegisteredError,
    Provider,
    SelfPodError,
    Snapshot,
)
from kubepeers.testing import AsyncFakeProvider, FakeProvider, node

PEERS = ["10.0.0.10:1", "10.0.0.9:1", "[fd00::2]:1"]


def test_fake_needs_no_library() -> None:
    program = (
        "import sys; from kubepeers.testing import *\n"
        "with FakeProvider(['10.0.0.2:1']) as provider: assert provider.discover_peers() == ['10.0.0.2:1']\n"
        "assert 'ctypes' not in sys.modules"
    )
    environment = {**os.environ, "KUBEPEERS_LIBRARY": "/nowhere"}
    environment["PYTHONPATH"] = str(Path(kubepeers.__file__).parents[1])
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)


def test_fake_is_a_provider() -> None:
    assert isinstance(FakeProvider(), Provider)
    assert isinstance(AsyncFakeProvider(), AsyncProvider)
    assert FakeProvider.__module__ == AsyncFakeProvider.__module__ == "kubepeers.testing"


def test_peers_are_sorted_like_in_the_library() -> None:
    with FakeProvider(PEERS) as provider:
        assert provider.snapshot() == Snapshot(1, ("10.0.0.9:1", "10.0.0.10:1", "[fd00::2]:1"))
        assert provider.discover_peers() == list(provider.snapshot())
        assert [peer.address for peer in provider.nodes()] == provider.discover_peers()
        assert provider.generation == 1


def test_calls_fail_before_register_and_after_close() -> None:
    provider = FakeProvider()
    with pytest.raises(NotRegisteredError):
        provider.discover_peers()
    assert provider.generation == 0
    provider.register()
    with pytest.raises(LifecycleError):
        provider.register()
    provider.deregister()
    with pytest.raises(NotRegisteredError):
        provider.deregister()
    provider.register()
    assert provider.generation == 2
    provider.close()
    provider.close()
    with pytest.raises(ClosedError):
        provider.register()


def test_set_peers_ends_waits() -> None:
    with FakeProvider(None, register_timeout=0, discover_timeout=60) as provider:
        begun = time.monotonic()
        assert not provider.health().synced
        with pytest.raises(NoResultError):
            provider.discover_peers(timeout=0)
        threading.Timer(0.05, provider.set_peers, [PEERS]).start()
        assert len(provider.discover_peers()) == 3
        threading.Timer(0.05, provider.set_peers, [[]]).start()
        assert provider.wait(provider.generation) == Snapshot(3, ())
        assert provider.health().synced
        # The calls returned because of changes, not at their timeouts.
        assert time.monotonic() - begun < 30


def test_set_error_lasts_until_it_is_cleared() -> None:
    with FakeProvider(PEERS) as provider:
        provider.set_error(SelfPodError("no port"))
        for _ in range(2):
            with pytest.raises(SelfPodError):
                provider.discover_peers()
        provider.set_error(NoResultError("too old", retryable=True))
        with pytest.raises(NoResultError):
            provider.nodes(timeout=0)
        threading.Timer(0.05, provider.set_error, [None]).start()
        assert len(provider.nodes()) == 3
        provider.set_error(SelfPodError("no port"))
        provider.set_peers([])
        assert provider.discover_peers() == []


def test_register_raises_permanent_errors() -> None:
    provider = FakeProvider()
    provider.set_error(
        AccessError("may not list pods", status=kubepeers.Status.FORBIDDEN, manifest="kind: Role\n")
    )
    with pytest.raises(AccessError), provider:
        pytest.fail("entered")
    provider = FakeProvider(register_timeout=0.05)
    provider.set_error(NoResultError("not yet", retryable=True))
    with provider, pytest.raises(NoResultError):
        provider.discover_peers(0)


def test_script_runs_step_by_step() -> None:
    script = [PEERS, NoResultError("gone", retryable=True), [], ClosedError("closed")]
    with FakeProvider(["10.0.0.2:1"], script=script) as provider:
        assert [len(peers) for peers in provider.changes()] == [1, 3, 0]
        with pytest.raises(ClosedError):
            provider.health()


def test_script_advances_when_a_call_waits() -> None:
    with FakeProvider(None, script=[[], PEERS[:1], PEERS], register_timeout=0) as provider:
        assert provider.discover_peers(timeout=0) == []
        assert provider.discover_peers(timeout=0) == []
        assert len(provider.wait_for_peers(3)) == 3
        with pytest.raises(TimeoutError, match="found 3 peers; need at least 4"):
            provider.wait_for_peers(4, timeout=0.05)


def test_pods_can_be_configured() -> None:
    peer = node("[fd00::2]:7", ready=False, remoting_port=9)
    assert (peer.address, peer.host, peer.ready, peer.remoting_port) == (
        "[fd00::2]:7",
        "fd00::2",
        False,
        9,
    )
    with FakeProvider([peer], self_node="10.0.0.7:3") as provider:
        assert provider.nodes() == [peer]
        assert provider.self_node().address == "10.0.0.7:3"
        assert [(pod.name, pod.verdict) for pod in provider.explain().pods] == [
            ("pod-10-0-0-7", "self"),
            ("pod-fd00--2", "peer"),
        ]
    with FakeProvider(self_node=None) as provider, pytest.raises(SelfPodError):
        provider.self_node()
    for address, invalid_part in (("nowhere:1", "nowhere"), ("10.0.0.1:port", "port")):
        with pytest.raises(ValueError, match=invalid_part):
            node(address)


def test_health_explain_and_metrics_report_the_fake_peers() -> None:
    with FakeProvider(PEERS) as provider:
        provider.refresh()
        assert "kubepeers_peers 3\n" in provider.metrics()
        assert "pod-10-0-0-9  peer\n" in provider.explain_table()
        provider.set_health(stale=True, age=99.0)
        health = provider.health()
        assert (health.synced, health.stale, health.age, health.error) == (True, True, 99.0, None)


def test_async_fake_works_like_the_fake() -> None:
    async def main() -> None:
        async with AsyncFakeProvider(PEERS, script=[[], ClosedError("closed")]) as provider:
            assert len(await provider.discover_peers()) == 3
            assert [len(peers) async for peers in provider.changes()] == [3, 0]
        async with AsyncFakeProvider(None, register_timeout=0) as provider:
            waiting = asyncio.ensure_future(provider.discover_peers())
            await asyncio.sleep(0.01)
            assert not waiting.done()
            provider.set_peers(PEERS)
            assert len(await waiting) == 3

    asyncio.run(main())


@pytest.mark.parametrize("timeout", [60, float("inf")])
def test_call_waits_through_transient_errors_of_the_script(timeout: float) -> None:
    script = [*[NoResultError("an outage") for _ in range(4)], [PEERS[0]]]
    with FakeProvider(None, script=script, register_timeout=0) as provider:
        assert provider.discover_peers(timeout) == [PEERS[0]]


def test_permanent_error_of_the_script_is_raised_once() -> None:
    with FakeProvider(
        [PEERS[0]], script=[NoResultError("no Role", retryable=False), [PEERS[1]]]
    ) as provider:
        changes = provider.changes()
        assert next(changes).addresses == (PEERS[0],)
        with pytest.raises(NoResultError, match="no Role"):
            next(changes)
        assert next(changes).addresses == (PEERS[1],)
