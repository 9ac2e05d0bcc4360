"""The calls into the library, the conversion of its results, and the release of its objects."""

from __future__ import annotations

import ctypes
import math
import time
from typing import Any

import kubepeers
import pytest
from fakes import FAKE_ADDRESS, FakeAddresses, FakeFunctions
from kubepeers import (
    ExplainedPod,
    Explanation,
    Health,
    NamedPort,
    Node,
    NoResultError,
    Provider,
    Snapshot,
)
from kubepeers._library import EXPLAIN, PROTOTYPES, Error, lib

ADDRESSES = [b"10.0.0.2:1", b"[fd00::1]:1"]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> FakeAddresses:
    """A library that has two peers."""
    return FakeAddresses(monkeypatch, 7, *ADDRESSES)


def test_unchanged_result_is_returned_from_memory(
    library: FakeAddresses, provider: Provider
) -> None:
    for timeout in (None, 0, 1.5):
        assert provider.discover_peers(timeout) == ["10.0.0.2:1", "[fd00::1]:1"]
    assert provider.snapshot() is provider.snapshot()
    assert len(library.copies) == 1


def test_empty_result_is_returned_from_memory(library: FakeAddresses, provider: Provider) -> None:
    library.addresses = ()
    for _ in range(3):
        assert provider.snapshot() == Snapshot(7, ())
    assert len(library.copies) == 1


def test_caller_may_change_the_returned_list(library: FakeAddresses, provider: Provider) -> None:
    provider.discover_peers().clear()
    provider.discover_peers().append("mine")
    assert provider.discover_peers() == ["10.0.0.2:1", "[fd00::1]:1"]


def test_changed_result_is_copied(library: FakeAddresses, provider: Provider) -> None:
    provider.discover_peers()
    library.generation, library.addresses = 8, ()
    assert provider.snapshot() == Snapshot(8, ())
    library.generation, library.addresses = 9, (b"10.0.0.9:9",)
    assert provider.discover_peers() == ["10.0.0.9:9"]
    assert [known for known, *_ in library.copies] == [0, 7, 8]


def test_result_of_a_known_generation_is_not_copied(
    library: FakeAddresses, provider: Provider
) -> None:
    library.has_generation = False
    for timeout in (None, 0, 1.5):
        assert provider.discover_peers(timeout) == ["10.0.0.2:1", "[fd00::1]:1"]
    assert [copy[:2] for copy in library.copies] == [(0, 0), (7, 0), (7, 0)]


def test_error_does_not_discard_the_last_result(library: FakeAddresses, provider: Provider) -> None:
    provider.discover_peers()
    library.has_generation, library.status = False, kubepeers.Status.SELF_NOT_VISIBLE
    with pytest.raises(NoResultError) as raised:
        provider.discover_peers(0)
    assert raised.value.status is kubepeers.Status.SELF_NOT_VISIBLE
    library.has_generation, library.status = True, 0
    assert provider.discover_peers() == ["10.0.0.2:1", "[fd00::1]:1"]


def test_addresses_that_exceed_the_buffer_are_requested_again(
    library: FakeAddresses, provider: Provider
) -> None:
    many = [b"[fd00::%x]:3322" % number for number in range(5000)]
    library.addresses = tuple(many)
    assert provider.discover_peers() == [address.decode() for address in many]
    assert len(library.copies) == 2
    # The buffer has grown.
    library.generation, library.addresses = 8, tuple(many[1:])
    assert len(provider.discover_peers()) == 4999
    assert len(library.copies) == 3


def test_invalid_timeout_is_rejected_even_without_a_wait(
    library: FakeAddresses, provider: Provider
) -> None:
    provider.discover_peers()
    for timeout in (-1, math.nan):
        with pytest.raises(ValueError, match="timeout"):
            provider.discover_peers(timeout)


