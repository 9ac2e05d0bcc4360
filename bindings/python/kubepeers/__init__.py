"""Find your peers in Kubernetes, and know how reliable the answer is.

::

    from kubepeers import Provider

    with Provider(pod_labels={"app": "demo"}, discovery_port_name="gossip") as provider:
        print(provider.discover_peers())  # ['10.0.0.7:3322', '10.0.0.8:3322']

A peer is a pod in the namespace that has all the labels, is Running and not terminating, and has an
address and the discovery port. It need not be Ready. The result excludes this pod, which is the pod
that the process runs in.

An empty list always means that no other pod is a peer. "Not synced yet" and "API server
unreachable" are errors, never an empty list. Until there is a first result, calls wait, and raise
an error when their timeout expires. If the API server becomes unreachable later, the last result is
kept and returned. The option `max_stale` limits its age.

The constructor only validates the options. `with` calls `register`, which starts the watcher. The
watcher is a thread that keeps the peers in memory. After that:

- `discover_peers` returns the current peers.
- `changes` iterates over the newest states, and `wait` waits for a newer one.
- `wait_for_peers` waits until there are enough peers and they have stopped changing. A program
  calls it before it forms a cluster.
- `self_node` returns this pod, for example to advertise its address.
- `refresh` waits for a list of the pods that is at least as new as the call.
- `health` and `metrics` return how reliable the results are.
- `explain` returns why a pod is not a peer.

The function `doctor` examines every step of discovery, and returns what is wrong and how to fix it.

`AsyncProvider` has the same methods for asyncio. `kubepeers.testing` has fakes of both for tests of
programs that use them.

A call that fails raises a `KubepeersError`. The documentation of that class lists its subclasses.
Invalid arguments of methods raise `TypeError` or `ValueError`.

The service account of the pod must be allowed to list and watch pods in the namespace. If it may
not list them, `register` raises an `AccessError`, or later calls raise a `NoResultError`. In both
cases the `manifest` of the error is the missing Role. If it may only list them, the watcher polls.

The package is a thin layer over the shared library libkubepeers.so. Importing the package does not
load the library. The first provider loads it, and raises `LibraryError` if that fails.
"""

from ._doctor import doctor
from ._errors import (
    AccessError,
    ClosedError,
    ConfigError,
    ForkedError,
    InternalError,
    KubepeersError,
    LibraryError,
    LifecycleError,
    NoResultError,
    NotRegisteredError,
    SelfPodError,
    Status,
    WaitTimeoutError,
)
from ._provider import AsyncProvider, Provider, library_version
from ._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._types import (
        ExplainedPod,
        Explanation,
        Health,
        NamedPort,
        Node,
        Report,
        Snapshot,
        Step,
    )

__all__ = [
    "AccessError",
    "AsyncProvider",
    "ClosedError",
    "ConfigError",
    "ExplainedPod",
    "Explanation",
    "ForkedError",
    "Health",
    "InternalError",
    "KubepeersError",
    "LibraryError",
    "LifecycleError",
    "NamedPort",
    "NoResultError",
    "Node",
    "NotRegisteredError",
    "Provider",
    "Report",
    "SelfPodError",
    "Snapshot",
    "Status",
    "Step",
    "WaitTimeoutError",
    "__version__",
    "doctor",
    "library_version",
]

doctor.__module__ = library_version.__module__ = __name__


def __getattr__(name: str) -> object:
    # The module `dataclasses` takes longer to import than this package, and only results need it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _types

    globals().update(
        {type_name: value for type_name, value in vars(_types).items() if type_name in __all__}
    )
    return globals()[name]


def __dir__() -> list[str]:
    return __all__
