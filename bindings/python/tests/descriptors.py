"""Observes the descriptors that waits use."""

from __future__ import annotations

import threading

import pytest
from kubepeers._wait import ChangeDescriptor


class Waiting:
    """All descriptors that are created during a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.descriptors: list[ChangeDescriptor] = []
        #: What was passed to each `wait`.
        self.seconds: list[float | None] = []
        self._created, self._begun = threading.Semaphore(0), threading.Semaphore(0)
        create, wait = ChangeDescriptor.__init__, ChangeDescriptor.wait
        seen: list[ChangeDescriptor] = []

        def created(changes: ChangeDescriptor, fd: int) -> None:
            create(changes, fd)
            self.descriptors.append(changes)
            self._created.release()

        def waited(changes: ChangeDescriptor, seconds: float | None) -> None:
            self.seconds.append(seconds)
            if changes not in seen:
                seen.append(changes)
                self._begun.release()
            wait(changes, seconds)

        monkeypatch.setattr(ChangeDescriptor, "__init__", created)
        monkeypatch.setattr(ChangeDescriptor, "wait", waited)

    def created(self, number: int) -> None:
        """Wait until that many descriptors have been created."""
        for _ in range(number):
            assert self._created.acquire(timeout=60)

    def begun(self, number: int) -> None:
        """Wait until that many threads have begun to wait."""
        for _ in range(number):
            assert self._begun.acquire(timeout=60)

    def is_over(self) -> bool:
        """Return whether there have been descriptors, and all are closed."""
        return bool(self.descriptors) and all(changes.fileno() == -1 for changes in self.descriptors)
