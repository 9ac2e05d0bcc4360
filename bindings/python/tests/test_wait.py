"""The wait loops of threads and of tasks, on a fake session without the library."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import select
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from unittest.mock import Mock

import kubepeers
import pytest
import uvloop
from descriptors import Descriptors
from kubepeers import NoResultError, Snapshot, WaitTimeoutError
from kubepeers._wait import ChangeDescriptor, LoopNotifier, wait, wait_async
from kubepeers.testing import FakeProvider, _FakeSession

ONE_HOUR_S = 3600
TRANSIENT = NoResultError("not yet", retryable=True)
PERMANENT = NoResultError("may not list", retryable=False)

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def descriptors(monkeypatch: pytest.MonkeyPatch) -> Descriptors:
    return Descriptors(monkeypatch)


@pytest.fixture
def session() -> _FakeSession:
    """A registered session that is not synced."""
    session = _FakeSession(None, (), None)
    session.register()
    return session


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """A function that runs a coroutine for at most a minute."""
    loop = request.param()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return loop.run_until_complete(asyncio.wait_for(coroutine, 60))

    yield run
    loop.close()


@pytest.fixture(params=["thread", "task"])
def wait_either(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A function that waits in a thread, or one that waits in a task."""
    if request.param == "thread":
        return wait

    def wait_in_task(*arguments: Any, **options: Any) -> Any:
        return asyncio.run(asyncio.wait_for(wait_async(*arguments, **options), 60))

    return wait_in_task


def attempts(*outcomes: Any) -> Mock:
    return Mock(side_effect=outcomes)


def is_readable(changes: ChangeDescriptor) -> bool:
    return bool(select.select([changes], [], [], 0)[0])


def test_wait_that_returns_at_once_opens_no_descriptor(
    session: _FakeSession, descriptors: Descriptors, wait_either: Callable[..., Any]
) -> None:
    assert wait_either(session, attempts(7), ONE_HOUR_S) == 7
    with pytest.raises(NoResultError):
        wait_either(session, attempts(TRANSIENT), 0)
    assert not descriptors.all


def test_change_leads_to_another_attempt(
    session: _FakeSession, descriptors: Descriptors, wait_either: Callable[..., Any]
) -> None:
    outcomes = attempts(
        TRANSIENT, TRANSIENT, WaitTimeoutError("nothing newer", retryable=True), TRANSIENT, 7
    )

    def attempt() -> Any:
        threading.Timer(0.01, session.set_health, [{}]).start()
        return outcomes()

    assert wait_either(session, attempt, ONE_HOUR_S) == 7
    assert descriptors.are_closed()


def test_last_error_is_raised_at_the_timeout(
    session: _FakeSession, descriptors: Descriptors, wait_either: Callable[..., Any]
) -> None:
    with pytest.raises(NoResultError) as raised:
        wait_either(session, session.current, 0.05)
    assert raised.value.retryable
    assert descriptors.are_closed()


def test_without_changes_there_are_few_attempts(
    session: _FakeSession, wait_either: Callable[..., Any]
) -> None:
    attempt = Mock(side_effect=session.current)
    with pytest.raises(NoResultError):
        wait_either(session, attempt, 0.2)
    # One before the descriptor is opened, one after, one because a new descriptor is readable, and
    # one at the timeout.
    assert attempt.call_count <= 4


def test_permanent_errors_end_a_wait_only_with_raise_permanent(
    session: _FakeSession, wait_either: Callable[..., Any]
) -> None:
    session.set_error(PERMANENT)
    attempt = Mock(side_effect=session.current)
    with pytest.raises(NoResultError):
        wait_either(session, attempt, 0.05)
    assert attempt.call_count > 1
    with pytest.raises(NoResultError):
        wait_either(session, session.current, None, raise_permanent=True)
    # The error may become permanent during the wait.
    with pytest.raises(NoResultError, match="may not list"):
        wait_either(session, attempts(TRANSIENT, PERMANENT), None, raise_permanent=True)


@pytest.mark.parametrize(
    ("end", "error"),
    [("close", kubepeers.ClosedError), ("deregister", kubepeers.NotRegisteredError)],
)
def test_deregister_and_close_end_a_wait(
    session: _FakeSession, wait_either: Callable[..., Any], end: str, error: type[BaseException]
) -> None:
    threading.Timer(0.05, getattr(session, end)).start()
    with pytest.raises(error):
        wait_either(session, session.current, ONE_HOUR_S)


def test_other_errors_end_a_wait_and_close_the_descriptor(
    session: _FakeSession, descriptors: Descriptors, wait_either: Callable[..., Any]
) -> None:
    with pytest.raises(LookupError):
        wait_either(session, attempts(TRANSIENT, LookupError()), ONE_HOUR_S)
    assert descriptors.are_closed()


