"""Waiting in an event loop: no thread is parked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ._errors import TimeoutError
from ._watch import AGAIN, Watch

if TYPE_CHECKING:
    from ._events import Events
    from ._live import Live, Snapshot


async def event(events: Events, seconds: float | None) -> None:
    """Wait for the next event, at most so long (None: for any time)."""
    loop = asyncio.get_running_loop()
    woken = loop.create_future()
    timer = None if seconds is None else loop.call_later(seconds, _wake, woken)
    fd = events.fileno()
    loop.add_reader(fd, _wake, woken)
    try:
        await woken
    finally:
        loop.remove_reader(fd)
        if timer:
            timer.cancel()


def _wake(woken: asyncio.Future[None]) -> None:
    # In the same turn of the loop it may have been cancelled, or the time be over.
    if not woken.done():
        woken.set_result(None)


async def wait(live: Live, after_generation: int, timeout_ms: int) -> Snapshot:
    """Wait for peers newer than a generation."""
    now = asyncio.get_running_loop().time
    deadline = now() + timeout_ms / 1000
    with Watch(live, after_generation) as watch:
        while True:
            snapshot = watch.look()
            if snapshot:
                return snapshot
            left = deadline - now()
            if left <= 0:
                raise watch.error or _timeout(after_generation, timeout_ms)
            await event(watch.events, min(left, AGAIN if watch.error else left))


def _timeout(after_generation: int, timeout_ms: int) -> TimeoutError:
    # The library's own words: it was not the one that waited.
    message = f"nothing newer than generation {after_generation} came within {timeout_ms} ms"
    return TimeoutError(message, retryable=True)
