"""The provider: the six verbs of discovery, and wait()."""

from __future__ import annotations

import contextlib
import math
import operator
import os
import threading
import weakref
from ctypes import byref, c_uint64
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

from . import _config
from ._call import call
from ._errors import ForkedError, KubepeersError
from ._library import Peers, lib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self, Unpack


class Options(TypedDict, total=False):
    """The optional configuration keys; None is "not given". `kubepeers_config_set` in the header explains each."""

    self: Literal["auto", "none"] | None
    pod_uid: str | None
    pod_name: str | None
    readiness: Literal["ignore", "ready"] | None
    pending: Literal["exclude", "include"] | None
    ip_family: Literal["primary", "ipv4", "ipv6"] | None
    default_discovery_port: int | None
    register_timeout_ms: int | None
    discover_timeout_ms: int | None
    request_timeout_ms: int | None
    service_account_dir: str | os.PathLike[str] | None
    kubeconfig: str | os.PathLike[str] | None
    context: str | None


class Snapshot(NamedTuple):
    """The peers as they were at one moment."""

    #: Grows with every change of the peers, from 1, within one registered provider.
    generation: int
    #: "ip:port" of each peer, IPv6 in brackets, sorted, without this process's own pod. Empty means alone.
    addresses: tuple[str, ...]


class _Live(NamedTuple):
    """A provider of the library, and what closes it when it is forgotten."""

    handle: int
    finalizer: weakref.finalize[[int], Provider]


class Provider:
    """Finds the peers of this process among the pods of a namespace.

    As a context manager it is initialised and registered at entry and closed at exit. Any number of threads may use it.

    A call that waits does so outside the interpreter: other threads run on, but Ctrl-C and other signal handlers of
    Python run only when it returns. Where that matters wait in short steps, or in a thread that `close()` wakes.
    """

    # Positional-only, because one of the options is called `self`.
    def __init__(
        self,
        /,
        *,
        namespace: str,
        discovery_port_name: str,
        remoting_port_name: str,
        peers_port_name: str,
        pod_labels: Mapping[str, str] | str,
        **options: Unpack[Options],
    ) -> None:
        """Keep the configuration; `init()` validates it. A `str` for `pod_labels` is "k=v,k2=v2"."""
        given: dict[str, Any] = {
            "namespace": namespace,
            "discovery_port_name": discovery_port_name,
            "remoting_port_name": remoting_port_name,
            "peers_port_name": peers_port_name,
            "pod_labels": pod_labels if isinstance(pod_labels, str) else _config.labels(pod_labels),
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
        self._settings = tuple(settings)
        self._live: _Live | None = None

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
                provider = c_uint64(self._handle)
                call(lib.kubepeers_init, config, byref(provider))
                finalizer = weakref.finalize(self, _close_forgotten, provider.value)
                self._live = _Live(provider.value, finalizer)
        finally:
            lib.kubepeers_config_free(config)

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
        call(lib.kubepeers_register, self._handle, _milliseconds(timeout))

    def discover_peers(self, timeout: float | None = None) -> list[str]:
        """Give the peers now: "ip:discovery_port" of each, sorted, without this process's own pod. Empty means alone.

        Args:
            timeout: seconds to wait at most while the answer is not certain; None for `discover_timeout_ms`.
                Cannot be interrupted meanwhile.

        Raises:
            NotSyncedError, SelfNotVisibleError: not known yet; retry if the error is `retryable`.
            SelfExcludedError: this process's own pod can never be a peer.
            NotRegisteredError: `register()` comes first.
            ClosedError: it is closed, maybe by another thread during the wait.
        """
        return list(self._ask(lib.kubepeers_discover_peers, self._handle, _milliseconds(timeout)).addresses)

    def wait(self, after_generation: int, timeout: float | None = None) -> Snapshot:
        """Wait for peers newer than `after_generation` (0 for any). Several changes may come as one.

        Args:
            after_generation: the `generation` of the last snapshot.
            timeout: seconds to wait at most; None for `discover_timeout_ms`. Cannot be interrupted meanwhile:
                Ctrl-C is seen when the call returns.

        Raises:
            TimeoutError: nothing newer; ask again. Also a built-in `TimeoutError`.
            KubepeersError: what `discover_peers()` raises.
        """
        after_generation = operator.index(after_generation)
        # ctypes would wrap it round.
        if not 0 <= after_generation < 1 << 64:
            raise ValueError(f"after_generation must be from 0 to 2**64 - 1, not {after_generation}")
        return self._ask(lib.kubepeers_wait, self._handle, after_generation, _milliseconds(timeout))

    def deregister(self) -> None:
        """Stop the watcher; waiting calls end with `NotRegisteredError`. `register()` may be called again.

        Raises:
            NotRegisteredError: it is not registered.
        """
        call(lib.kubepeers_deregister, self._handle)

    def close(self) -> None:
        """End the provider: deregister if needed, end every waiting call with `ClosedError`. Closing again is allowed.

        Raises:
            ForkedError: it belongs to the parent process, which is not disturbed.
        """
        live = self._live
        if live is None:
            return
        call(lib.kubepeers_close, live.handle)
        live.finalizer.detach()

    def __enter__(self) -> Self:
        self.init()
        try:
            self.register()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A child that leaves the block that it was forked in leaves the provider to its parent.
        with contextlib.suppress(ForkedError):
            self.close()

    def __reduce__(self) -> Any:
        raise TypeError("a Provider cannot be copied or pickled: it belongs to its process")

    @property
    def _handle(self) -> int:
        # The library's answer to 0 is NotInitializedError.
        return self._live.handle if self._live else 0

    @staticmethod
    def _ask(function: Callable[..., int], *arguments: int) -> Snapshot:
        peers = Peers()
        try:
            call(function, *arguments, byref(peers))
            addresses = (lib.kubepeers_peers_address(peers, i) for i in range(lib.kubepeers_peers_len(peers)))
            return Snapshot(lib.kubepeers_peers_generation(peers), tuple(address.decode() for address in addresses))
        finally:
            lib.kubepeers_peers_free(peers)


_init_lock = threading.Lock()


def _unlock_in_child() -> None:
    # Another thread of the parent may have held it at the fork; that thread does not exist here.
    global _init_lock
    _init_lock = threading.Lock()


os.register_at_fork(after_in_child=_unlock_in_child)


def _close_forgotten(handle: int) -> None:
    """Close a provider that nobody refers to any more, or that is open when the interpreter ends.

    It has nobody to tell about errors. In a forked child the library answers FORKED and leaves the parent's alone.
    """
    with contextlib.suppress(KubepeersError):
        call(lib.kubepeers_close, handle)


def _milliseconds(timeout: float | None) -> int:
    """Turn seconds into what the library takes: rounded up, so that a short wait does not become none."""
    if timeout is None:
        return -1
    if not timeout >= 0:
        raise ValueError(f"timeout must be None or at least 0 seconds, not {timeout}")
    # (0.1 + 0.2) * 1000 is a little more than 300. The longest that fits is 24 days.
    return math.ceil(round(min(timeout * 1000, 2**31 - 1), 6))
