"""Looking for what is new, step by step: what `for`, `async for` and `wait_async()` have in common."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ._errors import KubepeersError, NotSyncedError, SelfNotVisibleError, StaleError

if TYPE_CHECKING:
    from ._live import Live, Snapshot

#: Why there is no answer yet: the library's own calls wait that out.
NOT_YET = (NotSyncedError, SelfNotVisibleError, StaleError)
#: Seconds for which to bear what does not mend itself: an API server that starts forbids what it allows a little later.
PATIENCE = 3.0


class Watch:
    """Looks for peers newer than a generation."""

    def __init__(self, live: Live, after: int = 0) -> None:
        #: Why there is no answer; None if there is one.
        self.error: KubepeersError | None = None
        #: Whether a look has been allowed: the provider was open then.
        self.begun = False
        self._live = live
        self._after = after
        self._hopeless_since: float | None = None

    def look(self) -> Snapshot | None:
        """Give newer peers, each generation once; None if there are none yet."""
        try:
            snapshot = self._live.ask(0)
            self.error = None
        except NOT_YET as e:
            # Without its frames, which refer to this object.
            self.error = e.with_traceback(None)
        self.begun = True
        if self.error or snapshot.generation <= self._after:
            return None
        self._after = snapshot.generation
        return snapshot

    def pause(self) -> float | None:
        """Return the seconds to wait for an event before the next look; None for any time. Raise permanent errors."""
        if self.error is None or self.error.retryable:
            self._hopeless_since = None
            return None
        now = time.monotonic()
        if self._hopeless_since is None:
            self._hopeless_since = now
        left = self._hopeless_since + PATIENCE - now
        if left <= 0:
            raise self.error
        return left
