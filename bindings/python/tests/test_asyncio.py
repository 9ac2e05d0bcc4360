"""asyncio, with its own event loop and with uvloop, without an API server. With one: test_cluster.py."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import kubepeers
import pytest
import uvloop
from configuration import Options
from kubepeers import KubepeersError, Provider, Snapshot, _asyncio, _log
from kubepeers._events import Events
from program import succeeds
from waiting import Answers, Waiting

AN_HOUR = 3600
NOT_YET = kubepeers.NotSyncedError("not yet", retryable=True)

Run = Callable[[Coroutine[Any, Any, Any]], Any]
Wait = Callable[..., Coroutine[Any, Any, Snapshot]]


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    return Waiting(monkeypatch)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine, for a minute at most."""
    loop = request.param()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return loop.run_until_complete(asyncio.wait_for(coroutine, 60))

    yield run
    loop.close()


async def iterate(provider: Provider) -> list[Snapshot]:
    return [peers async for peers in provider.changes()]


async def started(*coroutines: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    """Give tasks that wait."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    # Each has gone as far as it gets, and found nothing new at the event that comes at the start.
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    return tasks


@pytest.mark.parametrize("wait", [Provider.wait_async, Provider.wait_for_peers_async])
def test_nothing_in_time(registered: Provider, run: Run, waiting: Waiting, wait: Wait) -> None:
    def waits(timeout: float | None) -> None:
        with pytest.raises(kubepeers.NotSyncedError) as raised:
            run(wait(registered, 0, timeout=timeout))
        assert raised.value.retryable is True

    for timeout in (0, None):
        waits(timeout)
    # On a busy machine the time may be over before it has begun to wait.
    longer = 0.3
    while not waiting.descriptors:
        waits(longer)
        longer *= 2
    assert waiting.is_over()


def test_nothing_newer(provider: Provider, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    provider.init()
    monkeypatch.setattr(provider, "_live", Answers(provider._live, *[Snapshot(5, ())] * 100))
    with pytest.raises(kubepeers.TimeoutError, match=r"^nothing newer than generation 5 came within 50 ms$") as raised:
        run(provider.wait_async(5, timeout=0.05))
    assert raised.value.retryable is True


def test_the_default_timeout(options: Options) -> None:
    for configured, timeout in ((0, 0), (250, 250), (None, 3000)):
        provider = Provider(**{**options, "discover_timeout_ms": configured})
        provider.init()
        assert provider._discover_timeout_ms(-1) == timeout
        assert provider._discover_timeout_ms(7) == 7
        provider.close()


def test_a_configuration_that_nothing_has_judged(options: Options, run: Run) -> None:
    provider = Provider(**{**options, "discover_timeout_ms": "soon"})
    with pytest.raises(kubepeers.NotInitializedError):
        run(provider.wait_async())


def test_numbers_are_checked(registered: Provider, run: Run) -> None:
    with pytest.raises(ValueError, match="after_generation"):
        run(registered.wait_async(-1))
    with pytest.raises(ValueError, match="timeout"):
        run(registered.wait_async(timeout=-1))
    with pytest.raises(ValueError, match="min"):
        run(registered.wait_for_peers_async(-1))
    with pytest.raises(ValueError, match="stable_for"):
        run(registered.wait_for_peers_async(1, stable_for=-1))


@pytest.mark.parametrize(
    ("end", "error"),
    [(Provider.close, kubepeers.ClosedError), (Provider.deregister, kubepeers.NotRegisteredError)],
)
def test_a_wait_is_ended(
    registered: Provider, run: Run, end: Callable[[Provider], None], error: type[KubepeersError], waiting: Waiting
) -> None:
    async def main() -> None:
        waits = [registered.wait_async(0, AN_HOUR), registered.wait_for_peers_async(1, timeout=AN_HOUR)]
        waits += [registered.wait_async(timeout=AN_HOUR) for _ in range(50)]
        tasks = await started(*waits)
        end(registered)
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(ended, error)

    run(main())
    assert waiting.is_over()
    # They shared it.
    assert len(waiting.descriptors) == 1


def test_another_thread_may_close(registered: Provider, run: Run) -> None:
    async def main() -> None:
        (task,) = await started(registered.wait_async(timeout=AN_HOUR))
        closer.start()
        with pytest.raises(kubepeers.ClosedError):
            await task

    closer = threading.Thread(target=registered.close)
    run(main())
    closer.join()


def test_close_ends_an_iteration(registered: Provider, run: Run, waiting: Waiting) -> None:
    async def main() -> None:
        tasks = await started(*[iterate(registered) for _ in range(3)])
        tasks += await started(registered.wait_async(timeout=AN_HOUR))
        registered.close()
        assert await asyncio.gather(*tasks[:3]) == [[]] * 3
        with pytest.raises(kubepeers.ClosedError):
            await tasks[3]

    run(main())
    assert waiting.is_over()
    assert len(waiting.descriptors) == 1
    with pytest.raises(kubepeers.ClosedError):
        run(iterate(registered))


def test_tasks_that_share_an_iteration_all_end(registered: Provider, run: Run, waiting: Waiting) -> None:
    async def main() -> None:
        iteration = registered.changes().__aiter__()
        tasks = await started(*[anext_of(iteration) for _ in range(3)])
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        registered.close()
        for ended in await asyncio.gather(*tasks[1:], return_exceptions=True):
            assert isinstance(ended, StopAsyncIteration)

    run(main())
    assert waiting.is_over()


async def anext_of(iteration: AsyncIterator[Snapshot]) -> Snapshot:
    return await iteration.__anext__()


def test_tasks_that_share_an_iteration_share_what_comes(
    registered: Provider, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, *new = (Snapshot(generation, ()) for generation in (1, 2, 3))
    # The first look of each, and again, once the descriptor is there, which is readable from the start.
    monkeypatch.setattr(
        registered, "_live", Answers(registered._live, old, old, old, old, old, *new, *repeat(new[1], 100))
    )

    async def main() -> None:
        iteration = registered.changes().__aiter__()
        assert await iteration.__anext__() == old
        both = await asyncio.gather(*[anext_of(iteration) for _ in range(2)])
        assert sorted(both, key=lambda snapshot: snapshot.generation) == new

    run(main())


def test_each_loop_has_its_own(registered: Provider, waiting: Waiting) -> None:
    with ThreadPoolExecutor() as pool:
        iterating = [pool.submit(asyncio.run, iterate(registered)) for _ in range(3)]
        waiting.made(3)
        registered.close()
        assert [future.result(60) for future in iterating] == [[]] * 3
    assert waiting.is_over()
    assert len(waiting.descriptors) == 3


def test_an_answer_at_once_costs_no_descriptor(
    registered: Provider, run: Run, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registered, "_live", Answers(registered._live, Snapshot(5, ()), Snapshot(5, ())))
    assert run(registered.wait_async()).generation == 5
    with pytest.raises(kubepeers.TimeoutError):
        run(registered.wait_async(5, timeout=0))
    assert not waiting.descriptors


def test_without_descriptors_nothing_is_left(registered: Provider, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise kubepeers.NoResourcesError("none left", retryable=True)

    with monkeypatch.context() as patch:
        patch.setattr(Events, "__init__", fails)
        with pytest.raises(kubepeers.NoResourcesError):
            run(registered.wait_async(timeout=AN_HOUR))
    with pytest.raises(kubepeers.NotSyncedError):
        run(registered.wait_async(timeout=0.05))


def test_no_thread_is_parked(registered: Provider, run: Run) -> None:
    async def main() -> None:
        before = threading.enumerate()
        tasks = await started(
            registered.wait_async(timeout=AN_HOUR),
            registered.wait_for_peers_async(1, timeout=AN_HOUR),
            iterate(registered),
        )
        # One of another test may end meanwhile.
        assert set(threading.enumerate()) <= set(before)
        for task in tasks:
            task.cancel()

    run(main())


def test_cancelling_leaves_nothing(registered: Provider, run: Run, waiting: Waiting) -> None:
    async def main() -> None:
        tasks = await started(registered.wait_async(timeout=AN_HOUR), iterate(registered))
        number = waiting.descriptors[0].fileno()
        for task in tasks:
            # As long as one waits.
            assert not waiting.is_over()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        assert waiting.is_over()
        # The loop has forgotten it.
        assert not asyncio.get_running_loop().remove_reader(number)

    run(main())
    assert not registered._live.tellers


def test_an_event_when_the_time_is_over(provider: Provider, run: Run) -> None:
    wrong = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))
        for _ in range(10):
            with _asyncio.teller(provider._live) as teller:
                await teller.event(0)

    provider.init()
    run(main())
    assert not wrong


def test_an_event_wakes_all(provider: Provider, run: Run) -> None:
    async def main() -> None:
        with _asyncio.teller(provider._live) as teller:
            await teller.event(None)
            tasks = await started(*[teller.event(None) for _ in range(3)])
            provider.register()
            provider.deregister()
            await asyncio.gather(*tasks)

    provider.init()
    run(main())


def test_no_timer_is_left(provider: Provider) -> None:
    async def main() -> None:
        with _asyncio.teller(provider._live) as teller:
            await teller.event(AN_HOUR)
        timers = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        assert all(timer.cancelled() for timer in timers)

    provider.init()
    asyncio.run(main())


def test_a_cancelled_wait_is_not_ended_by_what_comes_then(registered: Provider, run: Run) -> None:
    async def main() -> None:
        (task,) = await started(registered.wait_async(timeout=AN_HOUR))
        # In the same turn of the loop.
        registered.close()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


@pytest.mark.parametrize("timeout_ms", [0, 50])
def test_a_block(options: Options, run: Run, timeout_ms: int) -> None:
    provider = Provider(**{**options, "register_timeout_ms": timeout_ms})

    async def main() -> None:
        async with provider as entered:
            assert entered is provider
            with pytest.raises(kubepeers.AlreadyRegisteredError):
                provider.register()
            assert provider.health().age is None
        with pytest.raises(kubepeers.ClosedError):
            provider.health()

    # And again.
    run(main())
    run(main())


def test_a_block_that_cannot_be_entered(options: Options, run: Run, tmp_path: Path) -> None:
    (tmp_path / "none").write_text("{}")

    async def main(provider: Provider) -> None:
        async with provider:
            pytest.fail("it has been entered")

    with pytest.raises(kubepeers.InvalidConfigError):
        run(main(Provider(**{**options, "namespace": "no/name"})))
    provider = Provider(**{**options, "kubeconfig": tmp_path / "none"})
    with pytest.raises(kubepeers.NoCredentialsError):
        run(main(provider))
    with pytest.raises(kubepeers.ClosedError):
        provider.health()


def test_entering_a_block_may_be_cancelled(options: Options, run: Run) -> None:
    provider = Provider(**{**options, "register_timeout_ms": AN_HOUR * 1000})

    async def main() -> None:
        task = asyncio.ensure_future(provider.__aenter__())
        while not is_registering(provider):
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(kubepeers.ClosedError):
            provider.health()

    run(main())


def is_registering(provider: Provider) -> bool:
    try:
        provider.health()
    except (kubepeers.NotInitializedError, kubepeers.NotRegisteredError):
        return False
    return True


def test_leaving_a_block_ends_what_occupies_every_thread(options: Options, run: Run) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        async with Provider(**options, log="debug") as provider:
            waiting = asyncio.ensure_future(asyncio.to_thread(provider.wait, 0, AN_HOUR))
            await asyncio.sleep(0)
        with pytest.raises(kubepeers.ClosedError):
            await waiting

    run(main())


def test_a_block_needs_no_thread_to_end(options: Options, run: Run) -> None:
    """All are busy, or there are none to be had any more."""
    free = threading.Event()

    async def busy() -> None:
        executor = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(executor)
        async with Provider(**options, log="debug"):
            executor.submit(free.wait)
        patient = Provider(**{**options, "register_timeout_ms": AN_HOUR * 1000}, log="debug")
        entering = asyncio.ensure_future(patient.__aenter__())
        await asyncio.sleep(0.05)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering

    async def shut_down() -> None:
        async with Provider(**options, log="debug"):
            await asyncio.get_running_loop().shutdown_default_executor()
            raise LookupError

    try:
        run(busy())
    finally:
        free.set()
    with pytest.raises(LookupError):
        run(shut_down())


def test_a_block_that_is_not_entered_closes_only_its_own(options: Options, run: Run) -> None:
    provider = Provider(**{**options, "register_timeout_ms": AN_HOUR * 1000})

    async def main() -> None:
        entering = asyncio.ensure_future(provider.__aenter__())
        while not is_registering(provider):
            await asyncio.sleep(0.001)
        provider.close()
        provider.init()
        with pytest.raises(kubepeers.ClosedError):
            await entering
        with pytest.raises(kubepeers.NotRegisteredError):
            provider.health()

    run(main())
    provider.close()


def test_leaving_a_block_leaves_the_loop_to_handlers(
    options: Options, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_log, "PATIENCE", 20)
    caplog.set_level(logging.DEBUG, "kubepeers")

    async def main() -> None:
        loop, handled = asyncio.get_running_loop(), threading.Event()

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                loop.call_soon_threadsafe(handled.set)
                handled.wait(60)

        handler = Handler()
        monkeypatch.setattr(_log.logger, "handlers", [handler])
        async with Provider(**options, log="debug"):
            pass
        assert handled.is_set()

    run(main())


def test_an_iteration(registered: Provider, run: Run, waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Snapshot(1, ("10.0.0.2:1",)), Snapshot(2, ())
    closed = kubepeers.ClosedError("closed")
    monkeypatch.setattr(registered, "_live", Answers(registered._live, NOT_YET, first, NOT_YET, second, closed))
    assert run(iterate(registered)) == [first, second]
    assert waiting.is_over()


def test_leaving_an_iteration_closes_its_descriptor(
    registered: Provider, run: Run, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registered, "_live", Answers(registered._live, *[NOT_YET] * 2, Snapshot(1, ())))

    async def main() -> None:
        async for _ in registered.changes():
            break
        assert waiting.is_over()

    run(main())


def test_a_cancelled_iteration_can_go_on(
    registered: Provider, run: Run, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, closed = Snapshot(1, ("10.0.0.2:1",)), kubepeers.ClosedError("closed")
    # It may be woken without anything new, and asks again.
    answers = Answers(registered._live, *repeat(first, 100))
    monkeypatch.setattr(registered, "_live", answers)

    async def main() -> None:
        iteration = registered.changes().__aiter__()
        assert await iteration.__anext__() == first
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(iteration.__anext__(), 0.05)
        assert waiting.is_over()
        answers.give(closed)
        for _ in range(2):
            with pytest.raises(StopAsyncIteration):
                await iteration.__anext__()

    run(main())


@pytest.mark.parametrize("loop", ["asyncio.new_event_loop()", "uvloop.new_event_loop()"])
def test_a_loop_that_is_closed_under_tasks_that_wait(options: Options, loop: str) -> None:
    program = f"""
import asyncio, gc, logging, os, uvloop, weakref
{loop}.close()
before = set(os.listdir("/proc/self/fd"))
# It says that a task was destroyed.
logging.disable()
loop = {loop}
async def iterate():
    async for peers in provider.changes(): pass
tasks = [loop.create_task(provider.wait_async(timeout=3600)), loop.create_task(iterate())]
loop.run_until_complete(asyncio.sleep(0.1))
loop.close()
forgotten = weakref.WeakSet(tasks)
del tasks, loop
gc.collect()
assert not forgotten
# And others wait, maybe at the same place in memory.
loop = {loop}
try: loop.run_until_complete(provider.wait_async(timeout=0.05))
except NotSyncedError: pass
loop.close()
provider.close()
assert set(os.listdir("/proc/self/fd")) <= before
"""
    succeeds(program, options)
