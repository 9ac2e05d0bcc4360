"""Each status is an exception of its own."""

from __future__ import annotations

import asyncio
import builtins
import pickle

import kubepeers
import pytest
from configuration import REQUIRED
from kubepeers import InternalError, KubepeersError, Provider, Status, _errors
from kubepeers._library import Error, lib


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_every_status_has_its_class(status: Status) -> None:
    name = "".join(word.capitalize() for word in status.name.split("_")) + "Error"
    exception = getattr(kubepeers, name)
    assert _errors.error_class(status) is exception
    assert issubclass(exception, KubepeersError)
    assert exception.status is status
    assert name in kubepeers.__all__


def test_an_unknown_status_is_internal() -> None:
    assert _errors.error_class(-98) is InternalError


def test_what_an_error_says() -> None:
    provider = Provider(**REQUIRED)
    provider.init()
    with pytest.raises(kubepeers.NotRegisteredError) as raised:
        provider.deregister()
    error = raised.value
    assert error.status is Status.NOT_REGISTERED
    assert "not registered" in error.message
    assert str(error) == error.message
    assert error.retryable is False
    assert error.http_status == 0


def test_retryable(registered: Provider) -> None:
    with pytest.raises(kubepeers.NotSyncedError) as raised:
        registered.discover_peers()
    assert raised.value.retryable is True


def test_a_timeout_is_a_timeout() -> None:
    assert issubclass(kubepeers.TimeoutError, builtins.TimeoutError)
    # Until Python 3.10 that is another one.
    assert issubclass(kubepeers.TimeoutError, asyncio.TimeoutError)
    assert str(kubepeers.TimeoutError("nothing newer")) == "nothing newer"


@pytest.mark.parametrize("kind", [kubepeers.ForbiddenError, kubepeers.TimeoutError])
def test_errors_travel_between_processes(kind: type[KubepeersError]) -> None:
    error = pickle.loads(pickle.dumps(kind("may not", retryable=True, http_status=403)))
    assert type(error) is kind
    assert (str(error), error.message, error.retryable, error.http_status) == ("may not", "may not", True, 403)


def test_every_error_object_is_freed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[int] = []
    free = lib.kubepeers_error_free

    def counted(error: Error) -> None:
        # NULL is what a call that succeeded has, maybe of a provider that is closed because it is forgotten.
        if error.value:
            freed.append(error.value)
        free(error)

    monkeypatch.setattr(lib, "kubepeers_error_free", counted)
    with pytest.raises(kubepeers.NotInitializedError):
        Provider(**REQUIRED).register()
    assert len(freed) == 1
    # Also when reading it goes wrong.
    monkeypatch.setattr(lib, "kubepeers_error_message", lambda _: b"\xff")
    with pytest.raises(UnicodeDecodeError):
        Provider(**REQUIRED).register()
    assert len(freed) == 2
