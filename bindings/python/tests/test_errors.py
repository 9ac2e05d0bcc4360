"""Errors: their classes and attributes, and panics of the library."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import re

import kubepeers
import pytest
from configuration import REQUIRED, Options
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
from program import assert_succeeds


def subclasses(cls: type[KubepeersError]) -> list[type[KubepeersError]]:
    return [
        found for subclass in cls.__subclasses__() for found in (subclass, *subclasses(subclass))
    ]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_every_status_has_one_error_class(status: Status) -> None:
    cls = _errors.error_class(status)
    assert issubclass(cls, KubepeersError)
    assert [
        other
        for other in (KubepeersError, *subclasses(KubepeersError))
        if status in other._statuses
    ] == [cls]


def test_docstring_contains_the_whole_tree() -> None:
    # A line without a branch continues the statuses of the class above.
    tree = re.sub(r",\n[ │]+(?=[A-Z])", ", ", inspect.getdoc(KubepeersError) or "")
    for cls in (KubepeersError, *subclasses(KubepeersError)):
        (line,) = re.findall(rf"^.*\b{cls.__name__} .*$", tree, re.MULTILINE)
        assert re.findall(r"\b[A-Z][A-Z_0-9]+\b", line) == [status.name for status in cls._statuses]
        depth = sum(issubclass(base, KubepeersError) for base in cls.__mro__) - 1
        assert line.index(cls.__name__) == 4 + 5 * depth


def test_unknown_status_is_internal() -> None:
    assert _errors.error_class(-98) is InternalError
    assert _errors.known_status(-98) is Status.INTERNAL


def test_error_has_status_message_and_class() -> None:
    with pytest.raises(kubepeers.NotRegisteredError) as raised:
        Provider(**REQUIRED).deregister()
    error = raised.value
    assert error.status is Status.NOT_REGISTERED
    assert "not registered" in error.message
    assert str(error) == error.message
    assert (error.retryable, error.http_status, error.manifest) == (False, 0, None)
    assert repr(error) == f"NotRegisteredError({error.message!r}, NOT_REGISTERED, retryable=False)"


def test_transient_error_is_retryable(registered: Provider) -> None:
    with pytest.raises(NoResultError) as raised:
        registered.discover_peers()
    assert raised.value.status is Status.NOT_SYNCED
    assert raised.value.retryable is True


def test_default_of_retryable_depends_on_the_status() -> None:
    assert kubepeers.NoResultError("").retryable
    assert kubepeers.WaitTimeoutError("").retryable
    assert not kubepeers.AccessError("").retryable
    assert not kubepeers.NoResultError("", retryable=False).retryable
    assert kubepeers.KubepeersError("", status=Status.STALE).retryable
    assert kubepeers.KubepeersError("", status=Status.UNAVAILABLE).retryable


def test_errors_have_builtin_bases() -> None:
    assert issubclass(WaitTimeoutError, TimeoutError)
    assert str(WaitTimeoutError("nothing newer")) == "nothing newer"
    assert issubclass(ConfigError, ValueError)
    assert issubclass(kubepeers.LibraryError, ImportError)
    assert not issubclass(kubepeers.LibraryError, KubepeersError)


@pytest.mark.parametrize("cls", [kubepeers.AccessError, WaitTimeoutError, ConfigError])
@pytest.mark.parametrize("clone", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_errors_can_be_pickled_and_copied(cls: type[KubepeersError], clone: object) -> None:
    error = cls(
        "may not", status=Status.FORBIDDEN, retryable=True, http_status=403, manifest="kind: Role\n"
    )
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


def test_errors_of_the_library_are_freed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[int] = []
    free = lib.kubepeers_error_free

    def record_and_free(error: Error) -> None:
        # A call that succeeds has no error. The garbage collector may close another provider
        # meanwhile.
        if error.value:
            freed.append(error.value)
        free(error)

    monkeypatch.setattr(lib, "kubepeers_error_free", record_and_free)
    provider = Provider(**REQUIRED)
    with pytest.raises(kubepeers.NotRegisteredError):
        provider.deregister()
    assert len(freed) == 1
    # An error that cannot be decoded is also freed.
    with monkeypatch.context() as patch:
        patch.setattr(lib, "kubepeers_error_message", lambda _: b"\xff")
        with pytest.raises(UnicodeDecodeError):
            provider.deregister()
    assert len(freed) == 2
    provider.close()


# --- Panics of the library ---

PANICKING_LIBRARY = os.environ["KUBEPEERS_PANICKING_LIBRARY"]

#: The numbers are those of src/panics.rs.
PANIC_FUNCTIONS = """
from kubepeers import _library
want_panic = _library.lib.kubepeers_want_panic
CALL, WATCHER, REQUEST = 1, 2, 4
def assert_internal_error(call):
    try:
        call()
    except InternalError as e:
        assert not e.retryable and "internally" in str(e)
    else:
        raise AssertionError
"""


def test_panic_in_a_call_raises_internal_error(options: Options) -> None:
    program = """
for call in (
    provider.register, provider.discover_peers, provider.nodes, provider.self_node, lambda: provider.wait(0),
    lambda: provider.wait_for_peers(0), provider.refresh, provider.health, provider.explain,
    provider.explain_table, provider.metrics, lambda: next(iter(provider.changes())), provider.deregister,
):
    want_panic(CALL)
    assert_internal_error(call)
    assert want_panic(0) == 0
provider.health()
provider.close()
"""
    assert_succeeds(PANIC_FUNCTIONS + program, options, KUBEPEERS_LIBRARY=PANICKING_LIBRARY)


def test_panic_in_the_watcher_raises_internal_error_until_the_next_register(
    options: Options,
) -> None:
    program = """
for point in (WATCHER, REQUEST):
    want_panic(point)
    assert_internal_error(lambda: provider.refresh(3600))
    assert_internal_error(provider.health)
    provider.deregister()
    provider.register()
    provider.health()
provider.close()
"""
    assert_succeeds(PANIC_FUNCTIONS + program, options, KUBEPEERS_LIBRARY=PANICKING_LIBRARY)
