"""Calls into the library: a status that is not OK becomes an exception."""

from __future__ import annotations

import contextlib
from ctypes import byref
from typing import TYPE_CHECKING, Any, TypeVar

from ._errors import KubepeersError, Status, error_class
from ._library import Error, lib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from ctypes import c_void_p

T = TypeVar("T", bound="c_void_p")


def call(function: Callable[..., int], *arguments: Any) -> None:
    """Call a function whose last parameter is the error object, and raise what it reports."""
    error = Error()
    # The object exists before the call: whatever interrupts Python after it, the library's error is freed, once.
    try:
        status = function(*arguments, byref(error))
        if status != Status.OK:
            raise exception(status, error)
    finally:
        if error:
            lib.kubepeers_error_free(error)


@contextlib.contextmanager
def given(made: T, free: Callable[[T], None], function: Callable[..., int], *arguments: Any) -> Iterator[T]:
    """Call a function that gives an object, its last parameter but the error object, and free it in the end."""
    # It exists before the call, for the same reason.
    try:
        call(function, *arguments, byref(made))
        yield made
    finally:
        free(made)


def exception(status: int, error: Error) -> KubepeersError:
    """Make an exception of an error object, which is only read."""
    message: bytes = lib.kubepeers_error_message(error)
    manifest: bytes | None = lib.kubepeers_error_manifest(error)
    return error_class(status)(
        message.decode(),
        retryable=lib.kubepeers_error_is_retryable(error) != 0,
        http_status=lib.kubepeers_error_http_status(error),
        manifest=None if manifest is None else manifest.decode(),
    )
