"""What the Python probe waits by: threads, or asyncio."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING

from kubepeers import ClosedError, KubepeersError, TimeoutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kubepeers import Changes, Provider, Snapshot


# That nothing came is told without a word, as is the end of a subscription: there is nothing to say about either.
def nothing_came() -> TimeoutError:
    return TimeoutError("")


def is_over() -> ClosedError:
    return ClosedError("")


class Threads:
    """What waits, and `for` in a thread, so that the probe may ask for the next state with a timeout."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._told: queue.SimpleQueue[Snapshot | KubepeersError] | None = None

    def wait(self, after: int, timeout: float | None) -> Snapshot:
        return self._provider.wait(after, timeout)

    def settle(self, least: int, stable_for: float, timeout: float | None) -> Snapshot:
        return self._provider.wait_for_peers(least, stable_for, timeout)

    def unwatch(self) -> None:
        # The thread ends with the registration: a `for` has no other end.
        self._told = None

    def next(self, timeout: float) -> Snapshot:
        if self._told is None:
            self._told = queue.SimpleQueue()
            threading.Thread(target=_follow, args=(self._provider.changes(), self._told), daemon=True).start()
        try:
            told = self._told.get(timeout=timeout)
        except queue.Empty:
            raise nothing_came() from None
        if isinstance(told, KubepeersError):
            self.unwatch()
            raise told
        return told


def _follow(changes: Changes, told: queue.SimpleQueue[Snapshot | KubepeersError]) -> None:
    try:
        for snapshot in changes:
            told.put(snapshot)
        told.put(is_over())
    except KubepeersError as e:
        told.put(e)


class EventLoop:
    """What waits in asyncio, and `async for`, step by step."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._loop = asyncio.new_event_loop()
        self._iteration: AsyncIterator[Snapshot] | None = None

    def wait(self, after: int, timeout: float | None) -> Snapshot:
        return self._loop.run_until_complete(self._provider.wait_async(after, timeout))

    def settle(self, least: int, stable_for: float, timeout: float | None) -> Snapshot:
        return self._loop.run_until_complete(self._provider.wait_for_peers_async(least, stable_for, timeout))

    def unwatch(self) -> None:
        self._iteration = None

    def next(self, timeout: float) -> Snapshot:
        try:
            # Cancelled after that time, it can go on.
            return self._loop.run_until_complete(asyncio.wait_for(self._next(), timeout))
        except StopAsyncIteration:
            self.unwatch()
            raise is_over() from None
        except KubepeersError:
            self.unwatch()
            raise
        except asyncio.TimeoutError:
            raise nothing_came() from None

    async def _next(self) -> Snapshot:
        if self._iteration is None:
            self._iteration = self._provider.changes().__aiter__()
        return await self._iteration.__anext__()
