"""Find your peers in Kubernetes, and know how reliable the answer is.

::

    from kubepeers import Provider

    with Provider(pod_labels={"app": "demo"}, discovery_port_name="gossip") as provider:
        print(provider.discover_peers())  # ['10.0.0.7:3322', '10.0.0.8:3322']

The peers are the pods in the namespace that have all the labels, are Running and not terminating,
and have an address and the discovery port. They need not be Ready. This pod is not among them. An
empty list always means that this pod is alone. "Not synced yet" and "API server unreachable" are
errors, never an empty list.

The constructor validates the options. `with`, or `register`, starts a watcher, which keeps the
peers in memory. Then

- `discover_peers` returns the current peers
- `changes` iterates over the newest states, and `wait` waits for a newer one
- `wait_for_peers` waits until enough peers have been stable, to form a cluster
- `self_node` returns this pod, for example the address to advertise
- `refresh` requests a list that is at least as new as the call
- `health` and `metrics` say how reliable the results are
- `explain` says why a pod is not a peer

The function `doctor` examines every step of discovery, and says what is wrong and how to fix it.

While the API server is unreachable, the last result is kept and returned. The option `max_stale`
limits its age.

`AsyncProvider` is the same for asyncio. `kubepeers.testing` has fakes of both for tests of programs
that use them.

A failed call raises a `KubepeersError`, whose documentation lists all subclasses. The service
account of the pod must be allowed to list and watch pods in the namespace. If it may not list them,
`register` raises an `AccessError`, whose `manifest` is the missing Role. If it may not watch them,
they are polled.

The package is a thin layer over the shared library libkubepeers.so, which it loads when the first
provider is created.
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
