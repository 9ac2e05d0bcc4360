"""The library's log records, given to `logging`."""

from __future__ import annotations

import collections
import contextlib
import ctypes
import logging
import os
import threading
from ctypes import byref, c_int32, c_int64, c_uint64
from typing import TYPE_CHECKING, NamedTuple

from ._call import given
from ._errors import KubepeersError, NoResourcesError
from ._events import Events
from ._library import LOG, Text, lib

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("kubepeers")

LEVELS = {
    LOG["ERROR"]: logging.ERROR,
    LOG["WARN"]: logging.WARNING,
    LOG["INFO"]: logging.INFO,
    LOG["DEBUG"]: logging.DEBUG,
}


#: Seconds for which `close()` waits at most for handlers.
PATIENCE = 1.0


class Fetched(NamedTuple):
    """A record as the library has it."""

    level: int
    unix_ms: int
    message: str


class Log:
    """Fetches the records of one provider, and gives them to `logging` by a thread.

    Only by that thread: whoever closes the provider may hold a lock that a handler wants, or be the event loop that it
    waits for. And the library does not call Python: that would be fatal at the end of the interpreter.
    """

    def __init__(self, provider: c_uint64) -> None:
        self._provider = provider
        # Again by the same thread: a signal handler, or the collector, may close the provider.
        self._lock = threading.RLock()
        #: Fetched, and not handled yet.
        self._fetched: collections.deque[Fetched] = collections.deque()
        self._thread: threading.Thread | None = None
        #: To be called when the thread ends; None once it has ended.
        self._when_over: list[Callable[[], object]] | None = []
        self._process = os.getpid()

    def start(self) -> None:
        """Start the thread. It keeps neither the provider nor the process alive."""
        events = Events(self._provider)
        try:
            thread = threading.Thread(target=self._follow, args=(events,), name="kubepeers-log", daemon=True)
            thread.start()
        except RuntimeError as e:
            events.close()
            raise NoResourcesError(f"no thread can be had for log records: {e}", retryable=True) from e
        self._thread = thread

    def save(self) -> None:
        """Take what waits in the library, for the thread, before the provider is closed: that would be its end."""
        # The lock of a parent process may be held by a thread that is not here.
        if os.getpid() == self._process:
            with contextlib.suppress(KubepeersError):
                self._fetch()

    def join(self) -> None:
        """Wait for the end of the thread, after the provider was closed. Not for ever: a handler may be stuck."""
        if self._thread and not self.is_over():
            self._thread.join(PATIENCE)

    def when_over(self, call: Callable[[], object]) -> None:
        """Call it when the thread has handled the last record: at once if it has, or was never started."""
        with self._lock:
            if self._when_over is not None and not self.is_over():
                self._when_over.append(call)
                return
        call()

    def is_over(self) -> bool:
        """Say whether the thread has ended, or is the one that asks."""
        thread = self._thread
        return thread is None or thread is threading.current_thread() or not thread.is_alive()

    def _follow(self, events: Events) -> None:
        with events:
            # It ends with ClosedError.
            with contextlib.suppress(KubepeersError):
                while True:
                    events.wait()
                    events.clear()
                    self._fetch()
                    self._give()
            # What was saved.
            self._give()
        with self._lock:
            calls, self._when_over = self._when_over or [], None
        for call in calls:
            # The event loop may be closed by now.
            with contextlib.suppress(RuntimeError):
                call()

    def _fetch(self) -> None:
        # No handler runs under this lock. Held until a record is in its place: it cannot be missed at the end.
        with self._lock:
            while True:
                fetched = _next(self._provider)
                if fetched is None:
                    return
                self._fetched.append(fetched)

    def _give(self) -> None:
        while self._fetched:
            _handle(_record(self._fetched.popleft()))


def _next(provider: c_uint64) -> Fetched | None:
    level, unix_ms = c_int32(), c_int64()
    arguments = (provider, byref(level), byref(unix_ms))
    with given(Text(), lib.kubepeers_text_free, lib.kubepeers_log_next, *arguments) as text:
        return Fetched(level.value, unix_ms.value, ctypes.string_at(text).decode()) if text else None


def _record(fetched: Fetched) -> logging.LogRecord:
    record = logger.makeRecord(logger.name, LEVELS[fetched.level], lib._name, 0, fetched.message, (), None)
    _date(record, fetched.unix_ms)
    return record


def _date(record: logging.LogRecord, unix_ms: int) -> None:
    """Set the moment at which it was made, instead of the one at which it was fetched."""
    created = unix_ms / 1000
    record.relativeCreated += (created - record.created) * 1000
    record.created, record.msecs = created, unix_ms % 1000


def _handle(record: logging.LogRecord) -> None:
    try:
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
    except BaseException:
        # A handler that fails, or that wants to exit: as `logging` itself, tell, and go on.
        with contextlib.suppress(Exception):
            logging.Handler().handleError(record)