def test_unchanged_result_takes_one_call_into_the_library(
    library: FakeAddresses, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    for name in PROTOTYPES:
        function = getattr(lib, name)

        def record_and_call(
            *arguments: object, name: str = name, function: object = function
        ) -> object:
            calls.append(name)
            return function(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(lib, name, record_and_call)
    provider.discover_peers()
    assert calls == ["kubepeers_generation", "kubepeers_copy_addresses"]
    provider.discover_peers()
    assert calls[2:] == ["kubepeers_generation"]


def test_wait_compares_generations(library: FakeAddresses, provider: Provider) -> None:
    assert provider.wait() == provider.wait(6) == Snapshot(7, ("10.0.0.2:1", "[fd00::1]:1"))
    for generation in (7, 8, 2**64 - 1):
        with pytest.raises(TimeoutError, match=f"generation {generation}$"):
            provider.wait(generation, timeout=0)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, library: FakeAddresses) -> FakeFunctions:
    """A library that returns lists of two peers."""
    fake = FakeFunctions(monkeypatch, "peers_free", "discover_peers", "wait_for_peers", "get_self")
    fake.replace(
        peers_len=len(ADDRESSES),
        peers_generation=6,
        peers_address=lambda _, index: ADDRESSES[index],
    )
    return fake


def test_wait_for_peers_returns_the_stable_list(
    fake: FakeFunctions, library: FakeAddresses, provider: Provider
) -> None:
    library.addresses = (b"10.0.0.3:1",)
    assert provider.wait_for_peers(2) == Snapshot(6, ("10.0.0.2:1", "[fd00::1]:1"))
    # This works even if there is no current result.
    library.status = kubepeers.Status.SELF_NOT_VISIBLE
    assert provider.wait_for_peers(2) == Snapshot(6, ("10.0.0.2:1", "[fd00::1]:1"))
    assert fake.freed == [FAKE_ADDRESS] * 2


def test_wait_for_peers_copies_the_current_list_at_once(
    fake: FakeFunctions, library: FakeAddresses, provider: Provider
) -> None:
    fake.replace(peers_generation=7, peers_address=lambda *_: pytest.fail("one by one"))
    assert provider.wait_for_peers(1) == Snapshot(7, ("10.0.0.2:1", "[fd00::1]:1"))
    assert provider.wait_for_peers(1) == provider.snapshot()
    assert [copy[:2] for copy in library.copies] == [(0, 0), (7, 0)]
    assert fake.freed == [FAKE_ADDRESS] * 2


def test_nodes_are_read_from_the_library(fake: FakeFunctions, provider: Provider) -> None:
    def by_index(*values: Any) -> Any:
        return lambda _, index: values[index]

    fake.replace(
        peers_name=by_index(b"a", b"b"),
        peers_uid=by_index(b"ua", b"ub"),
        peers_host=by_index(b"10.0.0.2", b"fd00::1"),
        peers_discovery_port=by_index(1, 2),
        peers_remoting_port=by_index(3, 0),
        peers_peers_port=by_index(0, 4),
        peers_is_ready=by_index(1, 0),
        peers_node_name=by_index(b"n1", b"n2"),
        peers_revision=by_index(b"r1", b""),
    )
    first, second = provider.nodes()
    assert first == Node("a", "ua", "10.0.0.2", 1, 3, 0, ready=True, node_name="n1", revision="r1")
    assert second == Node("b", "ub", "fd00::1", 2, 0, 4, ready=False, node_name="n2", revision="")
    assert first.ready is True
    assert provider.self_node() == first
    assert fake.freed == [FAKE_ADDRESS] * 2


def test_arguments_are_passed_to_the_library(fake: FakeFunctions, provider: Provider) -> None:
    calls = []

    def record(*arguments: Any) -> int:
        calls.append(arguments[1:-2])
        return 0

    fake.replace(discover_peers=record, wait_for_peers=record, peers_len=0)
    provider.nodes(1.5)
    provider.nodes(0)
    provider.wait_for_peers(3)
    provider.wait_for_peers(2**64 - 1, 0.25, timeout=0)
    assert calls == [(0,), (0,), (3, 0, 0), (2**64 - 1, 250, 0)]


def test_refresh_repeats_its_request(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> None:
    requests = []

    def refresh(_provider: Any, request: Any, timeout_ms: int, _error: Any) -> int:
        assert timeout_ms == 0
        requests.append(request._obj.value)
        request._obj.value = 11
        return 0 if len(requests) > 2 else kubepeers.Status.STALE

    monkeypatch.setattr(lib, "kubepeers_refresh", refresh)
    provider.register()
    provider.refresh()
    assert requests == [0, 11, 11]
    # The next refresh makes a new request.
    provider.refresh()
    assert requests[3:] == [0]


def test_lists_are_freed_if_reading_fails(
    fake: FakeFunctions, library: FakeAddresses, provider: Provider
) -> None:
    fake.replace(peers_address=b"\xff", peers_name=b"\xff")
    library.generation = 8
    for call in (lambda: provider.wait_for_peers(1), provider.nodes, provider.self_node):
        with pytest.raises(UnicodeDecodeError):
            call()
    assert fake.freed == [FAKE_ADDRESS] * 3


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch) -> FakeFunctions:
    """A library that reports a healthy watch."""
    fake = FakeFunctions(monkeypatch, "health_free", "get_health")
    fake.replace(health_age_ms=1500, health_is_stale=0, health_is_watching=1, health_is_polling=0)
    fake.replace(health_error=Error(), health_error_class=b"")
    return fake


def test_health_without_an_error(healthy: FakeFunctions, provider: Provider) -> None:
    expected = Health(
        True, age=1.5, stale=False, watching=True, polling=False, error=None, error_class=""
    )
    assert provider.health() == expected
    assert healthy.freed == [FAKE_ADDRESS]


def test_health_with_an_error(healthy: FakeFunctions, provider: Provider) -> None:
    healthy.replace(
        health_age_ms=-1, health_is_stale=1, health_is_polling=1, health_error_class=b"forbidden"
    )
    healthy.replace(health_error=Error(FAKE_ADDRESS), error_status=-21, error_message=b"may not")
    healthy.replace(error_is_retryable=1, error_http_status=403, error_manifest=b"kind: Role")
    # The health record owns this error. The call itself has stored none.
    healthy.replace(error_free=lambda error: pytest.fail("freed twice") if error.value else None)
    health = provider.health()
    assert (health.synced, health.age, health.stale, health.polling) == (
        False,
        math.inf,
        True,
        True,
    )
    assert health.error_class == "forbidden"
    error = health.error
    assert isinstance(error, kubepeers.AccessError)
    assert error.status is kubepeers.Status.FORBIDDEN
    assert (error.message, error.retryable, error.http_status) == ("may not", True, 403)
    assert error.manifest == "kind: Role"
    assert healthy.freed == [FAKE_ADDRESS]


def test_health_is_freed_if_reading_fails(healthy: FakeFunctions, provider: Provider) -> None:
    healthy.replace(health_error_class=b"\xff")
    with pytest.raises(UnicodeDecodeError):
        provider.health()
    assert healthy.freed == [FAKE_ADDRESS]


def test_health_reports_a_refused_connection(registered: Provider) -> None:
    with pytest.raises(NoResultError):
        registered.refresh(0)
    deadline = time.monotonic() + 60
    # The first request of the watcher may not have failed yet.
    while not (health := registered.health()).error:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert (health.synced, health.age, health.stale, health.polling) == (
        False,
        math.inf,
        True,
        False,
    )
    assert isinstance(health.error, kubepeers.AccessError)
    assert health.error.status is kubepeers.Status.UNAVAILABLE
    assert health.error.retryable is True
    assert "refused" in health.error.message
    assert health.error_class == "unreachable"


def test_permanent_error_in_health_ends_the_first_sync(
    healthy: FakeFunctions, provider: Provider
) -> None:
    provider.register()
    registration = provider._session._registration  # type: ignore[attr-defined]
    provider._session.first_sync(registration)
    healthy.replace(health_age_ms=-1)
    with pytest.raises(NoResultError, match="not been listed"):
        provider._session.first_sync(registration)
    healthy.replace(
        health_error=Error(FAKE_ADDRESS),
        error_status=-21,
        error_message=b"may not",
        error_manifest=None,
    )
    healthy.replace(error_is_retryable=1, error_http_status=403)
    with pytest.raises(NoResultError, match="not been listed"):
        provider._session.first_sync(registration)
    healthy.replace(error_is_retryable=0)
    with pytest.raises(kubepeers.AccessError, match="may not"):
        provider._session.first_sync(registration)


def test_first_sync_of_a_replaced_registration_fails(provider: Provider) -> None:
    first = provider._session.register()
    provider.deregister()
    second = provider._session.register()
    with pytest.raises(kubepeers.NotRegisteredError):
        provider._session.first_sync(first)
    with pytest.raises(NoResultError):
        provider._session.first_sync(second)


class FakeTexts:
    """A library that returns texts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **texts: bytes) -> None:
        self._texts = {name: ctypes.create_string_buffer(text) for name, text in texts.items()}
        self.functions = FakeFunctions(monkeypatch, "text_free")
        self.functions.replace(explain=self._explain, metrics=self._metrics)

    def _explain(self, _provider: int, form: int, text: Any, _error: Any) -> int:
        return self._return({number: name for name, number in EXPLAIN.items()}[form], text)

    def _metrics(self, _provider: int, text: Any, _error: Any) -> int:
        return self._return("METRICS", text)

    def _return(self, name: str, text: Any) -> int:
        out = ctypes.cast(text, ctypes.POINTER(ctypes.c_void_p))
        out[0] = ctypes.addressof(self._texts[name])
        return 0


JSON = b"""{"namespace": "default", "selector": "app=test", "self": "`me`", "gate": "open",
    "pods": [
    {"name": "a", "verdict": "peer", "address": "10.0.0.2:1", "ips": ["10.0.0.2"], "phase":
    "Running", "ready": true, "terminating": false, "node_name": "n1", "uid": "ua", "revision":
    "r1", "started": "2026-01-01T00:00:00Z",
    "ports": [["gossip", 1]], "a field of the future": 1}], "another field": 2}"""


def test_texts_are_decoded_and_freed(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> None:
    texts = FakeTexts(monkeypatch, JSON=JSON, TABLE=b"POD \xc3\xa4\n", METRICS=b"# HELP a b\n")
    pod = ExplainedPod(
        *(
            "a",
            "peer",
            "10.0.0.2:1",
            ("10.0.0.2",),
            "Running",
            True,
            False,
            "n1",
            "ua",
            "r1",
            "2026-01-01T00:00:00Z",
        ),
        (NamedPort("gossip", 1),),
    )
    assert provider.explain() == Explanation("default", "app=test", "`me`", "open", (pod,))
    assert provider.explain_table() == "POD ä\n"
    assert provider.metrics() == "# HELP a b\n"
    assert len(texts.functions.freed) == 3
    assert all(texts.functions.freed)


def test_texts_are_freed_if_reading_fails(
    monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    texts = FakeTexts(monkeypatch, JSON=b"\xff", TABLE=b"\xff", METRICS=b"\xff")
    for call in (provider.explain, provider.explain_table, provider.metrics):
        with pytest.raises(UnicodeDecodeError):
            call()
    assert len(texts.functions.freed) == 3


def test_texts_before_the_first_sync(registered: Provider) -> None:
    for explain in (registered.explain, registered.explain_table):
        with pytest.raises(NoResultError):
            explain()
    assert 'kubepeers_synced{namespace="default",selector="app=test"} 0\n' in registered.metrics()


def test_descriptor_works_across_registrations(provider: Provider) -> None:
    with provider._session.change_descriptor() as changes:
        changes.clear()
        provider.register()
        provider.deregister()
        changes.wait(60)
        changes.clear()
        provider.close()
        for _ in range(3):
            changes.wait(None)
            changes.clear()
