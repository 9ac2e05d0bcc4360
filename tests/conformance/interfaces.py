"""The two interfaces of the Python package that the probe calls: `Provider` and `AsyncProvider`."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING, Any

from kubepeers import AsyncProvider, ClosedError, KubepeersError, Provider, WaitTimeoutError
from kubepeers._doctor import examine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from kubepeers import Report, Snapshot


# The empty messages stand for "no snapshot in time" and "end of the iteration", which are no errors
# of the package.
def no_snapshot() -> WaitTimeoutError:
    return WaitTimeoutError("", retryable=False)


def end_of_subscription() -> ClosedError:
    return ClosedError("")


class SyncInterface:
    """The methods of `Provider`.

    A thread runs the iterator, so that the probe can wait for a snapshot with a timeout.
    """

    provider_class = Provider

    def __init__(self) -> None:
        self._outcomes: queue.SimpleQueue[Snapshot | KubepeersError] | None = None

    def call(self, provider: Any, method: str, *arguments: Any) -> Any:
        return getattr(provider, method)(*arguments)

    def examine(self, settings: list[tuple[str, str]], timeout: float) -> Report:
        return examine(settings, timeout, raw=True)

    def unwatch(self) -> None:
        # The thread ends when the registration ends.
        self._outcomes = None

    def next(self, provider: Any, timeout: float) -> Snapshot:
        if self._outcomes is None:
            self._outcomes = queue.SimpleQueue()
            threading.Thread(
                target=_forward, args=(provider.changes(), self._outcomes), daemon=True
            ).start()
        try:
            outcome = self._outcomes.get(timeout=timeout)
        except queue.Empty:
            raise no_snapshot() from None
        if isinstance(outcome, KubepeersError):
            self.unwatch()
            raise outcome
        return outcome


def _forward(
    changes: Iterator[Snapshot], outcomes: queue.SimpleQueue[Snapshot | KubepeersError]
) -> None:
    try:
        for snapshot in changes:
            outcomes.put(snapshot)
        outcomes.put(end_of_subscription())
    except KubepeersError as e:
        outcomes.put(e)


class AsyncInterface:
    """The methods of `AsyncProvider`, in an event loop that runs only during commands."""

    provider_class = AsyncProvider

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._changes: AsyncIterator[Snapshot] | None = None

    def call(self, provider: Any, method: str, *arguments: Any) -> Any:
        return self._loop.run_until_complete(getattr(provider, method)(*arguments))

    def examine(self, settings: list[tuple[str, str]], timeout: float) -> Report:
        examining = asyncio.to_thread(examine, settings, timeout, raw=True)
        return self._loop.run_until_complete(examining)

    def unwatch(self) -> None:
        self._changes = None

    def next(self, provider: Any, timeout: float) -> Snapshot:
        try:
            # After a cancelled wait, the iterator can be used again.
            return self._loop.run_until_complete(asyncio.wait_for(self._next(provider), timeout))
        except StopAsyncIteration:
            self.unwatch()
            raise end_of_subscription() from None
        except KubepeersError:
            self.unwatch()
            raise
        except asyncio.TimeoutError:
            raise no_snapshot() from None

    async def _next(self, provider: Any) -> Snapshot:
        if self._changes is None:
            self._changes = provider.changes()
        return await self._changes.__anext__()
