"""`Provider` without an API server. test_cluster.py has one."""

from __future__ import annotations

import copy
import gc
import math
import os
import pickle
import signal
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kubepeers
import pytest
from configuration import REQUIRED, Options
from descriptors import Descriptors
from kubepeers import (
    ClosedError,
    LifecycleError,
    NoResultError,
    NotRegisteredError,
    Provider,
    SelfPodError,
    Snapshot,
    Status,
)
from kubepeers._library import lib
from kubepeers.testing import FakeProvider

ONE_HOUR_S = 3600

#: All calls that need a registration.
CALLS: list[Callable[[Provider], object]] = [
    Provider.discover_peers,
    Provider.snapshot,
    Provider.nodes,
    Provider.self_node,
    Provider.wait,
    lambda provider: next(provider.changes()),
    lambda provider: provider.wait_for_peers(0),
    Provider.refresh,
    Provider.health,
    Provider.explain,
    Provider.explain_table,
    Provider.metrics,
    Provider.deregister,
]
#: The calls that wait.
WAITS: list[Callable[[Provider, float], object]] = [
    Provider.discover_peers,
    Provider.snapshot,
    Provider.nodes,
    Provider.self_node,
    lambda provider, timeout: provider.wait(0, timeout),
    lambda provider, timeout: provider.wait_for_peers(1, 1, timeout),
    Provider.refresh,
]


@pytest.fixture
def descriptors(monkeypatch: pytest.MonkeyPatch) -> Descriptors:
    return Descriptors(monkeypatch)


def test_calls_fail_before_register_and_after_close(provider: Provider) -> None:
    for early in CALLS:
        with pytest.raises(NotRegisteredError):
            early(provider)
    provider.register(timeout=0)
    with pytest.raises(LifecycleError) as raised:
        provider.register()
    assert raised.value.status is Status.ALREADY_REGISTERED
    with pytest.raises(NoResultError):
        provider.discover_peers(timeout=0)
    provider.deregister()
    provider.register()
    provider.close()
    provider.close()
    for late in (Provider.register, *CALLS):
        with pytest.raises(ClosedError):
            late(provider)


def test_constructor_does_no_io(options: Options) -> None:
    before = set(os.listdir("/proc/self/task")), set(os.listdir("/proc/self/fd"))
    provider = Provider(**{**options, "kubeconfig": "/does not exist"}, log="debug")
    assert (set(os.listdir("/proc/self/task")), set(os.listdir("/proc/self/fd"))) == before
    with pytest.raises(kubepeers.AccessError) as raised:
        provider.register()
    assert raised.value.status is Status.NO_CREDENTIALS
    provider.close()


def test_id_and_version_match_the_library(provider: Provider) -> None:
    assert provider.id == lib.kubepeers_id().decode()
    assert kubepeers.library_version() == lib.kubepeers_version().decode()


def test_generation_without_a_result_is_0(provider: Provider) -> None:
    assert provider.generation == 0
    provider.register()
    assert provider.generation == 0
    provider.close()
    assert provider.generation == 0


def test_with_registers_and_closes(options: Options) -> None:
    with Provider(**options) as provider, pytest.raises(NoResultError):
        provider.discover_peers()
    with pytest.raises(ClosedError):
        provider.discover_peers()
    with pytest.raises(ClosedError), provider:
        pytest.fail("entered")
    with pytest.raises(KeyError), Provider(**options) as provider:
        raise KeyError
    with pytest.raises(ClosedError):
        provider.discover_peers()


def test_with_closes_if_register_fails(options: Options) -> None:
    provider = Provider(**{**options, "kubeconfig": "/does not exist"})
    with pytest.raises(kubepeers.AccessError), provider:
        pytest.fail("entered")
    with pytest.raises(ClosedError):
        provider.health()


def test_with_on_a_registered_provider_does_not_close_it(registered: Provider) -> None:
    with pytest.raises(LifecycleError), registered:
        pytest.fail("entered")
    registered.health()


def test_register_returns_at_its_timeout(options: Options, descriptors: Descriptors) -> None:
    with Provider(**{**options, "register_timeout": 0.05}) as provider:
        assert not provider.health().synced
    assert descriptors.are_closed()


