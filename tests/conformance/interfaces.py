"""The two interfaces of the Python package that the probe plays: `Provider` and `AsyncProvider`."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING, Any

from kubepeers import AsyncProvider, ClosedError, KubepeersError, Provider, WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from kubepeers import Snapshot


# There is no message if nothing came, or if a subscription has ended.
def nothing_came() -> WaitTimeoutError:
    return WaitTimeoutError("", retryable=False)


def is_over() -> ClosedError:
    return ClosedError("")


class Threads:
    """`Provider`. Its iterator runs in a thread, so that the probe can ask for the next snapshot with a timeout."""

    kind = Provider

    def __init__(self) -> None:
        self._outcomes: queue.SimpleQueue[Snapshot | KubepeersError] | None = None

    def call(self, provider: Any, method: str, *arguments: Any) -> Any:
        return getattr(provider, method)(*arguments)

    def unwatch(self) -> None:
        # The thread ends with the registration.
        self._outcomes = None

    def next(self, provider: Any, timeout: float) -> Snapshot:
        if self._outcomes is None:
            self._outcomes = queue.SimpleQueue()
            threading.Thread(target=_follow, args=(provider.changes(), self._outcomes), daemon=True).start()
        try:
            outcome = self._outcomes.get(timeout=timeout)
        except queue.Empty:
            raise nothing_came() from None
        if isinstance(outcome, KubepeersError):
            self.unwatch()
            raise outcome
        return outcome


def _follow(changes: Iterator[Snapshot], outcomes: queue.SimpleQueue[Snapshot | KubepeersError]) -> None:
    try:
        for snapshot in changes:
            outcomes.put(snapshot)
        outcomes.put(is_over())
    except KubepeersError as e:
        outcomes.put(e)


class EventLoop:
    """`AsyncProvider`, in an event loop that runs during each command."""

    kind = AsyncProvider

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._changes: AsyncIterator[Snapshot] | None = None

    def call(self, provider: Any, method: str, *arguments: Any) -> Any:
        return self._loop.run_until_complete(getattr(provider, method)(*arguments))

    def unwatch(self) -> None:
        self._changes = None

    def next(self, provider: Any, timeout: float) -> Snapshot:
        try:
            # An iterator can be used again after it was cancelled.
            return self._loop.run_until_complete(asyncio.wait_for(self._next(provider), timeout))
        except StopAsyncIteration:
            self.unwatch()
            raise is_over() from None
        except KubepeersError:
            self.unwatch()
            raise
        except asyncio.TimeoutError:
            raise nothing_came() from None

    async def _next(self, provider: Any) -> Snapshot:
        if self._changes is None:
            self._changes = provider.changes()
        return await self._changes.__anext__()
