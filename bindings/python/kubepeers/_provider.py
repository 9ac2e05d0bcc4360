"""The provider: everything that can be done, and when it is freed."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Iterable, Mapping
from ctypes import byref, c_size_t, c_uint64
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _asyncio, _config, _health, _numbers, _options, _peers, _texts
from ._call import call
from ._changes import Changes
from ._errors import ForkedError, KubepeersError
from ._health import Health
from ._library import lib
from ._live import Live, Snapshot
from ._log import Log
from ._options import Options
from ._peers import Node
from ._texts import Explanation

# From 3.11 on all names of the annotations are there at run time, for frameworks that read them.
if TYPE_CHECKING:
    from typing_extensions import Self, Unpack
elif sys.version_info >= (3, 11):
    from typing import Self, Unpack


class Provider:
    """Finds the peers of this process among the pods of a namespace.

    As a context manager it is initialised and registered at entry and closed at exit, by `with` and by `async with`.
    Any number of threads may use it.

    A call that waits does so outside the interpreter: other threads run on, but Ctrl-C and other signal handlers of
    Python run only when it returns. Where that matters use `changes()`, or wait in short steps.

    With the option `log` ("error", "warn", "info" or "debug") the logger "kubepeers" of `logging` is given what the
    library records, by a thread of the provider's own.
    """

    def __init__(
        self,
        *,
        pod_labels: Mapping[str, str] | str,
        discovery_port_name: str,
        **options: Unpack[Options],
    ) -> None:
        """Keep the configuration; `init()` validates it. A `str` for `pod_labels` is "k=v,k2=v2"."""
        given: dict[str, Any] = {
            "pod_labels": pod_labels if isinstance(pod_labels, str) else _config.labels(pod_labels),
            "discovery_port_name": discovery_port_name,
            **options,
        }
        self._setup((key, _config.text(key, value)) for key, value in given.items() if value is not None)

    @classmethod
    def from_settings(cls, settings: Iterable[tuple[str, str]]) -> Self:
        """Make a provider of the library's own text pairs. A later value of a key replaces an earlier one."""
        provider = cls.__new__(cls)
        provider._setup(settings)
        return provider

    def _setup(self, settings: Iterable[tuple[str, str]]) -> None:
        self._settings = _config.checked(settings)
        self._live = Live(c_uint64())

    @property
    def id(self) -> str:
        """The name of this discovery provider: "kubernetes"."""
        name: bytes = lib.kubepeers_id()
        return name.decode()

    def init(self) -> None:
        """Validate the whole configuration. No I/O, no network.

        After `close()`, and in a forked child, it starts anew.

        Raises:
            InvalidConfigError, UnknownKeyError, InvalidUtf8Error: the message names the key and says what is wrong.
            AlreadyInitializedError: it is initialised.
        """
        config = lib.kubepeers_config_new()
        try:
            _config.fill(config, self._settings)
            # Two threads at once must not make two providers of one. Nothing in here waits for anything.
            with _init_lock:
                handle = c_uint64(self._live.handle.value)
                call(lib.kubepeers_init, config, byref(handle))
                self._live = self._started(handle)
        finally:
            lib.kubepeers_config_free(config)

    def _started(self, handle: c_uint64) -> Live:
        log = Log(handle) if dict(self._settings).get("log", "off") != "off" else None
        live = Live(handle, log)
        live.finalizer = weakref.finalize(self, _close_forgotten, live)
        try:
            if log:
                log.start()
        except BaseException:
            live.finalizer()
            raise
        return live

    def register(self, timeout: float | None = None) -> None:
        """Find the credentials and this process's own pod, start the watcher, wait for the first view of the pods.

        Args:
            timeout: seconds to wait at most; None for `register_timeout_ms`. Cannot be interrupted meanwhile.

        Raises:
            NotInClusterError, NoCredentialsError, NoIdentityError, TlsError, UnauthorizedError, ForbiddenError: what
                does not mend itself. A server that is unreachable or slow is no error: the watcher keeps trying,
                and `discover_peers()` says what is wrong.
            NoResourcesError: file descriptors, threads or memory have run out.
            AlreadyRegisteredError: it is registered.
        """
        call(lib.kubepeers_register, self._handle, _numbers.timeout(timeout))

    def discover_peers(self, timeout: float | None = None) -> list[str]:
        """Give the peers now: "ip:discovery_port" of each, sorted, without this process's own pod. Empty means alone.

        Args:
            timeout: seconds to wait at most while the answer is not certain; None for `discover_timeout_ms`.
                Cannot be interrupted meanwhile.

        Raises:
            NotSyncedError, SelfNotVisibleError: not known yet; retry if the error is `retryable`.
            SelfExcludedError: this process's own pod can never be a peer.
            NoIdentityError: several pods may be the own one.
            StaleError: what is known is older than `max_stale_ms`; retry.
            NotRegisteredError: `register()` comes first.
            ClosedError: it is closed, maybe by another thread during the wait.
        """
        live = self._live
        answer = live.answer
        # What the library would say, the header promises, for a tenth of the time. A wrong timeout is refused below.
        known = answer.generation == lib.kubepeers_generation(live.handle)
        if not known or not (timeout is None or timeout >= 0):
            answer = live.ask(_numbers.timeout(timeout))
        return list(answer.addresses)

    def nodes(self, timeout: float | None = None) -> list[Node]:
        """Give the peers now, in the order of `discover_peers()`, with all that is known of each.

        Args:
            timeout: seconds to wait at most while the answer is not certain; None for `discover_timeout_ms`.
                Cannot be interrupted meanwhile.

        Raises:
            KubepeersError: what `discover_peers()` raises.
        """
        with _peers.given_by(lib.kubepeers_discover_peers, self._handle, _numbers.timeout(timeout)) as peers:
            return _peers.nodes(peers)

    def self_node(self, timeout: float | None = None) -> Node | None:
        """Return this pod, with the address and ports that its peers get; None for an observer.

        Args:
            timeout: seconds to wait at most until the pods have been listed and this pod is one of them; None for
                `discover_timeout_ms`. Ctrl-C does not interrupt the wait.

        Raises:
            KubepeersError: what `discover_peers()` raises.
        """
        with _peers.given_by(lib.kubepeers_get_self, self._handle, _numbers.timeout(timeout)) as peers:
            nodes = _peers.nodes(peers)
        return nodes[0] if nodes else None

    @property
    def generation(self) -> int:
        """The generation of what `discover_peers()` would give at once: compare it to see whether anything has changed.

        0 if it would have to wait, or would fail, or `max_stale_ms` is set. It costs next to nothing.
        """
        generation: int = lib.kubepeers_generation(self._handle)
        return generation

    def wait(self, after_generation: int = 0, timeout: float | None = None) -> Snapshot:
        """Wait for peers newer than `after_generation` (0 for any). Several changes may come as one.

        Args:
            after_generation: the `generation` of the last snapshot.
            timeout: seconds to wait at most; None for `discover_timeout_ms`. Cannot be interrupted meanwhile:
                Ctrl-C is seen when the call returns.

        Raises:
            TimeoutError: nothing newer; ask again. Also a built-in `TimeoutError`.
            KubepeersError: what `discover_peers()` raises.
        """
        after_generation = _numbers.unsigned("after_generation", after_generation)
        return self._live.wait(lib.kubepeers_wait, after_generation, _numbers.timeout(timeout))

    async def wait_async(self, after_generation: int = 0, timeout: float | None = None) -> Snapshot:
        """Do what `wait()` does, in asyncio: no thread is parked, and the task may be cancelled.

        Args:
            after_generation: the `generation` of the last snapshot; 0 for any peers.
            timeout: seconds to wait at most; None for `discover_timeout_ms`.

        Raises:
            TimeoutError: nothing newer; ask again. Also a built-in `TimeoutError`.
            KubepeersError: what `discover_peers()` raises.
            NoResourcesError: file descriptors have run out.
        """
        after_generation = _numbers.unsigned("after_generation", after_generation)
        timeout_ms = _numbers.timeout(timeout)
        return await _asyncio.wait(self._live, after_generation, self._discover_timeout_ms(timeout_ms))

    def changes(self) -> Changes:
        """Give the peers now, and then at each change: `for peers in provider.changes()`, and also `async for`.

        It is over when the provider is closed. While there is no answer it waits for one: what mends itself is not
        raised. Several changes may come as one. Ctrl-C interrupts the `for`, and cancelling ends the `async for`.

        Raises, when it is gone through:
            NotSyncedError: the pods cannot be read, and that has not mended itself for some seconds.
            SelfExcludedError, NoIdentityError, NotRegisteredError: as for `discover_peers()`.
            ClosedError: it was closed before.
            NoResourcesError: file descriptors have run out.
        """
        return Changes(lambda: self._live)

    def wait_for_peers(self, min: int, stable_for: float = 0, timeout: float | None = None) -> Snapshot:
        """Wait for enough peers, for a process that is about to form a cluster.

        The addresses count as stable once a list requested after `stable_for` confirms them. If `stable_for` is 0, no
        list is needed. While requests fail, the call keeps waiting.

        Args:
            min: the least number of peers.
            stable_for: seconds for which their addresses must have been the same (default 0).
            timeout: seconds to wait at most; None for `discover_timeout_ms`. Ctrl-C does not interrupt the wait.

        Raises:
            TimeoutError: too few peers, not stable for long enough, or not confirmed. Also a builtin `TimeoutError`.
            KubepeersError: what `discover_peers()` raises.
        """
        return self._live.wait(
            lib.kubepeers_wait_for_peers,
            _numbers.unsigned("min", min, c_size_t),
            _numbers.milliseconds("stable_for", stable_for),
            _numbers.timeout(timeout),
        )

    async def wait_for_peers_async(self, min: int, stable_for: float = 0, timeout: float | None = None) -> Snapshot:
        """Wait like `wait_for_peers()`, without blocking a thread. The task can be cancelled.

        Args:
            min: the least number of peers.
            stable_for: seconds for which their addresses must have been the same (default 0).
            timeout: seconds to wait at most; None for `discover_timeout_ms`.

        Raises:
            TimeoutError: too few peers, not stable for long enough, or not confirmed. Also a builtin `TimeoutError`.
            KubepeersError: what `discover_peers()` raises.
            NoResourcesError: file descriptors have run out.
        """
        least = _numbers.unsigned("min", min, c_size_t)
        stable_ms = _numbers.milliseconds("stable_for", stable_for)
        timeout_ms = self._discover_timeout_ms(_numbers.timeout(timeout))
        return await _asyncio.wait_for_peers(self._live, least, stable_ms, timeout_ms)

    def refresh(self, timeout: float | None = None) -> None:
        """Have the pods listed anew: what is answered afterwards is of the moment of this call or later.

        It costs the API server a list: for a process that is about to found a cluster, not to be called over and over.

        Args:
            timeout: seconds to wait at most; None for `discover_timeout_ms`, but at least 5. Ctrl-C does not interrupt
                the wait.

        Raises:
            StaleError: nothing newer in time; the message says why.
            NotSyncedError: nothing has ever been read.
            NotRegisteredError, ClosedError: as for `discover_peers()`.
        """
        call(lib.kubepeers_refresh, self._handle, None, _numbers.timeout(timeout))

    def health(self) -> Health:
        """Tell how sure the answers are: they are given from memory, through any outage of the API server.

        It does not wait. What is wrong with the API server is told, not raised.

        Raises:
            NotRegisteredError, ClosedError: as for `discover_peers()`.
        """
        return _health.health(self._handle)

    def explain(self) -> Explanation:
        """Give every pod that the selector finds, with its verdict: why is a peer missing? It does not wait.

        Raises:
            NotSyncedError: nothing has been read yet; the message says why.
            NotRegisteredError, ClosedError: as for `discover_peers()`.
        """
        return _texts.explanation(self._handle)

    def explain_table(self) -> str:
        """Give what `explain()` gives as a table for people, whose form may change.

        Raises:
            KubepeersError: what `explain()` raises.
        """
        return _texts.explanation_table(self._handle)

    def metrics(self) -> str:
        """Give metrics in the text format of Prometheus, to be put behind those that your process serves.

        Names begin with "kubepeers_"; the labels `namespace` and `selector` tell the providers of a process apart.
        It does not wait.

        Raises:
            NotRegisteredError, ClosedError: as for `discover_peers()`.
        """
        return _texts.metrics(self._handle)

    def deregister(self) -> None:
        """Stop the watcher; waiting calls end with `NotRegisteredError`. `register()` may be called again.

        Raises:
            NotRegisteredError: it is not registered.
        """
        call(lib.kubepeers_deregister, self._handle)

    def close(self) -> None:
        """End the provider: deregister if needed, end every waiting call with `ClosedError`. Closing again is allowed.

        It takes milliseconds. With `log` it then waits, for a second at most, for the handlers of what was recorded
        before; those that take longer go on in their thread.

        Raises:
            ForkedError: it belongs to the parent process, which is not disturbed.
        """
        self._live.close()

    def __enter__(self) -> Self:
        self.init()
        # Not what somebody else may have made of it meanwhile.
        live = self._live
        try:
            self.register()
        except BaseException:
            live.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A child that leaves the block that it was forked in leaves the provider to its parent.
        with contextlib.suppress(ForkedError):
            self.close()

    async def __aenter__(self) -> Self:
        self.init()
        live = self._live
        try:
            await _asyncio.register(live, self._register_timeout_ms())
        except BaseException:
            await _asyncio.close(live)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(ForkedError):
            await _asyncio.close(self._live)

    def __reduce__(self) -> Any:
        raise TypeError("a Provider cannot be copied or pickled: it belongs to its process")

    @property
    def _handle(self) -> c_uint64:
        # 0 before init(): the library's answer to that is NotInitializedError.
        return self._live.handle

    def _register_timeout_ms(self) -> int:
        return int(dict(self._settings).get("register_timeout_ms", _options.REGISTER_TIMEOUT_MS))

    def _discover_timeout_ms(self, given: int) -> int:
        if given >= 0:
            return given
        # Before init() nothing has judged the text, and nothing waits.
        configured = dict(self._settings) if self._handle.value else {}
        return int(configured.get("discover_timeout_ms", _options.DISCOVER_TIMEOUT_MS))


_init_lock = threading.Lock()


def _unlock_in_child() -> None:
    # Another thread of the parent may have held it at the fork; that thread does not exist here.
    global _init_lock
    _init_lock = threading.Lock()


os.register_at_fork(after_in_child=_unlock_in_child)


def _close_forgotten(live: Live) -> None:
    """Close a provider that nobody refers to any more, or that is open when the interpreter ends.

    It has nobody to tell about errors. In a forked child the library answers FORKED and leaves the parent's alone.
    """
    with contextlib.suppress(KubepeersError):
        live.close()
