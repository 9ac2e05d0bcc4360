"""Waits until it is known how far the requests come."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from kubepeers import KubepeersError
from kubepeers.tool.session import STEP

if TYPE_CHECKING:
    from kubepeers import Health, Provider


class Access:
    """How far the requests have come."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.health: Health = provider.health()
        #: As it was when the last failure was seen; None if there was none, since the pods were
        #: read or at all.
        self.failed: Health | None = None
        self._failed_at: float | None = None
        #: The API server has granted a watch, even if it was cut since.
        self.watched = False
        #: It has answered again since the pods were read and the first failure after that was seen.
        self.answered_again = False

    def look(self) -> None:
        """See what is new."""
        unread, now = not self.health.synced, time.monotonic()
        self.health = self._provider.health()
        self.watched = self.watched or self.health.watching
        if unread and self.health.synced:
            # What went wrong before has fixed itself.
            self.failed = None
        if self.health.error is not None:
            self.failed = self.health
        if not self.health.synced:
            return
        if self._failed_at is None and self.failed is not None:
            # After the look, which may have seen an answer that came before the failure. Ages are
            # whole milliseconds.
            self._failed_at = time.monotonic() + 0.001
            # Does it answer nothing any more, or is it only the watch? Another list tells.
            with contextlib.suppress(KubepeersError):
                self._provider.refresh(timeout=0)
        elif self._failed_at is not None and self.health.age < now - self._failed_at:
            self.answered_again = True

    @property
    def settled(self) -> bool:
        """The pods were read and are watched or polled, or what is wrong does not fix itself."""
        error = self.health.error
        if self.health.synced and (self.watched or self.health.polling):
            return True
        return error is not None and not error.retryable


def wait(provider: Provider, seconds: float) -> Access:
    """Wait until it is settled, or the time is over."""
    deadline = time.monotonic() + seconds
    access = Access(provider)
    while True:
        access.look()
        if access.settled or time.monotonic() >= deadline:
            return access
        time.sleep(STEP)
