"""Waits for changes: one loop for threads, and one for asyncio.

Both wait for a change descriptor of the library, and call the library only with a timeout of 0. No
thread is therefore blocked inside the library, and Python's signal handlers run at once.
"""

from __future__ import annotations

import os
import select
import time

from ._errors import NoResultError, WaitTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Protocol, TypeVar

    from typing_extensions import Self

    from ._errors import KubepeersError
    from ._types import Explanation, Health, Node, Snapshot

    T = TypeVar("T")

    class Session(Protocol):
        """A provider whose methods return at once. Any number of threads may use it."""

        def cached(self) -> Snapshot | None:
            """Return the current peers if no call that can fail is needed."""

        def current(self) -> Snapshot:
            """Return the current peers."""

        def newer_than(self, generation: int) -> Snapshot:
            """Return the current peers if their generation is above `generation`."""

        def enough(self, min: int, stable_for: float) -> Snapshot:
            """Return the current peers if there are enough and they are stable."""

        def nodes(self) -> list[Node]:
            """Return the records of the current peers."""

        def self_node(self) -> Node:
            """Return the record of this pod."""

        def refresher(self) -> Callable[[], None]:
            """Return a function that requests a list once, and fails until it has arrived."""

        def generation(self) -> int:
            """Return the generation of the current peers, or 0 without a result."""

        def health(self) -> Health:
            """Return how reliable the results are."""

        def explain(self) -> Explanation:
            """Return every pod with its verdict."""

        def explain_table(self) -> str:
            """Return the explanation as a table."""

        def metrics(self) -> str:
            """Return the metrics."""

        def register(self) -> object:
            """Register, and return the registration."""

        def first_sync(self, registration: object) -> None:
            """Fail until the pods have been listed."""

        def undo(self, registration: object) -> None:
            """Deregister, unless the registration has been replaced."""

        def deregister(self) -> None:
            """Deregister."""

        def close(self) -> None:
            """Close, and wait for handlers of log records."""

        async def close_async(self) -> None:
            """Close, and wait for handlers of log records without blocking the loop."""

        def change_descriptor(self) -> ChangeDescriptor:
            """Return a new change descriptor."""

        def notifier(self, loop: asyncio.AbstractEventLoop) -> LoopNotifier:
            """Return the notifier of the loop."""


#: The errors that end a wait only when its timeout expires. The library waits through the same
#: statuses.
TRANSIENT = (NoResultError, WaitTimeoutError)


def wait(
    session: Session,
    attempt: Callable[[], T],
    timeout: float | None,
    *,
    raise_permanent: bool = False,
) -> T:
    """Call `attempt` at every change until it succeeds, and return its result.

    Args:
        session: The session that `attempt` uses.
        attempt: A call that does not wait.
        timeout: Seconds after which the last error is raised. None means no limit.
        raise_permanent: Whether to raise errors that are not retryable at once.
    """
    try:
        return attempt()
    except TRANSIENT as e:
        if timeout == 0 or _is_final(e, raise_permanent):
            raise
    deadline = None if timeout is None else time.monotonic() + timeout
    with session.change_descriptor() as changes:
        while True:
            # Cleared before the attempt, so that a change during the attempt is not lost.
            changes.clear()
            try:
                return attempt()
            except TRANSIENT as e:
                left = None if deadline is None else deadline - time.monotonic()
                if (left is not None and left <= 0) or _is_final(e, raise_permanent):
                    raise
            changes.wait(left)


async def wait_async(
    session: Session,
    attempt: Callable[[], T],
    timeout: float | None,
    *,
    raise_permanent: bool = False,
) -> T:
    """Do the same as `wait`, in the running event loop."""
    try:
        return attempt()
    except TRANSIENT as e:
        if timeout == 0 or _is_final(e, raise_permanent):
            raise
    from asyncio import get_running_loop

    loop = get_running_loop()
    deadline = None if timeout is None else loop.time() + timeout
    with session.notifier(loop) as notifier:
        while True:
            try:
                return attempt()
            except TRANSIENT as e:
                left = None if deadline is None else deadline - loop.time()
                if (left is not None and left <= 0) or _is_final(e, raise_permanent):
                    raise
            # No change is lost: until here the loop could not run `_notify`.
            await notifier.wait(left)


def _is_final(error: KubepeersError, raise_permanent: bool) -> bool:
    return raise_permanent and not error.retryable


class ChangeDescriptor:
    """A descriptor that is readable when a call may have a new outcome. It must be closed.

    It is readable at the start. Once the provider is closed, it stays readable.
    """

    _fd = -1

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._process = os.getpid()

    def fileno(self) -> int:
        """Return the descriptor, or -1 once it is closed."""
        return self._fd

    def clear(self) -> None:
        """Make the descriptor unreadable until the next change."""
        # A read in a child process would take the change away from the parent.
        if os.getpid() != self._process:
            return
        try:
            os.read(self._fd, 4096)
        except BlockingIOError:
            return  # There is no change.

    def wait(self, seconds: float | None) -> None:
        """Wait for the next change, for at most `seconds`. Signal handlers run meanwhile."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        # poll takes milliseconds, as an int of C.
        poll.poll(None if seconds is None else min(seconds * 1000, 2**31 - 1))

    def close(self) -> None:
        """Close the descriptor. Closing it again has no effect."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # If an event loop is closed while tasks wait, their waits never end.
        self.close()


class LoopNotifier:
    """Wakes all tasks of an event loop that wait for one provider.

    It has a descriptor only while a task waits.
    """

    def __init__(self, session: Session, loop: asyncio.AbstractEventLoop) -> None:
        self._session = session
        self._loop = loop
        self._tasks = 0
        self._changes: ChangeDescriptor | None = None
        self._waiters: set[asyncio.Future[None]] = set()

    def __enter__(self) -> Self:
        if self._changes is None:
            changes = self._session.change_descriptor()
            self._loop.add_reader(changes.fileno(), self._notify, changes)
            self._changes = changes
        self._tasks += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._tasks -= 1
        if self._changes and not self._tasks:
            # If the loop was closed while tasks waited, the garbage collector may have closed the
            # descriptor.
            if self._changes.fileno() >= 0:
                self._loop.remove_reader(self._changes.fileno())
            self._changes.close()
            self._changes = None

    async def wait(self, seconds: float | None) -> None:
        """Wait for the next change, for at most `seconds`."""
        waiter = self._loop.create_future()
        # call_later rejects infinity.
        timer = (
            None if seconds is None else self._loop.call_later(min(seconds, 2**31), wake, waiter)
        )
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)
            if timer:
                timer.cancel()

    def _notify(self, changes: ChangeDescriptor) -> None:
        # Cleared before the tasks' attempts, so that a change during them is not lost.
        changes.clear()
        for waiter in self._waiters:
            wake(waiter)


def wake(waiter: asyncio.Future[None]) -> None:
    """Wake a task, unless it was cancelled or woken in the same iteration of the loop."""
    if not waiter.done():
        waiter.set_result(None)
