"""The two wait loops, on a fake session. No library is needed."""

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
from kubepeers import NoResultError, Snapshot, WaitTimeoutError
from kubepeers._wait import ChangeDescriptor, LoopNotifier, wait, wait_async
from kubepeers.testing import FakeProvider, _FakeSession
from waiting import Waiting

AN_HOUR = 3600
NOT_YET = NoResultError("not yet", retryable=True)
NEVER = NoResultError("may not list", retryable=False)

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    return Waiting(monkeypatch)


@pytest.fixture
def session() -> _FakeSession:
    """A registered session that is not synced."""
    session = _FakeSession(None, (), None)
    session.register()
    return session


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine for at most a minute."""
    loop = request.param()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return loop.run_until_complete(asyncio.wait_for(coroutine, 60))

    yield run
    loop.close()


@pytest.fixture(params=["thread", "task"])
def wait_either(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Waits in a thread, or in a task."""
    if request.param == "thread":
        return wait

    def wait_in_task(*arguments: Any, **options: Any) -> Any:
        return asyncio.run(asyncio.wait_for(wait_async(*arguments, **options), 60))

    return wait_in_task


def attempts(*outcomes: Any) -> Mock:
    return Mock(side_effect=outcomes)


def is_readable(changes: ChangeDescriptor) -> bool:
    return bool(select.select([changes], [], [], 0)[0])


def test_a_result_at_once_needs_no_descriptor(
    session: _FakeSession, waiting: Waiting, wait_either: Callable[..., Any]
) -> None:
    assert wait_either(session, attempts(7), AN_HOUR) == 7
    with pytest.raises(NoResultError):
        wait_either(session, attempts(NOT_YET), 0)
    assert not waiting.descriptors


def test_a_change_leads_to_another_attempt(
    session: _FakeSession, waiting: Waiting, wait_either: Callable[..., Any]
) -> None:
    outcomes = attempts(NOT_YET, NOT_YET, WaitTimeoutError("nothing newer", retryable=True), NOT_YET, 7)

    def attempt() -> Any:
        threading.Timer(0.01, session.set_health, [{}]).start()
        return outcomes()

    assert wait_either(session, attempt, AN_HOUR) == 7
    assert waiting.is_over()


def test_the_last_error_is_raised_when_the_time_is_over(
    session: _FakeSession, waiting: Waiting, wait_either: Callable[..., Any]
) -> None:
    with pytest.raises(NoResultError) as raised:
        wait_either(session, session.current, 0.05)
    assert raised.value.retryable
    assert waiting.is_over()


def test_without_changes_there_are_few_attempts(session: _FakeSession, wait_either: Callable[..., Any]) -> None:
    attempt = Mock(side_effect=session.current)
    with pytest.raises(NoResultError):
        wait_either(session, attempt, 0.2)
    # One without a descriptor, one with it, one because it is readable at the start, and one when the time is over.
    assert attempt.call_count <= 4


def test_permanent_errors_are_waited_through_unless_they_should_be_raised(
    session: _FakeSession, wait_either: Callable[..., Any]
) -> None:
    session.set_error(NEVER)
    attempt = Mock(side_effect=session.current)
    with pytest.raises(NoResultError):
        wait_either(session, attempt, 0.05)
    assert attempt.call_count > 1
    with pytest.raises(NoResultError):
        wait_either(session, session.current, None, raise_permanent=True)
    # Also if the error becomes permanent later.
    with pytest.raises(NoResultError, match="may not list"):
        wait_either(session, attempts(NOT_YET, NEVER), None, raise_permanent=True)


@pytest.mark.parametrize(
    ("end", "error"),
    [("close", kubepeers.ClosedError), ("deregister", kubepeers.NotRegisteredError)],
)
def test_the_end_of_the_registration_ends_a_wait(
    session: _FakeSession, wait_either: Callable[..., Any], end: str, error: type[BaseException]
) -> None:
    threading.Timer(0.05, getattr(session, end)).start()
    with pytest.raises(error):
        wait_either(session, session.current, AN_HOUR)


def test_other_errors_end_a_wait_and_close_the_descriptor(
    session: _FakeSession, waiting: Waiting, wait_either: Callable[..., Any]
) -> None:
    with pytest.raises(LookupError):
        wait_either(session, attempts(NOT_YET, LookupError()), AN_HOUR)
    assert waiting.is_over()


