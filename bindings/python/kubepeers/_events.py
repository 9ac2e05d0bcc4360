"""The descriptor that tells when there may be something new."""

from __future__ import annotations

import contextlib
import os
import select
from ctypes import byref, c_int, c_uint64
from typing import TYPE_CHECKING

from ._call import call
from ._library import lib

if TYPE_CHECKING:
    from typing_extensions import Self


class Events:
    """One descriptor, for one that waits. It is readable from the start, and for good once the provider is closed."""

    def __init__(self, provider: c_uint64) -> None:
        fd = c_int()
        call(lib.kubepeers_change_fd, provider, byref(fd))
        # A number, not a socket: the collector would end that before what waits for it, with a warning.
        self._fd = fd.value
        self._process = os.getpid()

    def fileno(self) -> int:
        """Give the descriptor: for event loops. -1 once it is closed."""
        return self._fd

    def clear(self) -> None:
        """Wait for the next event from now on: to be called before one looks at what is new."""
        # What a forked child took would be missing in its parent.
        if os.getpid() == self._process:
            with contextlib.suppress(BlockingIOError):
                os.read(self._fd, 4096)

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the next event, at most so long. Unlike a wait in the library, Ctrl-C interrupts it."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.poll(None if seconds is None else seconds * 1000)

    def close(self) -> None:
        """Give the descriptor back."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