def test_register_can_be_retried_after_an_error(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise kubepeers.AccessError("may not list pods", status=Status.FORBIDDEN)

    with monkeypatch.context() as patch:
        patch.setattr(provider._session, "first_sync", fail)
        with pytest.raises(kubepeers.AccessError):
            provider.register(ONE_HOUR_S)
    with pytest.raises(NotRegisteredError):
        provider.health()
    provider.register()


def test_register_can_be_retried_after_an_interrupt(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = lib.kubepeers_register

    def register_and_interrupt(*arguments: object) -> None:
        original(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lib, "kubepeers_register", register_and_interrupt)
        with pytest.raises(KeyboardInterrupt):
            provider.register()
    with pytest.raises(NotRegisteredError):
        provider.health()
    provider.register()
    # An interrupt of another register keeps the earlier registration.
    with monkeypatch.context() as patch:
        patch.setattr(lib, "kubepeers_register", register_and_interrupt)
        with pytest.raises(KeyboardInterrupt):
            provider.register()
    provider.health()


def test_interrupted_register_keeps_the_registration_of_another_thread(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def register_again_and_interrupt(_: object) -> None:
        monkeypatch.undo()
        provider.deregister()
        provider.register()
        raise KeyboardInterrupt

    monkeypatch.setattr(provider._session, "first_sync", register_again_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        provider.register(ONE_HOUR_S)
    provider.health()


def test_deregister_in_another_thread_ends_register(
    provider: Provider, descriptors: Descriptors
) -> None:
    for end in (Provider.deregister, lambda provider: (provider.deregister(), provider.register())):
        with ThreadPoolExecutor() as pool:
            registering = pool.submit(provider.register, ONE_HOUR_S)
            descriptors.wait_until_waiting(1)
            end(provider)
            assert isinstance(registering.exception(60), NotRegisteredError)
    provider.health()


@pytest.mark.parametrize("wait", WAITS)
def test_waits_end_at_their_timeout(
    registered: Provider, descriptors: Descriptors, wait: Callable[[Provider, float], object]
) -> None:
    with pytest.raises(NoResultError) as raised:
        wait(registered, 0)
    assert raised.value.retryable
    assert not descriptors.all
    with pytest.raises(NoResultError):
        wait(registered, 0.1)
    assert descriptors.are_closed()


@pytest.mark.parametrize("wait", [*WAITS, lambda provider, timeout: provider.register(timeout)])
@pytest.mark.parametrize("seconds", [-1, math.nan, "1", True])
def test_invalid_timeouts_are_rejected(
    registered: Provider, wait: Callable[[Provider, Any], object], seconds: Any
) -> None:
    with pytest.raises((ValueError, TypeError), match="timeout"):
        wait(registered, seconds)


def test_invalid_numbers_are_rejected(registered: Provider) -> None:
    for number in (-1, 2**64):
        with pytest.raises(ValueError, match="after_generation"):
            registered.wait(number)
        with pytest.raises(ValueError, match="min"):
            registered.wait_for_peers(number)
    with pytest.raises(ValueError, match="stable_for"):
        registered.wait_for_peers(0, stable_for=-1)


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, (5.0, 3.0, 5.0)),
        ({"register_timeout": 7, "discover_timeout": 0.25}, (7.0, 0.25, 5.0)),
        ({"discover_timeout": 60}, (5.0, 60.0, 60.0)),
    ],
)
def test_options_set_the_default_timeouts(
    options: Options, seconds: tuple[float, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[object] = []
    monkeypatch.setattr(
        "kubepeers._provider.wait", lambda session, attempt, timeout: waited.append(timeout)
    )
    provider = Provider(**REQUIRED, **options)
    monkeypatch.setattr(provider._session, "register", object)
    provider.register()
    provider.snapshot()
    provider.refresh()
    assert waited == list(seconds)
    provider.wait(0, math.inf)
    assert waited[3:] == [None]
    provider.close()


def test_changes_starts_with_the_current_peers_and_ends_at_close() -> None:
    with FakeProvider(["10.0.0.2:1"], script=[["10.0.0.3:1"], ClosedError("closed")]) as provider:
        changes = provider.changes()
        assert list(changes) == [Snapshot(1, ("10.0.0.2:1",)), Snapshot(2, ("10.0.0.3:1",))]
        # An iterator that has ended stays ended.
        assert list(changes) == []
        with pytest.raises(ClosedError):
            next(provider.changes())


def test_changes_waits_through_transient_errors_and_raises_permanent_ones() -> None:
    transient = NoResultError("gone", status=Status.SELF_NOT_VISIBLE, retryable=True)
    permanent = NoResultError("may not list pods", retryable=False)
    with FakeProvider(
        None, script=[transient, [], permanent, SelfPodError("no port"), ["10.0.0.2:1"]]
    ) as provider:
        changes = provider.changes()
        assert next(changes) == Snapshot(2, ())
        with pytest.raises(NoResultError, match="may not list"):
            next(changes)
        with pytest.raises(SelfPodError):
            next(changes)
        # The iterator can still be used.
        assert next(changes) == Snapshot(3, ("10.0.0.2:1",))


@pytest.mark.parametrize("end", [Provider.close, Provider.deregister])
def test_deregister_and_close_end_changes(
    registered: Provider, descriptors: Descriptors, end: Callable[[Provider], None]
) -> None:
    with ThreadPoolExecutor() as pool:
        iterating = [pool.submit(list, registered.changes()) for _ in range(3)]
        descriptors.wait_until_waiting(3)
        end(registered)
        for future in iterating:
            if end is Provider.close:
                assert future.result(60) == []
            else:
                assert isinstance(future.exception(60), NotRegisteredError)
    assert descriptors.are_closed()


def test_changes_keeps_its_provider(options: Options) -> None:
    provider = Provider(**options)
    provider.register()
    reference = weakref.ref(provider)
    changes = provider.changes()
    del provider
    gc.collect()
    assert reference()
    del changes
    gc.collect()
    assert not reference()


def test_self_node_of_an_observer_raises(
    registered: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lib, "kubepeers_get_self", lambda *_: 0)
    with pytest.raises(SelfPodError, match="observer") as raised:
        registered.self_node()
    assert raised.value.status is Status.NO_IDENTITY


def test_repr_contains_the_state(provider: Provider) -> None:
    assert repr(provider) == "<kubepeers.Provider app=test port gossip: not registered>"
    provider.register()
    assert repr(provider) == "<kubepeers.Provider app=test port gossip: not synced>"
    provider.close()
    assert repr(provider) == "<kubepeers.Provider app=test port gossip: closed>"
    assert repr(Provider.__new__(Provider)) == "<kubepeers.Provider that was not created>"
    with FakeProvider(["10.0.0.2:1"]) as fake:
        assert repr(fake) == "<kubepeers.FakeProvider fake: 1 peer>"
        fake.set_peers([])
        assert repr(fake) == "<kubepeers.FakeProvider fake: 0 peers>"


def test_provider_cannot_be_copied(registered: Provider) -> None:
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="copied"):
            duplicate(registered)


def test_configurations_are_freed(monkeypatch: pytest.MonkeyPatch, options: Options) -> None:
    freed = []
    free = lib.kubepeers_config_free
    monkeypatch.setattr(
        lib, "kubepeers_config_free", lambda config: (freed.append(config.value), free(config))
    )
    with pytest.raises(kubepeers.ConfigError):
        Provider(**{**options, "namespace": ""})
    Provider(**options).close()
    assert len(freed) == 2
    assert all(freed)


def test_messages_use_the_words_of_python(registered: Provider) -> None:
    registered.close()
    with pytest.raises(ClosedError, match="create a new one") as raised:
        registered.health()
    assert "init" not in raised.value.message
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            with pytest.raises(kubepeers.ForkedError, match="create one in this process"):
                registered.health()
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_raw_messages_use_the_words_of_the_library() -> None:
    provider = Provider._from_pairs(
        [("pod_labels", "a=b"), ("discovery_port_name", "p"), ("register_timeout_ms", "0")]
    )
    assert (provider._register_timeout, provider._discover_timeout) == (0.0, 3.0)
    provider.close()
    with pytest.raises(ClosedError, match="call init"):
        provider.health()
    with pytest.raises(kubepeers.ConfigError, match="`max_stale_ms`: "):
        Provider._from_pairs([("max_stale_ms", "x")])
    with pytest.raises(kubepeers.ConfigError, match="missing required configuration"):
        Provider._from_pairs([])
