"""A provider of the library. Importing this module loads the library."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import threading
import weakref
from ctypes import byref, c_int, c_size_t, c_uint64
from typing import TYPE_CHECKING, Any, TypeVar

from . import _library
from ._config import milliseconds, python_words
from ._errors import (
    KubepeersError,
    NoResultError,
    NotRegisteredError,
    SelfPodError,
    Status,
    WaitTimeoutError,
    error_class,
    known_status,
)
from ._library import EXPLAIN, Error, Peers, Text, lib
from ._types import ExplainedPod, Explanation, Health, NamedPort, Node, Snapshot
from ._wait import ChangeDescriptor, LoopNotifier

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator

    from ._log import LogForwarder

T = TypeVar("T", bound="ctypes.c_void_p")


def call(function: Callable[..., int], *arguments: Any, raw: bool = False) -> None:
    """Call a function whose last parameter is the error, and raise the error that it stores.

    Args:
        function: A function of the library.
        arguments: Its arguments, except for the error.
        raw: Whether messages keep the words of the library.
    """
    error = Error()
    # Created before the call, so that the error is freed even if a signal handler raises.
    try:
        status = function(*arguments, byref(error))
        if status != Status.OK:
            raise exception(status, error, raw=raw)
    finally:
        if error:
            lib.kubepeers_error_free(error)


def exception(status: int, error: Error, *, raw: bool) -> KubepeersError:
    """Return an exception for an error of the library."""
    message: str = lib.kubepeers_error_message(error).decode()
    manifest: bytes | None = lib.kubepeers_error_manifest(error)
    return error_class(status)(
        message if raw else python_words(message),
        status=known_status(status),
        retryable=lib.kubepeers_error_is_retryable(error) != 0,
        http_status=lib.kubepeers_error_http_status(error),
        manifest=None if manifest is None else manifest.decode(),
    )


@contextlib.contextmanager
def configuration(pairs: Iterable[tuple[str, str]], *, raw: bool) -> Iterator[_library.Config]:
    """Create a configuration of the library, and free it afterwards."""
    config = lib.kubepeers_config_new()
    try:
        for key, value in pairs:
            call(lib.kubepeers_config_set, config, _encoded(key), _encoded(value), raw=raw)
        yield config
    finally:
        lib.kubepeers_config_free(config)


class LibrarySession:
    """A provider of the library, called only with timeouts of 0.

    `_wait.Session` documents the methods.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], *, raw: bool = False) -> None:
        """Validate the configuration and create a provider.

        Args:
            pairs: Keys and values of the library.
            raw: Whether messages keep the words of the library.
        """
        self._raw = raw
        self._pid = os.getpid()
        # A ctypes object, because an int would be converted at every call.
        self.handle = c_uint64()
        #: The last copied snapshot. It is current while the library has the same generation.
        self._snapshot = Snapshot(-1, ())
        self._buffer_size = 4096
        #: The notifiers of the event loops in which tasks wait, by the `id` of the loop. A notifier
        #: keeps its loop alive, so the id is not reused.
        self._notifiers: weakref.WeakValueDictionary[int, LoopNotifier] = (
            weakref.WeakValueDictionary()
        )
        # Held while a call begins, checks or undoes a registration. Reentrant, because a signal
        # handler may do the same in the thread that holds it.
        self._registering = threading.RLock()
        self._registration: object = None
        self.log: LogForwarder | None = None
        self._init(pairs)

    def _init(self, pairs: Iterable[tuple[str, str]]) -> None:
        pairs = list(pairs)
        with configuration(pairs, raw=self._raw) as config:
            self.call(lib.kubepeers_init, config, byref(self.handle))
        if dict(pairs).get("log", "off") != "off":
            from ._log import LogForwarder

            self.log = LogForwarder(self)

    # --- Calls into the library ---

    def call(self, function: Callable[..., int], *arguments: Any) -> None:
        """Call a function whose last parameter is the error, and raise that error."""
        call(function, *arguments, raw=self._raw)

    @contextlib.contextmanager
    def owned(
        self, made: T, free: Callable[[T], None], function: Callable[..., int], *arguments: Any
    ) -> Iterator[T]:
        """Call a function that stores an object, and free the object afterwards."""
        try:
            self.call(function, *arguments, byref(made))
            yield made
        finally:
            free(made)

    def _exception(self, status: int, error: Error) -> KubepeersError:
        return exception(status, error, raw=self._raw)

    def words(self, message: str) -> str:
        """Return a message in the words of this package."""
        return message if self._raw else python_words(message)

    # --- Registration ---

    def register(self) -> object:
        if self.log:
            self.log.start()
        with self._locked():
            is_first = self._registration is None
            try:
                self.call(lib.kubepeers_register, self.handle, 0)
            except KubepeersError:
                raise
            except BaseException:
                # A signal handler raised it, possibly after the library had registered.
                if is_first:
                    with contextlib.suppress(KubepeersError):
                        self.deregister()
                raise
            registration = self._registration = object()
        return registration

    def first_sync(self, registration: object) -> None:
        with self._locked():
            health = self.health()
            if self._registration is not registration:
                raise NotRegisteredError("not registered: deregister was called meanwhile")
        if not health.synced:
            if health.error and not health.error.retryable:
                raise health.error
            raise NoResultError("the pods have not been listed yet", retryable=True)

    def undo(self, registration: object) -> None:
        with self._locked():
            if self._registration is registration:
                with contextlib.suppress(KubepeersError):
                    self.deregister()

    def deregister(self) -> None:
        with self._locked():
            self.call(lib.kubepeers_deregister, self.handle)
            self._registration = None

    def _locked(self) -> contextlib.AbstractContextManager[object]:
        # At a fork, the lock may be held by a thread that does not exist in the child.
        return self._registering if os.getpid() == self._pid else contextlib.nullcontext()

    # --- Peers ---

    def cached(self) -> Snapshot | None:
        snapshot = self._snapshot
        return snapshot if snapshot.generation == lib.kubepeers_generation(self.handle) else None

    def generation(self) -> int:
        generation: int = lib.kubepeers_generation(self.handle)
        return generation

    def current(self) -> Snapshot:
        last = self._snapshot
        while True:
            size, buffer = self._buffer_size, ctypes.create_string_buffer(self._buffer_size)
            length, generation = c_size_t(), c_uint64()
            self.call(
                lib.kubepeers_copy_addresses,
                *(self.handle, max(last.generation, 0), 0),
                *(buffer, size, byref(length), byref(generation)),
            )
            if generation.value == last.generation:
                return last
            if length.value <= size:
                break
            # Twice as much, to leave room for new peers.
            self._buffer_size = 2 * length.value
        snapshot = Snapshot(generation.value, _split(ctypes.string_at(buffer, length.value)))
        # Threads may overwrite it with an older one, which `cached` recognizes by its generation.
        self._snapshot = snapshot
        return snapshot

    def newer_than(self, generation: int) -> Snapshot:
        snapshot = self.current()
        if snapshot.generation <= generation:
            raise WaitTimeoutError(
                f"there is nothing newer than generation {generation}", retryable=True
            )
        return snapshot

    def enough(self, min: int, stable_for: float) -> Snapshot:
        stable_ms = milliseconds(stable_for)
        with self._peers(lib.kubepeers_wait_for_peers, self.handle, min, stable_ms, 0) as peers:
            generation: int = lib.kubepeers_peers_generation(peers)
            # This is nearly always the current list, whose addresses `current` copies in one call.
            with contextlib.suppress(KubepeersError):
                current = self.current()
                if current.generation == generation:
                    return current
            return Snapshot(
                generation,
                tuple(lib.kubepeers_peers_address(peers, i).decode() for i in _indexes(peers)),
            )

    def nodes(self) -> list[Node]:
        with self._peers(lib.kubepeers_discover_peers, self.handle, 0) as peers:
            return [_node(peers, i) for i in _indexes(peers)]

    def self_node(self) -> Node:
        with self._peers(lib.kubepeers_get_self, self.handle, 0) as peers:
            for i in _indexes(peers):
                return _node(peers, i)
        raise SelfPodError("an observer runs in none of the pods: `membership` = `observer`")

    def refresher(self) -> Callable[[], None]:
        request = c_uint64()
        return lambda: self.call(lib.kubepeers_refresh, self.handle, byref(request), 0)

    def _peers(
        self, function: Callable[..., int], *arguments: Any
    ) -> contextlib.AbstractContextManager[Peers]:
        return self.owned(Peers(), lib.kubepeers_peers_free, function, *arguments)

    # --- Reports ---

    def health(self) -> Health:
        with self.owned(
            _library.Health(), lib.kubepeers_health_free, lib.kubepeers_get_health, self.handle
        ) as health:
            age_ms: int = lib.kubepeers_health_age_ms(health)
            # The error belongs to the health record.
            error: Error = lib.kubepeers_health_error(health)
            return Health(
                synced=age_ms >= 0,
                age=age_ms / 1000 if age_ms >= 0 else math.inf,
                stale=lib.kubepeers_health_is_stale(health) != 0,
                watching=lib.kubepeers_health_is_watching(health) != 0,
                polling=lib.kubepeers_health_is_polling(health) != 0,
                error=self._exception(lib.kubepeers_error_status(error), error) if error else None,
                error_class=lib.kubepeers_health_error_class(health).decode(),
            )

    def explain(self) -> Explanation:
        import json

        parsed = json.loads(self._text(lib.kubepeers_explain, self.handle, EXPLAIN["JSON"]))
        return Explanation(
            namespace=parsed["namespace"],
            selector=parsed["selector"],
            self_pod=parsed["self"],
            gate=parsed["gate"],
            pods=tuple(map(_explained, parsed["pods"])),
        )

    def explain_table(self) -> str:
        return self._text(lib.kubepeers_explain, self.handle, EXPLAIN["TABLE"])

    def metrics(self) -> str:
        return self._text(lib.kubepeers_metrics, self.handle)

    def _text(self, function: Callable[..., int], *arguments: Any) -> str:
        with self.owned(Text(), lib.kubepeers_text_free, function, *arguments) as text:
            return ctypes.string_at(text).decode()

    # --- Waiting and closing ---

    def change_descriptor(self) -> ChangeDescriptor:
        fd = c_int()
        self.call(lib.kubepeers_change_fd, self.handle, byref(fd))
        return ChangeDescriptor(fd.value)

    def notifier(self, loop: asyncio.AbstractEventLoop) -> LoopNotifier:
        # Only the waiting tasks keep the notifier alive, so that a loop that is closed while they
        # wait can be collected.
        notifier = self._notifiers.get(id(loop))
        if notifier is None:
            notifier = self._notifiers[id(loop)] = LoopNotifier(self, loop)
        return notifier

    def close(self) -> None:
        self._end()
        if self.log:
            self.log.join()

    async def close_async(self) -> None:
        self._end()
        if self.log:
            await self.log.join_async()

    def _end(self) -> None:
        try:
            if self.log:
                self.log.save()
        finally:
            # Also if Ctrl-C interrupts `save`.
            self.call(lib.kubepeers_close, self.handle)


