"""The exceptions of this package and their statuses."""

from __future__ import annotations

from enum import IntEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class Status(IntEnum):
    """The kind of an error. The names and numbers are the same in all languages.

    Attributes:
        OK: The call succeeded. No exception has this status.
        INVALID_ARGUMENT: An argument of a call into the library is invalid. This package checks
            arguments itself.
        INVALID_UTF8: An option is not valid UTF-8: it contains a lone surrogate.
        UNKNOWN_KEY: There is no such option.
        INVALID_CONFIG: An option is missing or invalid.
        INVALID_HANDLE: The library does not know the provider.
        CLOSED: The provider is closed, or was closed during the call.
        FORKED: The provider belongs to a parent process, or this process has closed the library's
            descriptors.
        ALREADY_INITIALIZED: Only in C: the `*provider` of init is already an open provider.
        NOT_INITIALIZED: Only in C: the provider is 0.
        ALREADY_REGISTERED: The provider is already registered.
        NOT_REGISTERED: The provider is not registered, or was deregistered during the call.
        NOT_SYNCED: The pods have not been listed yet. Usually retryable.
        SELF_NOT_VISIBLE: This pod is not among the listed pods yet, is not Running yet (see the
            option `pending`), or has no address yet. Retryable.
        SELF_EXCLUDED: This pod cannot be a peer. `SelfPodError` lists the reasons.
        TIMEOUT: The timeout of `wait` or `wait_for_peers` expired. `WaitTimeoutError` lists the
            reasons. Usually retryable.
        NOT_IN_CLUSTER: There is no API server to contact: the process is not in a cluster, and
            `kubeconfig` is not set.
        NO_CREDENTIALS: The token, CA, namespace or kubeconfig is missing or unusable.
        NO_IDENTITY: The pod that this process runs in cannot be identified.
        TLS: The API server's certificate is not trusted, or TLS failed.
        UNAUTHORIZED: The API server rejects the credentials (401).
        FORBIDDEN: The service account may not list or watch pods (403).
        NO_RESOURCES: There are no file descriptors, threads or providers left. Retryable.
        UNAVAILABLE: The API server is unreachable, does not answer or reports a failure. Only
            `Health.error` has this status.
        STALE: The result is older than the option `max_stale`, or older than the call of `refresh`,
            and no new list has arrived in time. Usually retryable.
        INTERNAL: The library has failed. The process is not harmed. Close or deregister the
            provider.
    """

    __module__ = "kubepeers"

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


#: The statuses that are usually retryable.
_RETRYABLE = (
    Status.NO_RESOURCES,
    Status.NOT_SYNCED,
    Status.SELF_NOT_VISIBLE,
    Status.STALE,
    Status.TIMEOUT,
    Status.UNAVAILABLE,
)


