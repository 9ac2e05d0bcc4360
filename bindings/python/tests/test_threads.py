"""One provider in many threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from configuration import Options
from descriptors import Descriptors
from kubepeers import ClosedError, KubepeersError, NotRegisteredError, Provider, Status

ONE_HOUR_S = 3600


@pytest.mark.parametrize(
    ("end", "error"),
    [(Provider.close, ClosedError), (Provider.deregister, NotRegisteredError)],
)
@pytest.mark.parametrize(
    "wait",
    [
        lambda provider: provider.wait(0, ONE_HOUR_S),
        lambda provider: provider.discover_peers(ONE_HOUR_S),
        lambda provider: provider.nodes(ONE_HOUR_S),
        lambda provider: provider.self_node(ONE_HOUR_S),
        lambda provider: provider.wait_for_peers(1, 1, ONE_HOUR_S),
        lambda provider: provider.refresh(ONE_HOUR_S),
    ],
)
def test_deregister_and_close_end_waits_of_other_threads(
    registered: Provider,
    wait: Callable[[Provider], object],
    end: Callable[[Provider], None],
    error: type[KubepeersError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    descriptors = Descriptors(monkeypatch)
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(wait, registered) for _ in range(3)]
        descriptors.wait_until_waiting(3)
        end(registered)
        for future in futures:
            assert isinstance(future.exception(60), error)
    assert descriptors.are_closed()


def test_close_ends_register_of_another_thread(options: Options) -> None:
    provider = Provider(**options)
    with ThreadPoolExecutor() as pool:
        registering = pool.submit(provider.register, ONE_HOUR_S)
        provider.close()
        assert isinstance(registering.exception(60), ClosedError)


def test_only_one_of_concurrent_registers_succeeds(options: Options) -> None:
    for _ in range(20):
        provider = Provider(**options)
        barrier = threading.Barrier(8)

        def register(provider: Provider = provider, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            provider.register()

        with ThreadPoolExecutor(8) as pool:
            outcomes = [
                future.exception(60) for future in [pool.submit(register) for _ in range(8)]
            ]
        assert outcomes.count(None) == 1
        assert [e.status for e in outcomes if isinstance(e, KubepeersError)] == [
            Status.ALREADY_REGISTERED
        ] * 7
        provider.close()


def make_calls(provider: Provider) -> set[Status]:
    """Make all calls except close, and return the statuses of their errors."""
    calls = [
        *(
            provider.register,
            provider.discover_peers,
            provider.nodes,
            provider.self_node,
            lambda: provider.wait(0),
        ),
        *(
            provider.health,
            provider.metrics,
            provider.explain,
            provider.explain_table,
            provider.deregister,
        ),
    ]
    seen = set()
    for call in calls * 10:
        try:
            call()
        except KubepeersError as e:
            seen.add(e.status)
    return seen


def test_concurrent_calls_raise_only_documented_errors(options: Options) -> None:
    documented = {
        Status.CLOSED,
        Status.NOT_REGISTERED,
        Status.ALREADY_REGISTERED,
        Status.NOT_SYNCED,
    }
    for _ in range(10):
        provider = Provider(**options)
        with ThreadPoolExecutor(8) as pool:
            users = [pool.submit(make_calls, provider) for _ in range(6)]
            closers = [pool.submit(provider.close) for _ in range(2)]
            for user in users:
                assert user.result(60) <= documented
            for closer in closers:
                assert closer.result(60) is None
