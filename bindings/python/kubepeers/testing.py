"""Fakes of the providers, for tests of programs that use them.

They need neither a cluster nor the shared library::

    from kubepeers import ClosedError
    from kubepeers.testing import FakeProvider

    def test_service_joins_new_peers():
        script = [["10.0.0.2:3322", "10.0.0.3:3322"], ClosedError("the end of the test")]
        service = MyService(FakeProvider(["10.0.0.2:3322"], script=script))
        service.run()  # registers the provider and iterates over changes()
        assert service.joined == {"10.0.0.2:3322", "10.0.0.3:3322"}

`FakeProvider` is a subclass of `Provider`, and `AsyncFakeProvider` of `AsyncProvider`. Their
methods behave like the real ones. The test decides what they return:

- in advance, with a script
- at any time and from any thread, with `set_peers`, `set_error` and `set_health`. These are not
  coroutines, not even those of `AsyncFakeProvider`.

The script is a sequence of peers and errors. Where a real call would wait, the fake call takes the
next item of the script at once instead. Two examples are `changes` if there is nothing new, and
`register` if the pods have not been listed and its timeout is not 0. The item decides what the call
does next:

- Peers replace the current ones. If a real call would still wait, the fake call takes another item.
- A `ClosedError` closes the provider, which ends `changes`.
- A `NoResultError` or `WaitTimeoutError` stands for a wait that brings nothing. If the timeout of
  the call is 0, the call raises the error. Otherwise it takes the next item. `changes` does so only
  if the error is retryable, and raises it if not.
- Any other error is raised, once.

After the last item, calls wait as long as real ones do. `changes` then waits forever, so end its
script with a `ClosedError`.

Peers are always stable: `wait_for_peers` does not wait for `stable_for`. `refresh` waits only until
the pods have been listed. `explain` returns the peers and this pod, and `metrics` only the number
of peers.
"""

from __future__ import annotations

import collections
import ipaddress
import math
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from . import _config
from ._errors import (
    ClosedError,
    KubepeersError,
    LifecycleError,
    NoResultError,
    NotRegisteredError,
    SelfPodError,
    WaitTimeoutError,
)
from ._provider import AsyncProvider, Provider, _BaseProvider
from ._types import ExplainedPod, Explanation, Health, NamedPort, Node, Snapshot
from ._wait import ChangeDescriptor, LoopNotifier

if TYPE_CHECKING:
    import asyncio

__all__ = ["AsyncFakeProvider", "FakeProvider", "node"]

T = TypeVar("T")


