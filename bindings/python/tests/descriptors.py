"""Records the change descriptors that waits open."""

from __future__ import annotations

import threading

import pytest
from kubepeers._wait import ChangeDescriptor


class Descriptors:
    """All change descriptors that are opened during a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.all: list[ChangeDescriptor] = []
        #: The timeout of each wait, in seconds.
        self.timeouts: list[float | None] = []
        self._opened, self._waiting = threading.Semaphore(0), threading.Semaphore(0)
        original_init, original_wait = ChangeDescriptor.__init__, ChangeDescriptor.wait
        waiting: list[ChangeDescriptor] = []

        def init(changes: ChangeDescriptor, fd: int) -> None:
            original_init(changes, fd)
            self.all.append(changes)
            self._opened.release()

        def wait(changes: ChangeDescriptor, seconds: float | None) -> None:
            self.timeouts.append(seconds)
            if changes not in waiting:
                waiting.append(changes)
                self._waiting.release()
            original_wait(changes, seconds)

        monkeypatch.setattr(ChangeDescriptor, "__init__", init)
        monkeypatch.setattr(ChangeDescriptor, "wait", wait)

    def wait_until_opened(self, count: int) -> None:
        """Wait until `count` more descriptors have been opened."""
        for _ in range(count):
            assert self._opened.acquire(timeout=60)

    def wait_until_waiting(self, count: int) -> None:
        """Wait until `count` more threads wait."""
        for _ in range(count):
            assert self._waiting.acquire(timeout=60)

    def are_closed(self) -> bool:
        """Return whether at least one descriptor was opened and all are closed."""
        return bool(self.all) and all(changes.fileno() == -1 for changes in self.all)
