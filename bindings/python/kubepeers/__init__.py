"""Kubernetes peer discovery: who are my peers, and how sure is that?

`Provider` is the entry; every failure is a `KubepeersError`.
"""

from ._changes import Changes
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
    StaleError,
    Status,
    TimeoutError,
    TlsError,
    UnauthorizedError,
    UnavailableError,
    UnknownKeyError,
    WouldDeadlockError,
)
from ._health import Health
from ._library import LibraryError, library_version
from ._live import Snapshot
from ._options import Options
from ._peers import Node
from ._provider import Provider
from ._texts import ExplainedPod, Explanation
from ._version import __version__

__all__ = [
    "AlreadyInitializedError",
    "AlreadyRegisteredError",
    "Changes",
    "ClosedError",
    "ExplainedPod",
    "Explanation",
    "ForbiddenError",
    "ForkedError",
    "Health",
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
    "Node",
    "NotInClusterError",
    "NotInitializedError",
    "NotRegisteredError",
    "NotSyncedError",
    "Options",
    "Provider",
    "SelfExcludedError",
    "SelfNotVisibleError",
    "Snapshot",
    "StaleError",
    "Status",
    "TimeoutError",
    "TlsError",
    "UnauthorizedError",
    "UnavailableError",
    "UnknownKeyError",
    "WouldDeadlockError",
    "__version__",
    "library_version",
]
