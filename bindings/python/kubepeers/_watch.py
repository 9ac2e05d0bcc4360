"""Waiting by the descriptor, step by step: what `for`, `async for` and `wait_async()` have in common."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ._errors import KubepeersError, NotSyncedError, SelfNotVisibleError, StaleError
from ._events import Events

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._live import Live, Snapshot

#: Seconds after which to look again while there is no answer: the descriptor does not tell every reason for that.
AGAIN = 0.25
#: Seconds for which to bear what does not mend itself: an API server that starts forbids what it allows a little later.
PATIENCE = 3.0


class Watch:
    """Looks for peers newer than a generation."""

    def __init__(self, live: Live, after: int = 0) -> None:
        self._events: Events | None = Events(live.handle)
        #: Why there is no answer; None if there is one.
        self.error: KubepeersError | None = None
        self._live = live
        self._after = after
        self._hopeless_since: float | None = None

    @property
    def events(self) -> Events:
        """What tells when to look again; anew after `close()`."""
        if self._events is None:
            self._events = Events(self._live.handle)
        return self._events

    def look(self) -> Snapshot | None:
        """Give newer peers, each generation once; None if there are none yet."""
        self.events.clear()
        try:
            snapshot = self._live.ask(0)
        except (NotSyncedError, SelfNotVisibleError, StaleError) as e:
            # Without its frames, which refer to this object.
            self.error = e.with_traceback(None)
            return None
        self.error = None
        if snapshot.generation <= self._after:
            return None
        self._after = snapshot.generation
        return snapshot

    def pause(self) -> float | None:
        """Give the seconds to wait for an event before the next look, None for any time. Raise what does not mend."""
        if self.error is None or self.error.retryable:
            self._hopeless_since = None
        elif self._hopeless_since is None:
            self._hopeless_since = time.monotonic()
        elif time.monotonic() - self._hopeless_since > PATIENCE:
            raise self.error
        return AGAIN if self.error else None

    def close(self) -> None:
        """Give the descriptor back."""
        if self._events:
            self._events.close()
        self._events = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