def _encoded(text: str) -> bytes:
    # Lone surrogates become bytes that are not UTF-8, which the library rejects.
    return text.encode("utf-8", "surrogatepass")


def _split(texts: bytes) -> tuple[str, ...]:
    # Each address ends with a NUL.
    return tuple(texts[:-1].decode().split("\0")) if texts else ()


def _indexes(peers: Peers) -> range:
    return range(lib.kubepeers_peers_len(peers))


def _node(peers: Peers, index: int) -> Node:
    return Node(
        name=lib.kubepeers_peers_name(peers, index).decode(),
        uid=lib.kubepeers_peers_uid(peers, index).decode(),
        host=lib.kubepeers_peers_host(peers, index).decode(),
        discovery_port=lib.kubepeers_peers_discovery_port(peers, index),
        remoting_port=lib.kubepeers_peers_remoting_port(peers, index),
        peers_port=lib.kubepeers_peers_peers_port(peers, index),
        ready=lib.kubepeers_peers_is_ready(peers, index) != 0,
        node_name=lib.kubepeers_peers_node_name(peers, index).decode(),
        revision=lib.kubepeers_peers_revision(peers, index).decode(),
    )


def _explained(pod: dict[str, Any]) -> ExplainedPod:
    # Ignores fields that a newer library has added.
    return ExplainedPod(
        name=pod["name"],
        verdict=pod["verdict"],
        address=pod["address"],
        ips=tuple(pod["ips"]),
        phase=pod["phase"],
        ready=pod["ready"],
        terminating=pod["terminating"],
        node_name=pod["node_name"],
        uid=pod["uid"],
        revision=pod["revision"],
        started=pod["started"],
        ports=tuple(NamedPort(name, number) for name, number in pod["ports"]),
    )
