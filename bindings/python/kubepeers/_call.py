"""Calls into the library: a status that is not OK becomes an exception."""

from __future__ import annotations

from ctypes import byref
from typing import TYPE_CHECKING, Any

from ._errors import KubepeersError, Status, error_class
from ._library import Error, lib

if TYPE_CHECKING:
    from collections.abc import Callable


def call(function: Callable[..., int], *arguments: Any) -> None:
    """Call a function whose last parameter is the error object, and raise what it reports."""
    error = Error()
    # The object exists before the call: whatever interrupts Python after it, the library's error is freed, once.
    try:
        status = function(*arguments, byref(error))
        if status != Status.OK:
            raise _exception(status, error)
    finally:
        lib.kubepeers_error_free(error)


def _exception(status: int, error: Error) -> KubepeersError:
    message: bytes = lib.kubepeers_error_message(error)
    return error_class(status)(
        message.decode(),
        retryable=lib.kubepeers_error_is_retryable(error) != 0,
        http_status=lib.kubepeers_error_http_status(error),
    )
