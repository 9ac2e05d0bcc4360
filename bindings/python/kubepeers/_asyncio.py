"""Waiting in an event loop: no thread is parked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from . import _log
from ._call import call
from ._errors import TimeoutError
from ._events import Events
from ._health import health
from ._library import lib
from ._watch import NOT_YET, Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from ctypes import c_uint64

    from typing_extensions import Self

    from ._live import Live, Snapshot


class Teller:
    """Tells all tasks of one loop that wait for one provider, by one descriptor, that there may be something new.

    The descriptor is there as long as one of them waits.
    """

    def __init__(self, provider: c_uint64, loop: asyncio.AbstractEventLoop) -> None:
        self._provider = provider
        self._loop = loop
        self._tasks = 0
        self._events: Events | None = None
        self._waiting: set[asyncio.Future[None]] = set()

    def __enter__(self) -> Self:
        if self._events is None:
            events = Events(self._provider)
            self._loop.add_reader(events.fileno(), self._tell, events)
            self._events = events
        self._tasks += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._tasks -= 1
        if self._events and not self._tasks:
            self._loop.remove_reader(self._events.fileno())
            self._events.close()
            self._events = None

    async def event(self, seconds: float | None) -> None:
        """Wait for the next event, at most so long (None: for any time)."""
        woken = self._loop.create_future()
        # Less than a millisecond is no time to uvloop.
        timer = None if seconds is None else self._loop.call_later(max(seconds, 0.001), _wake, woken)
        self._waiting.add(woken)
        try:
            await woken
        finally:
            self._waiting.remove(woken)
            if timer:
                timer.cancel()

    def _tell(self, events: Events) -> None:
        # First: what comes from now on is another event. Whoever does not wait just now looks before it waits.
        events.clear()
        for woken in self._waiting:
            _wake(woken)


def _wake(woken: asyncio.Future[None]) -> None:
    # In the same turn of the loop it may have been cancelled, or the time be over.
    if not woken.done():
        woken.set_result(None)


def teller(live: Live) -> Teller:
    """Give the one of the provider and the running loop."""
    loop = asyncio.get_running_loop()
    # Kept alive by those that wait, not by the provider: a loop that is closed under them can be forgotten with them.
    # A number cannot be another loop's meanwhile, as the teller keeps its loop.
    found = live.tellers.get(id(loop))
    if found is None:
        found = live.tellers[id(loop)] = Teller(live.handle, loop)
    return found


async def newer(live: Live, watch: Watch, pause: Callable[[], float | None]) -> Snapshot:
    """Wait for what is new to a watch. `pause` gives the seconds to the next look, None for any time, or raises."""
    # Without a descriptor, if that is enough.
    snapshot = watch.look()
    if snapshot is not None:
        return snapshot
    pause()
    with teller(live) as told:
        while True:
            snapshot = watch.look()
            if snapshot is not None:
                return snapshot
            await told.event(pause())


async def wait(live: Live, after_generation: int, timeout_ms: int) -> Snapshot:
    """Wait for peers newer than a generation."""
    now = asyncio.get_running_loop().time
    deadline = now() + timeout_ms / 1000
    watch = Watch(live, after_generation)

    def pause() -> float:
        left = deadline - now()
        if left <= 0:
            raise watch.error or _timeout(after_generation, timeout_ms)
        return left

    return await newer(live, watch, pause)


async def wait_for_peers(live: Live, least: int, stable_ms: int, timeout_ms: int) -> Snapshot:
    """Wait for enough peers."""
    now = asyncio.get_running_loop().time
    deadline = now() + timeout_ms / 1000
    with teller(live) as told:
        while True:
            try:
                return live.wait(lib.kubepeers_wait_for_peers, least, stable_ms, 0)
            except (*NOT_YET, TimeoutError):
                left = deadline - now()
                if left <= 0:
                    raise
            await told.event(left)


async def register(live: Live, timeout_ms: int) -> None:
    """Register, and wait for the first list. A caller who is cancelled meanwhile closes the provider."""
    call(lib.kubepeers_register, live.handle, 0)
    if not timeout_ms:
        return
    now = asyncio.get_running_loop().time
    deadline = now() + timeout_ms / 1000
    with teller(live) as told:
        while True:
            found = health(live.handle)
            if found.age is None and found.error and not found.error.retryable:
                raise found.error
            left = deadline - now()
            if found.age is not None or left <= 0:
                return
            await told.event(left)


async def close(live: Live) -> None:
    """Close the provider, and wait for handlers as `Live.close()` does, but not in a thread: all may be busy."""
    live.end()
    if live.log:
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        live.log.when_over(lambda: loop.call_soon_threadsafe(_wake, over))
        await asyncio.wait([over], timeout=_log.PATIENCE)


def _timeout(after_generation: int, timeout_ms: int) -> TimeoutError:
    # The library's own words: it was not the one that waited.
    message = f"nothing newer than generation {after_generation} came within {timeout_ms} ms"
    return TimeoutError(message, retryable=True)