def node(address: str, **fields: object) -> Node:
    """Return the record of a pod with an address such as "10.0.0.2:3322" or "[fd00::2]:3322".

    By default the pod is Ready and runs on "node-1". Its name and uid are derived from its IP
    address, its other ports are 0, and its revision is "".

    Args:
        address: The address of the pod.
        **fields: Fields of `Node` to set, for example `ready=False`.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    ipaddress.ip_address(host)
    name = f"pod-{host.replace('.', '-').replace(':', '-')}"
    made = Node(
        name, f"uid-of-{name}", host, int(port), 0, 0, ready=True, node_name="node-1", revision=""
    )
    return replace(made, **fields)  # type: ignore[arg-type]


class _Controls(_BaseProvider):
    """The constructor of both fakes, and the functions that a test calls."""

    _fake: _FakeSession

    def __init__(
        self,
        peers: Iterable[str | Node] | None = (),
        *,
        script: Iterable[Iterable[str | Node] | KubepeersError] = (),
        self_node: str | Node | None = "10.0.0.1:3322",
        register_timeout: float = _config.REGISTER_TIMEOUT,
        discover_timeout: float = _config.DISCOVER_TIMEOUT,
    ) -> None:
        """Create a fake, which is not registered yet. It takes no other options of `Provider`.

        Args:
            peers: The first peers, as addresses or records. None: the pods have not been listed
                yet.
            script: Peers and errors for calls that would wait. See the module's documentation.
            self_node: The address or the record of this pod. None: the process is an observer.
            register_timeout: As the option of `Provider`.
            discover_timeout: As the option of `Provider`.
        """
        self._session = self._fake = _FakeSession(peers, script, self_node)
        self._register_timeout, self._discover_timeout = register_timeout, discover_timeout
        self._description = "fake"

    def set_peers(self, peers: Iterable[str | Node]) -> None:
        """Replace the peers, as a new generation, and end the effect of `set_error`.

        Args:
            peers: Addresses or records, in any order.
        """
        self._fake.set_peers(peers)

    def set_error(self, error: KubepeersError | None) -> None:
        """Make calls that need a result raise `error`, until `set_error(None)` or new peers.

        They raise `error` even if there were peers before. If it is a `NoResultError` or
        `WaitTimeoutError`, they raise it when their timeout expires. (`changes` raises it at once
        if it is not retryable.) They raise any other error at once. `register` raises any error at
        once, except for a `NoResultError`.

        Args:
            error: The error, or None to end its effect.
        """
        self._fake.set_error(error)

    def set_health(self, **fields: object) -> None:
        """Replace fields of the `Health` that `health` returns, for example `stale=True`.

        By default the fake is healthy once the pods have been listed, which is at once unless
        `peers` is None. Until then it is not synced and is stale.

        Args:
            **fields: Fields of `Health`.
        """
        self._fake.set_health(fields)


class FakeProvider(_Controls, Provider):
    """A `Provider` without a cluster."""

    __module__ = "kubepeers.testing"


class AsyncFakeProvider(_Controls, AsyncProvider):
    """An `AsyncProvider` without a cluster."""

    __module__ = "kubepeers.testing"


class _FakeSession:
    """The counterpart of `_session.LibrarySession` without the library."""

    def __init__(
        self,
        peers: Iterable[str | Node] | None,
        script: Iterable[Iterable[str | Node] | KubepeersError],
        self_node: str | Node | None,
    ) -> None:
        self._lock = threading.RLock()
        self._nodes = None if peers is None else _nodes(peers)
        self._script = collections.deque(script)
        self._self_node = node(self_node) if isinstance(self_node, str) else self_node
        self._generation = 0
        self._error: KubepeersError | None = None
        self._health: dict[str, object] = {}
        self._registration: object = None
        self._is_closed = False
        self._descriptors: weakref.WeakSet[_FakeDescriptor] = weakref.WeakSet()
        self._notifiers: weakref.WeakValueDictionary[int, LoopNotifier] = (
            weakref.WeakValueDictionary()
        )

    # --- Called by the test ---

    def set_peers(self, peers: Iterable[str | Node]) -> None:
        with self._lock:
            self._nodes, self._error = _nodes(peers), None
            self._generation += 1
            self._notify()

    def set_error(self, error: KubepeersError | None) -> None:
        with self._lock:
            self._error = error
            self._notify()

    def set_health(self, fields: dict[str, object]) -> None:
        with self._lock:
            self._health.update(fields)
            self._notify()

    # --- Called by the provider ---

    def register(self) -> object:
        with self._lock:
            self._check_open()
            if self._registration:
                raise LifecycleError("register was called before")
            if self._error and not isinstance(self._error, NoResultError):
                raise self._error
            self._generation += 1
            registration = self._registration = object()
            self._notify()
            return registration

    def first_sync(self, registration: object) -> None:
        self._scripted(self._listed)

    def undo(self, registration: object) -> None:
        with self._lock:
            if self._registration is registration:
                self.deregister()

    def deregister(self) -> None:
        with self._lock:
            self._check_registered()
            self._registration = None
            self._notify()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._notify()

    async def close_async(self) -> None:
        self.close()

    def cached(self) -> Snapshot | None:
        return None

    def generation(self) -> int:
        try:
            with self._lock:
                return self._snapshot().generation
        except KubepeersError:
            return 0

    def current(self) -> Snapshot:
        return self._scripted(self._snapshot)

    def newer_than(self, generation: int) -> Snapshot:
        def newer() -> Snapshot:
            snapshot = self._snapshot()
            if snapshot.generation <= generation:
                raise WaitTimeoutError(
                    f"there is nothing newer than generation {generation}", retryable=True
                )
            return snapshot

        return self._scripted(newer)

    def enough(self, min: int, stable_for: float) -> Snapshot:
        def enough() -> Snapshot:
            snapshot = self._snapshot()
            if len(snapshot) < min:
                message = f"found {len(snapshot)} peers; need at least {min}, stable for {stable_for * 1000:g} ms"
                raise WaitTimeoutError(message, retryable=True)
            return snapshot

        return self._scripted(enough)

    def nodes(self) -> list[Node]:
        self.current()
        return list(self._listed())

    def self_node(self) -> Node:
        self.current()
        if self._self_node is None:
            raise SelfPodError("an observer runs in none of the pods: `membership` = `observer`")
        return self._self_node

    def refresher(self) -> Callable[[], None]:
        def refreshed() -> None:
            self._scripted(self._listed)

        return refreshed

    def health(self) -> Health:
        with self._lock:
            self._check_registered()
            synced = self._nodes is not None
            age, error = (0.0 if synced else math.inf), self._error
            usual = Health(
                synced, age, not synced, watching=synced, polling=False, error=error, error_class=""
            )
            return replace(usual, **self._health)  # type: ignore[arg-type]

    def explain(self) -> Explanation:
        pods = [_explained(peer, "peer") for peer in self._listed()]
        if self._self_node:
            pods.append(_explained(self._self_node, "self"))
        description = f"pod {self._self_node.name}" if self._self_node else "observer"
        return Explanation(
            "default",
            "app=fake",
            description,
            "open",
            tuple(sorted(pods, key=lambda pod: pod.name)),
        )

    def explain_table(self) -> str:
        return "".join(f"{pod.name}  {pod.verdict}\n" for pod in self.explain().pods)

    def metrics(self) -> str:
        with self._lock:
            self._check_registered()
            peers = len(self._nodes or ())
        return f"# TYPE kubepeers_peers gauge\nkubepeers_peers {peers}\n"

    def change_descriptor(self) -> ChangeDescriptor:
        with self._lock:
            descriptor = _FakeDescriptor(self._lock)
            self._descriptors.add(descriptor)
            return descriptor

    def notifier(self, loop: asyncio.AbstractEventLoop) -> LoopNotifier:
        notifier = self._notifiers.get(id(loop))
        if notifier is None:
            notifier = self._notifiers[id(loop)] = LoopNotifier(self, loop)
        return notifier

    # --- Helpers ---

    def _scripted(self, attempt: Callable[[], T]) -> T:
        """Call `attempt`. Where the real provider would wait, take items of the script instead."""
        with self._lock:
            while True:
                try:
                    return attempt()
                except (NoResultError, WaitTimeoutError):
                    if not self._script:
                        raise
                item = self._script.popleft()
                if isinstance(item, ClosedError):
                    self.close()
                if isinstance(item, KubepeersError):
                    # Wakes a call that keeps waiting, which then takes the next item.
                    self._notify()
                    raise item
                self.set_peers(item)

    def _snapshot(self) -> Snapshot:
        nodes = self._listed()
        return Snapshot(self._generation, tuple(node.address for node in nodes))

    def _listed(self) -> tuple[Node, ...]:
        self._check_registered()
        if self._error:
            raise self._error
        if self._nodes is None:
            raise NoResultError("the pods have not been listed yet", retryable=True)
        return self._nodes

    def _check_open(self) -> None:
        if self._is_closed:
            raise ClosedError("the provider is closed; create a new one")

    def _check_registered(self) -> None:
        self._check_open()
        if not self._registration:
            raise NotRegisteredError("not registered: call register first")

    def _notify(self) -> None:
        for descriptor in list(self._descriptors):
            descriptor.notify()


class _FakeDescriptor(ChangeDescriptor):
    """A descriptor that the fake makes readable."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        super().__init__(os.eventfd(1, os.EFD_NONBLOCK | os.EFD_CLOEXEC))

    def notify(self) -> None:
        # Under the lock: after a close, the number could belong to another file.
        with self._lock:
            if self.fileno() >= 0:
                os.eventfd_write(self.fileno(), 1)

    def close(self) -> None:
        with self._lock:
            super().close()


def _nodes(peers: Iterable[str | Node]) -> tuple[Node, ...]:
    nodes = {peer if isinstance(peer, Node) else node(peer) for peer in peers}
    return tuple(sorted(nodes, key=_order))


def _order(node: Node) -> tuple[int, int, int]:
    address = ipaddress.ip_address(node.host)
    return address.version, int(address), node.discovery_port


def _explained(node: Node, verdict: str) -> ExplainedPod:
    return ExplainedPod(
        name=node.name,
        verdict=verdict,
        address=node.address if verdict == "peer" else None,
        ips=(node.host,),
        phase="Running",
        ready=node.ready,
        terminating=False,
        node_name=node.node_name,
        uid=node.uid,
        revision=node.revision,
        started="2026-01-01T00:00:00Z",
        ports=(NamedPort("discovery", node.discovery_port),),
    )
