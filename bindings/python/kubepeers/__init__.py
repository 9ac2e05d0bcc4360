"""Kubernetes peer discovery: who are my peers, and how sure is that?

`Provider` is the entry; every failure is a `KubepeersError`.
"""

from typing import TYPE_CHECKING

from ._command import is_starting
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
    LibraryError,
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
)
from ._options import Options
from ._version import __version__

try:
    from ._changes import Changes
    from ._health import Health
    from ._library import library_version
    from ._live import Snapshot
    from ._peers import Node
    from ._provider import Provider
    from ._texts import ExplainedPod, Explanation
except LibraryError as error:
    # Only the command goes on without a library: to say so.
    if not is_starting():
        raise
    _why = error

    if not TYPE_CHECKING:

        def __getattr__(name: str) -> object:
            """Fail like the import where a name is used that needs the library."""
            if name in __all__:
                raise _why
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
    "__version__",
    "library_version",
]
