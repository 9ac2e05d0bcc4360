"""The peers at each change."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from . import _asyncio
from ._errors import ClosedError
from ._events import Events
from ._watch import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from typing_extensions import Self

    from ._live import Live, Snapshot


class Changes:
    """The peers now, and then at each change, for `for` and for `async for`: see `Provider.changes()`."""

    def __init__(self, live: Callable[[], Live]) -> None:
        self._live = live

    def __iter__(self) -> Iterator[Snapshot]:
        live = self._live()
        with Events(live.handle) as events, contextlib.suppress(ClosedError):
            watch = Watch(live)
            while True:
                # First: what comes while it looks is not missed.
                events.clear()
                snapshot = watch.look()
                if snapshot is not None:
                    yield snapshot
                else:
                    events.wait(watch.pause())

    def __aiter__(self) -> AsyncIterator[Snapshot]:
        return _AsyncIteration(self, self._live())


class _AsyncIteration:
    """Not an async generator: cancelled while it waits it can go on, and several tasks may take turns in it."""

    def __init__(self, changes: Changes, live: Live) -> None:
        # They keep the provider alive, which is closed when it is forgotten.
        self._changes = changes
        self._live = live
        self._watch = Watch(live)
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Snapshot:
        try:
            if not self._over:
                return await _asyncio.newer(self._live, self._watch, self._watch.pause)
        except ClosedError:
            if not self._watch.begun:
                raise
            self._over = True
        raise StopAsyncIteration
