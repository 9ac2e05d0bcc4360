"""The library's log records, given to `logging`."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import threading
from ctypes import byref, c_int32, c_int64, c_uint64

from ._call import given
from ._errors import KubepeersError, NoResourcesError
from ._events import Events
from ._library import LOG, Text, lib

logger = logging.getLogger("kubepeers")

LEVELS = {
    LOG["ERROR"]: logging.ERROR,
    LOG["WARN"]: logging.WARNING,
    LOG["INFO"]: logging.INFO,
    LOG["DEBUG"]: logging.DEBUG,
}


class Log:
    """Fetches the records of one provider: by a thread while it lives, and once more before it is closed.

    The library does not call Python: that would be fatal at the end of the interpreter.
    """

    def __init__(self, provider: c_uint64) -> None:
        self._provider = provider
        # Again by the same thread: a handler may close the provider.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
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

    def finish(self, patience: float = -1) -> None:
        """Give what waits, before the provider is closed: nothing that was recorded before this call is lost.

        Args:
            patience: seconds to wait at most for the thread, which may be in a slow handler; negative for any time.
        """
        # The lock of a parent process may be held by a thread that is not here. So may its handlers' locks be.
        if os.getpid() == self._process:
            with contextlib.suppress(KubepeersError):
                self._give(patience)

    def join(self, patience: float = -1) -> None:
        """Wait for the end of the thread, after the provider was closed."""
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(None if patience < 0 else patience)

    def _follow(self, events: Events) -> None:
        # It ends with ClosedError.
        with events, contextlib.suppress(KubepeersError):
            while True:
                events.wait()
                events.clear()
                self._give()

    def _give(self, patience: float = -1) -> None:
        if not self._lock.acquire(timeout=patience):
            return
        # Held until the last one has been handled: whoever comes next may rely on that.
        try:
            while True:
                record = _next(self._provider)
                if record is None:
                    return
                _handle(record)
        finally:
            self._lock.release()


def _next(provider: c_uint64) -> logging.LogRecord | None:
    level, unix_ms = c_int32(), c_int64()
    arguments = (provider, byref(level), byref(unix_ms))
    with given(Text(), lib.kubepeers_text_free, lib.kubepeers_log_next, *arguments) as text:
        if not text:
            return None
        message = ctypes.string_at(text).decode()
    record = logger.makeRecord(logger.name, LEVELS[level.value], lib._name, 0, message, (), None)
    _date(record, unix_ms.value)
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
    except Exception:
        # A handler that fails: as `logging` itself, tell, and go on.
        logging.Handler().handleError(record)
