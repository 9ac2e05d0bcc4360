"""Kubernetes peer discovery: who are my peers, and how sure is that?

`Provider` is the entry; every failure is a `KubepeersError`.
"""

from ._errors import (
    AlreadyInitializedError,
    AlreadyRegisteredError,
    ClosedError,
    ForbiddenError,
    ForkedError,
    InternalError,
    InvalidArgumentError,
    InvalidConfigError,
    InvalidHandleError,
    InvalidUtf8Error,
    KubepeersError,
    NoCredentialsError,
    NoIdentityError,
    NoResourcesError,
    NotInClusterError,
    NotInitializedError,
    NotRegisteredError,
    NotSyncedError,
    SelfExcludedError,
    SelfNotVisibleError,
    Status,
    TimeoutError,
    TlsError,
    UnauthorizedError,
    UnknownKeyError,
)
from ._library import LibraryError, library_version
from ._provider import Options, Provider, Snapshot
from ._version import __version__

__all__ = [
    "AlreadyInitializedError",
    "AlreadyRegisteredError",
    "ClosedError",
    "ForbiddenError",
    "ForkedError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidConfigError",
    "InvalidHandleError",
    "InvalidUtf8Error",
    "KubepeersError",
    "LibraryError",
    "NoCredentialsError",
    "NoIdentityError",
    "NoResourcesError",
    "NotInClusterError",
    "NotInitializedError",
    "NotRegisteredError",
    "NotSyncedError",
    "Options",
    "Provider",
    "SelfExcludedError",
    "SelfNotVisibleError",
    "Snapshot",
    "Status",
    "TimeoutError",
    "TlsError",
    "UnauthorizedError",
    "UnknownKeyError",
    "__version__",
    "library_version",
]