class KubepeersError(Exception):
    """The base class of the errors of this package, except for `LibraryError`.

    The subclasses and their statuses::

        KubepeersError                    NO_RESOURCES
         ├── ConfigError (ValueError)     INVALID_CONFIG, UNKNOWN_KEY, INVALID_UTF8,
         │                                INVALID_ARGUMENT
         ├── LifecycleError               ALREADY_REGISTERED, ALREADY_INITIALIZED,
         │    │                           NOT_INITIALIZED, INVALID_HANDLE
         │    ├── NotRegisteredError      NOT_REGISTERED
         │    ├── ClosedError             CLOSED
         │    └── ForkedError             FORKED
         ├── AccessError                  NOT_IN_CLUSTER, NO_CREDENTIALS, TLS, UNAUTHORIZED,
         │                                FORBIDDEN, UNAVAILABLE
         ├── SelfPodError                 NO_IDENTITY, SELF_EXCLUDED
         ├── NoResultError                NOT_SYNCED, SELF_NOT_VISIBLE, STALE
         ├── WaitTimeoutError (TimeoutError)  TIMEOUT
         └── InternalError                INTERNAL

    Test `retryable` rather than the class: a `NoResultError` because of a missing Role is not
    retryable. If your program creates an error, for example in a test, its status is by default the
    first one listed for the class, and `retryable` is the usual value for that status.

    Errors can be pickled and copied.

    Attributes:
        message: What failed, why, and what to do, as one or more lines. It contains no secrets.
            `str(error)` is the same.
        status: The kind of the error.
        retryable: Whether the same call may succeed later without action by a user or an operator:
            pods may start, and an API server may return. A missing Role or a wrong option needs
            action.
        http_status: The HTTP status of the API server's response, for example 403. 0 if there was
            no response.
        manifest: The Kubernetes manifest (YAML) that fixes the error once it is applied, for
            example the missing Role. It contains the placeholder THE-USER if the credentials do not
            name a service account. None if there is none.
    """

    __module__ = "kubepeers"

    #: The statuses of the class. The first is the default of its instances.
    _statuses: ClassVar[tuple[Status, ...]] = (Status.NO_RESOURCES,)

    message: str
    status: Status
    retryable: bool
    http_status: int
    manifest: str | None

    def __init__(
        self,
        message: str,
        *,
        status: Status | None = None,
        retryable: bool | None = None,
        http_status: int = 0,
        manifest: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = self._statuses[0] if status is None else status
        self.retryable = self.status in _RETRYABLE if retryable is None else retryable
        self.http_status = http_status
        self.manifest = manifest

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        http_status = f", http_status={self.http_status}" if self.http_status else ""
        return f"{type(self).__name__}({self.message!r}, {self.status.name}, retryable={self.retryable}{http_status})"


class ConfigError(KubepeersError, ValueError):
    """An option is unknown or invalid. The message names it.

    Invalid arguments of methods raise a builtin `TypeError` or `ValueError` instead.
    """

    __module__ = "kubepeers"
    _statuses = (
        Status.INVALID_CONFIG,
        Status.UNKNOWN_KEY,
        Status.INVALID_UTF8,
        Status.INVALID_ARGUMENT,
    )


class LifecycleError(KubepeersError):
    """The state of the provider does not allow the call.

    An instance of this class itself means that the provider is already registered
    (ALREADY_REGISTERED).
    """

    __module__ = "kubepeers"
    _statuses: ClassVar[tuple[Status, ...]] = (
        Status.ALREADY_REGISTERED,
        Status.ALREADY_INITIALIZED,
        Status.NOT_INITIALIZED,
        Status.INVALID_HANDLE,
    )


class NotRegisteredError(LifecycleError):
    """The provider is not registered, or was deregistered during the call."""

    __module__ = "kubepeers"
    _statuses = (Status.NOT_REGISTERED,)


class ClosedError(LifecycleError):
    """The provider is closed, or was closed during the call."""

    __module__ = "kubepeers"
    _statuses = (Status.CLOSED,)


class ForkedError(LifecycleError):
    """The provider belongs to a parent process. The child must create its own.

    `Provider.register` also raises it if this process has closed the library's descriptors.
    """

    __module__ = "kubepeers"
    _statuses = (Status.FORKED,)


class AccessError(KubepeersError):
    """The API server cannot be found or verified, or it refuses the credentials.

    If the service account lacks a Role, `manifest` is that Role and its RoleBinding. The status
    UNAVAILABLE (the API server is unreachable, does not answer or reports a failure) occurs only in
    `Health.error`.
    """

    __module__ = "kubepeers"
    _statuses = (
        Status.NOT_IN_CLUSTER,
        Status.NO_CREDENTIALS,
        Status.TLS,
        Status.UNAUTHORIZED,
        Status.FORBIDDEN,
        Status.UNAVAILABLE,
    )


class SelfPodError(KubepeersError):
    """This pod cannot be identified (NO_IDENTITY) or cannot be a peer (SELF_EXCLUDED).

    It cannot be a peer if it has ended, if it lacks the labels, the discovery port or an address of
    the option `ip_family`, or if the API server sent a malformed record of it.
    """

    __module__ = "kubepeers"
    _statuses = (Status.NO_IDENTITY, Status.SELF_EXCLUDED)


class NoResultError(KubepeersError):
    """There is no result yet (NOT_SYNCED, SELF_NOT_VISIBLE), or only one that is too old (STALE).

    Usually retryable. The message says why there is none.
    """

    __module__ = "kubepeers"
    _statuses = (Status.NOT_SYNCED, Status.SELF_NOT_VISIBLE, Status.STALE)


class WaitTimeoutError(KubepeersError, TimeoutError):
    """The timeout of `wait` or `wait_for_peers` expired.

    `wait` found no newer result, or `wait_for_peers` found too few peers or peers that are not
    stable yet. Usually retryable.
    """

    __module__ = "kubepeers"
    _statuses = (Status.TIMEOUT,)


class InternalError(KubepeersError):
    """The library has failed. The process is not harmed. Close or deregister the provider."""

    __module__ = "kubepeers"
    _statuses = (Status.INTERNAL,)


class LibraryError(ImportError):
    """The shared library cannot be loaded, or is incompatible with this package.

    It is no `KubepeersError`, and has no status.
    """

    __module__ = "kubepeers"


def _subclasses(cls: type[KubepeersError]) -> list[type[KubepeersError]]:
    return [cls, *(found for subclass in cls.__subclasses__() for found in _subclasses(subclass))]


_CLASSES: dict[int, type[KubepeersError]] = {
    status: cls for cls in _subclasses(KubepeersError) for status in cls._statuses
}


def known_status(number: int) -> Status:
    """Return the status, or INTERNAL for a number that only a newer library knows."""
    return Status(number) if number in _CLASSES else Status.INTERNAL


def error_class(number: int) -> type[KubepeersError]:
    """Return the exception class of a status."""
    return _CLASSES[known_status(number)]
