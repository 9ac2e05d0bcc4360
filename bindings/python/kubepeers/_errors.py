"""What a call can end with: one exception class for each status."""

from __future__ import annotations

import asyncio
import builtins
import sys
from enum import IntEnum
from typing import ClassVar


class Status(IntEnum):
    """The status numbers of the C ABI, without their prefix."""

    OK = 0
    INVALID_ARGUMENT = -1
    INVALID_UTF8 = -2
    UNKNOWN_KEY = -3
    INVALID_CONFIG = -4
    INVALID_HANDLE = -5
    CLOSED = -6
    FORKED = -7
    ALREADY_INITIALIZED = -8
    NOT_INITIALIZED = -9
    ALREADY_REGISTERED = -10
    NOT_REGISTERED = -11
    NOT_SYNCED = -12
    SELF_NOT_VISIBLE = -13
    SELF_EXCLUDED = -14
    TIMEOUT = -15
    NOT_IN_CLUSTER = -16
    NO_CREDENTIALS = -17
    NO_IDENTITY = -18
    TLS = -19
    UNAUTHORIZED = -20
    FORBIDDEN = -21
    NO_RESOURCES = -22
    UNAVAILABLE = -23
    STALE = -24
    INTERNAL = -99


class LibraryError(ImportError):
    """The shared library cannot be loaded, or is not one that this package works with."""


class KubepeersError(Exception):
    """Any failure of the library. Its class tells the status."""

    #: What kind of failure this is.
    status: ClassVar[Status] = Status.INTERNAL

    def __init__(
        self, message: str, *, retryable: bool = False, http_status: int = 0, manifest: str | None = None
    ) -> None:
        super().__init__(message)
        #: What happened, to what, and what to do about it; maybe several lines.
        self.message = message
        #: Whether the same call may succeed later without anybody changing a configuration, a manifest or a program.
        #: Ask this, not the class: a `NotSyncedError` because of a missing Role is not retryable.
        self.retryable = retryable
        #: What the API server answered, e.g. 403; 0 if the error is not about such an answer.
        self.http_status = http_status
        #: The Kubernetes manifest that fixes the error once it is applied, as YAML, for example the Role that a
        #: `ForbiddenError` lacks; None if there is none.
        self.manifest = manifest

    def __str__(self) -> str:
        return self.message


class InvalidArgumentError(KubepeersError):
    """A required pointer was NULL, or a number was out of its range."""

    status = Status.INVALID_ARGUMENT


class InvalidUtf8Error(KubepeersError):
    """A string was not UTF-8: it holds a lone surrogate."""

    status = Status.INVALID_UTF8


class UnknownKeyError(KubepeersError):
    """There is no configuration key of this name."""

    status = Status.UNKNOWN_KEY


class InvalidConfigError(KubepeersError):
    """A configuration value is missing, empty or malformed; the message names the key and says what is wrong."""

    status = Status.INVALID_CONFIG


class InvalidHandleError(KubepeersError):
    """The library does not know this provider."""

    status = Status.INVALID_HANDLE


class ClosedError(KubepeersError):
    """The provider has been closed."""

    status = Status.CLOSED


class ForkedError(KubepeersError):
    """The provider was made in a parent process, before fork(): the child must make its own."""

    status = Status.FORKED


class AlreadyInitializedError(KubepeersError):
    """init() was called on a provider that is initialised already."""

    status = Status.ALREADY_INITIALIZED


class NotInitializedError(KubepeersError):
    """init() has not been called."""

    status = Status.NOT_INITIALIZED


class AlreadyRegisteredError(KubepeersError):
    """register() was called twice."""

    status = Status.ALREADY_REGISTERED


class NotRegisteredError(KubepeersError):
    """The call needs register() first, or deregister() ended it."""

    status = Status.NOT_REGISTERED


class NotSyncedError(KubepeersError):
    """The pods have not been read yet; the message says why, `retryable` whether that may mend itself."""

    status = Status.NOT_SYNCED


class SelfNotVisibleError(KubepeersError):
    """The pods have been read, but this process's own pod is not seen Running with an address yet. Retry."""

    status = Status.SELF_NOT_VISIBLE


class SelfExcludedError(KubepeersError):
    """This process's own pod can never be a peer: the message says why."""

    status = Status.SELF_EXCLUDED


if sys.version_info >= (3, 11):
    _Timeout = builtins.TimeoutError
else:

    class _Timeout(builtins.TimeoutError, asyncio.TimeoutError):
        """Before, asyncio's is another one: whoever catches that means this too."""


class TimeoutError(KubepeersError, _Timeout):
    """Nothing newer came within the timeout: ask again. Also a built-in `TimeoutError`, and one of asyncio.

    `from kubepeers import *` hides the built-in one.
    """

    status = Status.TIMEOUT


class NotInClusterError(KubepeersError):
    """There is no API server to ask: not in a cluster, and no kubeconfig was given."""

    status = Status.NOT_IN_CLUSTER


class NoCredentialsError(KubepeersError):
    """The service account's token or CA, or the kubeconfig, is missing, unreadable or malformed."""

    status = Status.NO_CREDENTIALS


class NoIdentityError(KubepeersError):
    """Nothing says which pod this process runs in; the message says how to tell."""

    status = Status.NO_IDENTITY


class TlsError(KubepeersError):
    """The API server's certificate is not to be trusted with the CA at hand, or TLS failed."""

    status = Status.TLS


class UnauthorizedError(KubepeersError):
    """The API server does not accept the token (HTTP 401)."""

    status = Status.UNAUTHORIZED


class ForbiddenError(KubepeersError):
    """The service account may not list or watch pods (HTTP 403); `manifest` is the Role that is missing."""

    status = Status.FORBIDDEN


class NoResourcesError(KubepeersError):
    """File descriptors, threads or memory have run out. Retry when there are some."""

    status = Status.NO_RESOURCES


class UnavailableError(KubepeersError):
    """The API server cannot be reached, does not answer, or is in trouble.

    It is never raised, only told by `Provider.health()`: calls answer from memory meanwhile.
    """

    status = Status.UNAVAILABLE


class StaleError(KubepeersError):
    """What is known is older than asked for, and the API server told nothing newer in time. Retry."""

    status = Status.STALE


class InternalError(KubepeersError):
    """A fault of the library itself. The process is unharmed; close the provider."""

    status = Status.INTERNAL


_CLASSES: dict[int, type[KubepeersError]] = {cls.status: cls for cls in KubepeersError.__subclasses__()}


def error_class(status: int) -> type[KubepeersError]:
    """Give the exception class of a status; a number of a later library is an internal error, as the header asks."""
    return _CLASSES.get(status, InternalError)
