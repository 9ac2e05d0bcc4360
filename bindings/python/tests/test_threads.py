"""Many threads on one provider."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import kubepeers
import pytest
from configuration import Options
from kubepeers import KubepeersError, Provider, Status

AN_HOUR = 3600


@pytest.mark.parametrize(
    ("end", "error"),
    [(Provider.close, kubepeers.ClosedError), (Provider.deregister, kubepeers.NotRegisteredError)],
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
def test_a_waiting_call_is_ended(
    registered: Provider,
    wait: Callable[[Provider], object],
    end: Callable[[Provider], None],
    error: type[KubepeersError],
) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(wait, registered) for _ in range(3)]
        # They wait without the interpreter's lock, or this would not run. One that has not begun ends the same way.
        assert not any(future.done() for future in waiting)
        end(registered)
        for future in waiting:
            assert isinstance(future.exception(60), error)


def test_register_is_ended(options: Options) -> None:
    provider = Provider(**options)
    provider.init()
    with ThreadPoolExecutor() as pool:
        registering = pool.submit(provider.register, AN_HOUR)
        provider.close()
        assert isinstance(registering.exception(60), kubepeers.ClosedError)


def test_only_one_init_succeeds(options: Options) -> None:
    for _ in range(20):
        provider = Provider(**options)
        barrier = threading.Barrier(8)

        def init(provider: Provider = provider, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            provider.init()

        with ThreadPoolExecutor(8) as pool:
            outcomes = [future.exception(60) for future in [pool.submit(init) for _ in range(8)]]
        assert outcomes.count(None) == 1
        assert all(isinstance(e, kubepeers.AlreadyInitializedError) for e in outcomes if e)
        provider.close()


def use(provider: Provider) -> set[Status]:
    """Call everything but close, and give what was said."""
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
        provider.init()
        with ThreadPoolExecutor(8) as pool:
            users = [pool.submit(use, provider) for _ in range(6)]
            closers = [pool.submit(provider.close) for _ in range(2)]
            for user in users:
                assert user.result(60) <= documented
            for closer in closers:
                assert closer.result(60) is None