def test_a_change_during_an_attempt_is_not_lost(session: _FakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt() -> None:
        session.set_health({})
        raise NOT_YET

    def waited(changes: ChangeDescriptor, _: float | None) -> None:
        raise KeyboardInterrupt(is_readable(changes))

    monkeypatch.setattr(ChangeDescriptor, "wait", waited)
    with pytest.raises(KeyboardInterrupt, match="True"):
        wait(session, attempt, AN_HOUR)


def test_the_time_of_a_wait(session: _FakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    poll = Mock()
    monkeypatch.setattr(select, "poll", lambda: poll)
    with session.change_descriptor() as changes:
        for seconds in (0.25, 5, None, 1e9):
            changes.wait(seconds)
    assert [call.args[0] for call in poll.poll.mock_calls] == [250, 5000, None, 2**31 - 1]


def test_a_wait_without_limit(session: _FakeSession, waiting: Waiting) -> None:
    threading.Timer(0.05, session.set_peers, [[]]).start()
    assert wait(session, session.current, None) == Snapshot(2, ())
    assert set(waiting.seconds) == {None}


def test_a_descriptor_is_closed_once(session: _FakeSession) -> None:
    changes = session.change_descriptor()
    path = f"/proc/self/fd/{changes.fileno()}"
    assert os.path.exists(path)
    changes.close()
    assert changes.fileno() == -1
    changes.close()


def test_a_descriptor_that_is_forgotten_is_closed() -> None:
    read, write = os.pipe()
    ChangeDescriptor(read)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(read)
    os.close(write)


def test_there_may_be_nothing_to_clear(session: _FakeSession) -> None:
    with session.change_descriptor() as changes:
        assert is_readable(changes)
        changes.clear()
        changes.clear()
        assert not is_readable(changes)


def test_a_child_takes_no_change_of_its_parent(session: _FakeSession) -> None:
    with session.change_descriptor() as changes:
        child = os.fork()
        if child == 0:
            changes.clear()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert is_readable(changes)


def test_tasks_of_one_loop_share_a_descriptor(session: _FakeSession, run: Run, waiting: Waiting) -> None:
    async def main() -> None:
        tasks = [asyncio.ensure_future(wait_async(session, session.current, AN_HOUR)) for _ in range(50)]
        await turns()
        session.set_peers(["10.0.0.2:1"])
        assert await asyncio.gather(*tasks) == [Snapshot(2, ("10.0.0.2:1",))] * 50

    run(main())
    assert waiting.is_over()
    assert len(waiting.descriptors) == 1


async def turns() -> None:
    """Let tasks go as far as they can."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_cancelling_leaves_nothing(session: _FakeSession, run: Run, waiting: Waiting) -> None:
    async def main() -> None:
        threads = threading.enumerate()
        tasks = [asyncio.ensure_future(wait_async(session, session.current, AN_HOUR)) for _ in range(2)]
        await turns()
        assert threading.enumerate() == threads
        number = waiting.descriptors[0].fileno()
        for task in tasks:
            # As long as another task waits.
            assert not waiting.is_over()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        assert waiting.is_over()
        assert not asyncio.get_running_loop().remove_reader(number)

    run(main())
    assert not session._notifiers


def test_a_cancelled_wait_is_not_ended_by_a_change_in_the_same_turn(session: _FakeSession, run: Run) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(wait_async(session, session.current, AN_HOUR))
        await turns()
        session.close()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_a_notifier_whose_time_is_over_in_the_turn_of_a_change(session: _FakeSession, run: Run) -> None:
    wrong: list[object] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: wrong.append(context))
        for _ in range(10):
            with LoopNotifier(session, loop) as notifier:
                await notifier.wait(0)

    run(main())
    assert not wrong


def test_a_notifier_wakes_all_tasks_and_leaves_no_timer(session: _FakeSession) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with LoopNotifier(session, loop) as notifier:
            await notifier.wait(None)
            tasks = [asyncio.ensure_future(notifier.wait(seconds)) for seconds in (None, AN_HOUR, math.inf)]
            await turns()
            assert not any(task.done() for task in tasks)
            session.set_health({})
            await asyncio.gather(*tasks)
        assert all(timer.cancelled() for timer in loop._scheduled)  # type: ignore[attr-defined]

    asyncio.run(main())


def test_a_descriptor_that_cannot_be_had_leaves_nothing(session: _FakeSession, run: Run) -> None:
    original = session.change_descriptor

    def fails() -> ChangeDescriptor:
        raise kubepeers.KubepeersError("none left", retryable=True)

    session.change_descriptor = fails  # type: ignore[method-assign]
    with pytest.raises(kubepeers.KubepeersError, match="none left"):
        run(wait_async(session, session.current, AN_HOUR))
    session.change_descriptor = original  # type: ignore[method-assign]
    with pytest.raises(NoResultError):
        run(wait_async(session, session.current, 0.05))


def test_an_interrupted_wait_closes_its_descriptor(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ChangeDescriptor, "wait", interrupted)
    with contextlib.suppress(KeyboardInterrupt), FakeProvider(None, register_timeout=0) as provider:
        provider.wait(0, math.inf)
    assert waiting.is_over()
