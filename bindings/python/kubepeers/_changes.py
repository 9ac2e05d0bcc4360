"""The peers at each change."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from . import _asyncio
from ._errors import ClosedError
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
        with Watch(self._live()) as watch, contextlib.suppress(ClosedError):
            while True:
                snapshot = watch.look()
                if snapshot:
                    yield snapshot
                else:
                    watch.events.wait(watch.pause())

    def __aiter__(self) -> AsyncIterator[Snapshot]:
        return _AsyncIteration(Watch(self._live()))


class _AsyncIteration:
    """Not an async generator: cancelled while it waits it can go on, and its end needs no event loop."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Snapshot:
        try:
            while not self._over:
                snapshot = self._watch.look()
                if snapshot:
                    return snapshot
                await _asyncio.event(self._watch.events, self._watch.pause())
        except BaseException as e:
            # Cancelled, too, nothing is left behind.
            self._watch.close()
            if not isinstance(e, ClosedError):
                raise
            self._over = True
        raise StopAsyncIteration

    def __del__(self) -> None:
        self._watch.close()
