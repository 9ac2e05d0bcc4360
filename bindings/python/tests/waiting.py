"""Those who wait for an event: how many there are, and what they leave behind."""

from __future__ import annotations

import threading

import pytest
from kubepeers import Snapshot
from kubepeers._events import Events
from kubepeers._live import Live


class Waiting:
    """Follows every descriptor that is made for waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.descriptors: list[Events] = []
        self._made, self._begun = threading.Semaphore(0), threading.Semaphore(0)
        make, wait = Events.__init__, Events.wait
        waited_before: list[Events] = []

        def made(events: Events, *arguments: object) -> None:
            make(events, *arguments)  # type: ignore[arg-type]
            self.descriptors.append(events)
            self._made.release()

        def waited(events: Events, seconds: float | None = None) -> None:
            if events not in waited_before:
                waited_before.append(events)
                self._begun.release()
            wait(events, seconds)

        monkeypatch.setattr(Events, "__init__", made)
        monkeypatch.setattr(Events, "wait", waited)

    def made(self, number: int) -> None:
        """Return when there have been so many descriptors."""
        for _ in range(number):
            assert self._made.acquire(timeout=60)

    def begun(self, number: int) -> None:
        """Return when so many threads have begun to wait."""
        for _ in range(number):
            assert self._begun.acquire(timeout=60)

    def is_over(self) -> bool:
        """Say whether there have been any, and all are closed."""
        return bool(self.descriptors) and all(events.fileno() == -1 for events in self.descriptors)


class Answers(Live):
    """A provider that answers what it is told, one after the other; exceptions are raised."""

    def __init__(self, live: Live, *answers: Snapshot | BaseException) -> None:
        super().__init__(live.handle)
        self.give(*answers)

    def give(self, *answers: Snapshot | BaseException) -> None:
        """Answer so from now on."""
        self._answers = iter(answers)

    def ask(self, timeout_ms: int) -> Snapshot:
        """Give the next answer."""
        assert timeout_ms == 0
        answer = next(self._answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer
