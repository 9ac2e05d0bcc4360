"""The descriptor that tells when there may be something new."""

from __future__ import annotations

import contextlib
import os
import select
import socket
from ctypes import byref, c_int32, c_uint64
from typing import TYPE_CHECKING

from ._call import call
from ._library import lib

if TYPE_CHECKING:
    from typing_extensions import Self


class Events:
    """One descriptor, for one that waits. It is readable from the start, and for good once the provider is closed."""

    def __init__(self, provider: c_uint64) -> None:
        fd = c_int32()
        call(lib.kubepeers_change_fd, provider, byref(fd))
        self._socket = socket.socket(fileno=fd.value)
        self._process = os.getpid()

    def fileno(self) -> int:
        """Give the descriptor: for event loops."""
        return self._socket.fileno()

    def clear(self) -> None:
        """Wait for the next event from now on: to be called before one looks at what is new."""
        # What a forked child took would be missing in its parent.
        if os.getpid() == self._process:
            with contextlib.suppress(BlockingIOError):
                self._socket.recv(4096)

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the next event, at most so long. Unlike a wait in the library, Ctrl-C interrupts it."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.poll(None if seconds is None else seconds * 1000)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