def test_change_during_an_attempt_is_not_lost(
    session: _FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def attempt() -> None:
        session.set_health({})
        raise TRANSIENT

    def report_readable(changes: ChangeDescriptor, _: float | None) -> None:
        raise KeyboardInterrupt(is_readable(changes))

    monkeypatch.setattr(ChangeDescriptor, "wait", report_readable)
    with pytest.raises(KeyboardInterrupt, match="True"):
        wait(session, attempt, ONE_HOUR_S)


def test_timeout_of_poll_is_in_milliseconds_and_bounded(
    session: _FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = Mock()
    monkeypatch.setattr(select, "poll", lambda: poll)
    with session.change_descriptor() as changes:
        for seconds in (0.25, 5, None, 1e9):
            changes.wait(seconds)
    assert [call.args[0] for call in poll.poll.mock_calls] == [250, 5000, None, 2**31 - 1]


def test_wait_without_timeout(session: _FakeSession, descriptors: Descriptors) -> None:
    threading.Timer(0.05, session.set_peers, [[]]).start()
    assert wait(session, session.current, None) == Snapshot(2, ())
    assert set(descriptors.timeouts) == {None}


def test_descriptor_is_closed_once(session: _FakeSession) -> None:
    changes = session.change_descriptor()
    path = f"/proc/self/fd/{changes.fileno()}"
    assert os.path.exists(path)
    changes.close()
    assert changes.fileno() == -1
    changes.close()


def test_garbage_collection_closes_a_descriptor() -> None:
    read, write = os.pipe()
    ChangeDescriptor(read)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(read)
    os.close(write)


def test_clear_without_a_change_does_nothing(session: _FakeSession) -> None:
    with session.change_descriptor() as changes:
        assert is_readable(changes)
        changes.clear()
        changes.clear()
        assert not is_readable(changes)


def test_clear_in_a_child_leaves_the_change_to_its_parent(session: _FakeSession) -> None:
    with session.change_descriptor() as changes:
        child = os.fork()
        if child == 0:
            changes.clear()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert is_readable(changes)


def test_tasks_of_one_loop_share_a_descriptor(
    session: _FakeSession, run: Run, descriptors: Descriptors
) -> None:
    async def main() -> None:
        tasks = [
            asyncio.ensure_future(wait_async(session, session.current, ONE_HOUR_S))
            for _ in range(50)
        ]
        await run_tasks()
        session.set_peers(["10.0.0.2:1"])
        assert await asyncio.gather(*tasks) == [Snapshot(2, ("10.0.0.2:1",))] * 50

    run(main())
    assert descriptors.are_closed()
    assert len(descriptors.all) == 1


async def run_tasks() -> None:
    """Run the other tasks until they wait."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_cancelled_waits_leave_no_threads_and_descriptors(
    session: _FakeSession, run: Run, descriptors: Descriptors
) -> None:
    async def main() -> None:
        threads = threading.enumerate()
        tasks = [
            asyncio.ensure_future(wait_async(session, session.current, ONE_HOUR_S))
            for _ in range(2)
        ]
        await run_tasks()
        assert threading.enumerate() == threads
        number = descriptors.all[0].fileno()
        for task in tasks:
            # The descriptor stays open while another task waits.
            assert not descriptors.are_closed()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        assert descriptors.are_closed()
        assert not asyncio.get_running_loop().remove_reader(number)

    run(main())
    assert not session._notifiers


def test_cancellation_precedes_a_change_in_the_same_iteration_of_the_loop(
    session: _FakeSession, run: Run
) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(wait_async(session, session.current, ONE_HOUR_S))
        await run_tasks()
        session.close()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_timeout_and_change_in_the_same_iteration_of_the_loop(
    session: _FakeSession, run: Run
) -> None:
    errors: list[object] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: errors.append(context))
        for _ in range(10):
            with LoopNotifier(session, loop) as notifier:
                await notifier.wait(0)

    run(main())
    assert not errors


def test_notifier_wakes_all_tasks_and_leaves_no_timer(session: _FakeSession) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with LoopNotifier(session, loop) as notifier:
            await notifier.wait(None)
            tasks = [
                asyncio.ensure_future(notifier.wait(seconds))
                for seconds in (None, ONE_HOUR_S, math.inf)
            ]
            await run_tasks()
            assert not any(task.done() for task in tasks)
            session.set_health({})
            await asyncio.gather(*tasks)
        assert all(timer.cancelled() for timer in loop._scheduled)  # type: ignore[attr-defined]

    asyncio.run(main())


def test_wait_can_be_retried_after_a_descriptor_could_not_be_opened(
    session: _FakeSession, run: Run
) -> None:
    original = session.change_descriptor

    def fail() -> ChangeDescriptor:
        raise kubepeers.KubepeersError("none left", retryable=True)

    session.change_descriptor = fail  # type: ignore[method-assign]
    with pytest.raises(kubepeers.KubepeersError, match="none left"):
        run(wait_async(session, session.current, ONE_HOUR_S))
    session.change_descriptor = original  # type: ignore[method-assign]
    with pytest.raises(NoResultError):
        run(wait_async(session, session.current, 0.05))


def test_interrupted_wait_closes_its_descriptor(
    descriptors: Descriptors, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ChangeDescriptor, "wait", interrupt)
    with contextlib.suppress(KeyboardInterrupt), FakeProvider(None, register_timeout=0) as provider:
        provider.wait(0, math.inf)
    assert descriptors.are_closed()
