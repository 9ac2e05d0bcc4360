"""Forwards the library's log records to `logging`."""

from __future__ import annotations

import collections
import contextlib
import ctypes
import logging
import os
import threading
from ctypes import byref, c_int32, c_int64
from typing import TYPE_CHECKING, NamedTuple

from ._errors import KubepeersError
from ._library import LOG, Text, lib
from ._wait import wake

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._session import LibrarySession
    from ._wait import ChangeDescriptor

logger = logging.getLogger("kubepeers")

LEVELS = {
    LOG["ERROR"]: logging.ERROR,
    LOG["WARN"]: logging.WARNING,
    LOG["INFO"]: logging.INFO,
    LOG["DEBUG"]: logging.DEBUG,
}

#: Seconds for which closing waits for handlers that have not finished.
CLOSE_TIMEOUT_S = 1.0


class Record(NamedTuple):
    """A log record of the library."""

    level: int
    unix_ms: int
    message: str


class LogForwarder:
    """Forwards the log records of one session to `logging`, from the first registration on.

    It calls the handlers in a separate thread, because the thread that closes the provider may hold
    a lock that a handler needs, or run the event loop that a handler waits for.
    """

    def __init__(self, session: LibrarySession) -> None:
        self._session = session
        # Reentrant, because a signal handler or the garbage collector may close the provider in the
        # thread that holds the lock.
        self._lock = threading.RLock()
        #: Records that were fetched but not handled yet.
        self._records: collections.deque[Record] = collections.deque()
        self._thread: threading.Thread | None = None
        #: Functions to call when the thread ends. None once it has ended.
        self._callbacks: list[Callable[[], object]] | None = []
        self._process = os.getpid()

    def start(self) -> None:
        """Start the thread, unless it is running.

        The thread keeps neither the provider nor the process alive.
        """
        if os.getpid() != self._process:
            return
        with self._lock:
            if self._thread:
                return
            changes = self._session.change_descriptor()
            try:
                # An isolated subinterpreter allows no daemon threads.
                thread = threading.Thread(
                    target=self._forward, args=(changes,), name="kubepeers-log", daemon=True
                )
                thread.start()
            except RuntimeError as e:
                changes.close()
                raise KubepeersError(
                    f"cannot start the thread for log records: {e}", retryable=True
                ) from e
            self._thread = thread

    def save(self) -> None:
        """Fetch the remaining records for the thread, because closing the provider drops them."""
        # At a fork, the lock may be held by a thread that does not exist in the child.
        if os.getpid() == self._process:
            with contextlib.suppress(KubepeersError):
                self._fetch()

    def join(self) -> None:
        """Wait until the thread has ended, for at most CLOSE_TIMEOUT_S: a handler may block it."""
        if self._thread and not self._is_over():
            self._thread.join(CLOSE_TIMEOUT_S)

    async def join_async(self) -> None:
        """Do the same as `join` in the event loop.

        It uses no thread of the loop's executor, because all of them may be busy.
        """
        import asyncio

        loop = asyncio.get_running_loop()
        over = loop.create_future()
        self._call_at_end(lambda: loop.call_soon_threadsafe(wake, over))
        await asyncio.wait([over], timeout=CLOSE_TIMEOUT_S)

    def _call_at_end(self, callback: Callable[[], object]) -> None:
        if os.getpid() == self._process:
            with self._lock:
                if self._callbacks is not None and not self._is_over():
                    self._callbacks.append(callback)
                    return
        callback()

    def _is_over(self) -> bool:
        """Return whether the thread has ended, was never started or is the current one."""
        thread = self._thread
        return thread is None or thread is threading.current_thread() or not thread.is_alive()

    def _forward(self, changes: ChangeDescriptor) -> None:
        with changes:
            # ClosedError ends the loop.
            with contextlib.suppress(KubepeersError):
                while True:
                    changes.wait(None)
                    changes.clear()
                    self._fetch()
                    self._handle_all()
            # `save` may have added records.
            self._handle_all()
        with self._lock:
            callbacks, self._callbacks = self._callbacks or [], None
        for callback in callbacks:
            # The event loop may have been closed.
            with contextlib.suppress(RuntimeError):
                callback()

    def _fetch(self) -> None:
        # No handler runs under this lock, so `save` never waits for one.
        with self._lock:
            while True:
                record = self._next()
                if record is None:
                    return
                self._records.append(record)

    def _next(self) -> Record | None:
        level, unix_ms = c_int32(), c_int64()
        arguments = (self._session.handle, byref(level), byref(unix_ms))
        with self._session.owned(
            Text(), lib.kubepeers_text_free, lib.kubepeers_log_next, *arguments
        ) as text:
            return (
                Record(level.value, unix_ms.value, ctypes.string_at(text).decode())
                if text
                else None
            )

    def _handle_all(self) -> None:
        while self._records:
            _handle(_converted(self._records.popleft(), self._session.words))


def _converted(record: Record, words: Callable[[str], str]) -> logging.LogRecord:
    # No line of Python creates the record.
    made = logger.makeRecord(
        logger.name, LEVELS[record.level], lib._name, 0, words(record.message), (), None
    )
    _set_time(made, record.unix_ms)
    return made


def _set_time(record: logging.LogRecord, unix_ms: int) -> None:
    """Set the time at which the library created the record."""
    created = unix_ms / 1000
    record.relativeCreated += (created - record.created) * 1000
    record.created, record.msecs = created, unix_ms % 1000


def _handle(record: logging.LogRecord) -> None:
    try:
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
    except BaseException:
        # A handler failed or tried to exit. Report this like `logging` and continue.
        with contextlib.suppress(Exception):
            logging.Handler().handleError(record)
