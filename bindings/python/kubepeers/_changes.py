"""The peers at each change."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from . import _asyncio
from ._errors import ClosedError
from ._watch import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

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

    async def __aiter__(self) -> AsyncIterator[Snapshot]:
        with Watch(self._live()) as watch, contextlib.suppress(ClosedError):
            while True:
                snapshot = watch.look()
                if snapshot:
                    yield snapshot
                else:
                    await _asyncio.event(watch.events, watch.pause())
