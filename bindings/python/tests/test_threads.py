"""Many threads on one provider."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from configuration import Options
from kubepeers import ClosedError, KubepeersError, NotRegisteredError, Provider, Status
from waiting import Waiting

AN_HOUR = 3600


@pytest.mark.parametrize(
    ("end", "error"),
    [(Provider.close, ClosedError), (Provider.deregister, NotRegisteredError)],
)
@pytest.mark.parametrize(
    "wait",
    [
        lambda provider: provider.wait(0, AN_HOUR),
        lambda provider: provider.discover_peers(AN_HOUR),
        lambda provider: provider.nodes(AN_HOUR),
        lambda provider: provider.self_node(AN_HOUR),
        lambda provider: provider.wait_for_peers(1, 1, AN_HOUR),
        lambda provider: provider.refresh(AN_HOUR),
    ],
)
def test_the_end_of_the_registration_ends_a_wait(
    registered: Provider,
    wait: Callable[[Provider], object],
    end: Callable[[Provider], None],
    error: type[KubepeersError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = Waiting(monkeypatch)
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(wait, registered) for _ in range(3)]
        waiting.begun(3)
        end(registered)
        for future in futures:
            assert isinstance(future.exception(60), error)
    assert waiting.is_over()


def test_close_ends_register(options: Options) -> None:
    provider = Provider(**options)
    with ThreadPoolExecutor() as pool:
        registering = pool.submit(provider.register, AN_HOUR)
        provider.close()
        assert isinstance(registering.exception(60), ClosedError)


def test_only_one_register_succeeds(options: Options) -> None:
    for _ in range(20):
        provider = Provider(**options)
        barrier = threading.Barrier(8)

        def register(provider: Provider = provider, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            provider.register()

        with ThreadPoolExecutor(8) as pool:
            outcomes = [future.exception(60) for future in [pool.submit(register) for _ in range(8)]]
        assert outcomes.count(None) == 1
        assert [e.status for e in outcomes if isinstance(e, KubepeersError)] == [Status.ALREADY_REGISTERED] * 7
        provider.close()


def use(provider: Provider) -> set[Status]:
    """Call everything but close, and return the statuses of the errors."""
    verbs = [
        *(provider.register, provider.discover_peers, provider.nodes, provider.self_node, lambda: provider.wait(0)),
        *(provider.health, provider.metrics, provider.explain, provider.explain_table, provider.deregister),
    ]
    seen = set()
    for i in range(10 * len(verbs)):
        try:
            verbs[i % len(verbs)]()
        except KubepeersError as e:
            seen.add(e.status)
    return seen


def test_everything_at_once(options: Options) -> None:
    documented = {Status.CLOSED, Status.NOT_REGISTERED, Status.ALREADY_REGISTERED, Status.NOT_SYNCED}
    for _ in range(10):
        provider = Provider(**options)
        with ThreadPoolExecutor(8) as pool:
            users = [pool.submit(use, provider) for _ in range(6)]
            closers = [pool.submit(provider.close) for _ in range(2)]
            for user in users:
                assert user.result(60) <= documented
            for closer in closers:
                assert closer.result(60) is None
