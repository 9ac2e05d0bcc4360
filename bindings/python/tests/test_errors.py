"""Errors: their classes, and what they carry."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import kubepeers
import pytest
from configuration import REQUIRED
from kubepeers import (
    ConfigError,
    InternalError,
    KubepeersError,
    NoResultError,
    Provider,
    Status,
    WaitTimeoutError,
    _errors,
)
from kubepeers._library import Error, lib


def subclasses(cls: type[KubepeersError]) -> list[type[KubepeersError]]:
    return [found for subclass in cls.__subclasses__() for found in (subclass, *subclasses(subclass))]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_every_status_has_one_class(status: Status) -> None:
    cls = _errors.error_class(status)
    assert issubclass(cls, KubepeersError)
    assert [other for other in (KubepeersError, *subclasses(KubepeersError)) if status in other._statuses] == [cls]


def test_there_are_at_most_ten_classes() -> None:
    found = subclasses(KubepeersError)
    assert len(found) <= 10
    assert {cls.__name__ for cls in found} <= set(kubepeers.__all__)


def test_the_documentation_has_the_whole_tree() -> None:
    tree = inspect.getdoc(KubepeersError) or ""
    for cls in (KubepeersError, *subclasses(KubepeersError)):
        (line,) = re.findall(rf"^.*\b{cls.__name__} .*$", tree, re.MULTILINE)
        assert re.findall(r"\b[A-Z][A-Z_0-9]+\b", line) == [status.name for status in cls._statuses]
        depth = sum(issubclass(base, KubepeersError) for base in cls.__mro__) - 1
        assert line.index(cls.__name__) == 4 + 5 * depth


def test_an_unknown_status_is_internal() -> None:
    assert _errors.error_class(-98) is InternalError
    assert _errors.known_status(-98) is Status.INTERNAL


def test_what_an_error_carries() -> None:
    with pytest.raises(kubepeers.NotRegisteredError) as raised:
        Provider(**REQUIRED).deregister()
    error = raised.value
    assert error.status is Status.NOT_REGISTERED
    assert "not registered" in error.message
    assert str(error) == error.message
    assert (error.retryable, error.http_status, error.manifest) == (False, 0, None)
    assert repr(error) == f"NotRegisteredError({error.message!r}, NOT_REGISTERED, retryable=False)"


def test_a_transient_error_is_retryable(registered: Provider) -> None:
    with pytest.raises(NoResultError) as raised:
        registered.discover_peers()
    assert raised.value.status is Status.NOT_SYNCED
    assert raised.value.retryable is True


def test_an_error_of_a_program_has_the_usual_retryable_of_its_status() -> None:
    assert kubepeers.NoResultError("").retryable
    assert kubepeers.WaitTimeoutError("").retryable
    assert not kubepeers.AccessError("").retryable
    assert not kubepeers.NoResultError("", retryable=False).retryable
    assert kubepeers.KubepeersError("", status=Status.STALE).retryable


def test_builtin_bases() -> None:
    assert issubclass(WaitTimeoutError, TimeoutError)
    assert str(WaitTimeoutError("nothing newer")) == "nothing newer"
    assert issubclass(ConfigError, ValueError)
    assert issubclass(kubepeers.LibraryError, ImportError)
    assert not issubclass(kubepeers.LibraryError, KubepeersError)


@pytest.mark.parametrize("cls", [kubepeers.AccessError, WaitTimeoutError, ConfigError])
@pytest.mark.parametrize("clone", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_errors_travel_between_processes(cls: type[KubepeersError], clone: object) -> None:
    error = cls("may not", status=Status.FORBIDDEN, retryable=True, http_status=403, manifest="kind: Role\n")
    assert (error.status, error.retryable, error.http_status, error.manifest) == (
        Status.FORBIDDEN,
        True,
        403,
        "kind: Role\n",
    )
    copied = clone(error)  # type: ignore[operator]
    assert type(copied) is cls
    assert vars(copied) == vars(error)
    assert str(copied) == "may not"


def test_every_error_of_the_library_is_freed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[int] = []
    free = lib.kubepeers_error_free

    def counted(error: Error) -> None:
        # A call that succeeds has none. Another provider may be closed by the garbage collector meanwhile.
        if error.value:
            freed.append(error.value)
        free(error)

    monkeypatch.setattr(lib, "kubepeers_error_free", counted)
    provider = Provider(**REQUIRED)
    with pytest.raises(kubepeers.NotRegisteredError):
        provider.deregister()
    assert len(freed) == 1
    # Also if reading it fails.
    with monkeypatch.context() as patch:
        patch.setattr(lib, "kubepeers_error_message", lambda _: b"\xff")
        with pytest.raises(UnicodeDecodeError):
            provider.deregister()
    assert len(freed) == 2
    provider.close()
