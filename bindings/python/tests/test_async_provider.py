"""`AsyncProvider` with asyncio and uvloop, without an API server. test_cluster.py has one."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kubepeers
import pytest
import uvloop
from configuration import Options
from descriptors import Descriptors
from kubepeers import (
    AsyncProvider,
    ClosedError,
    LifecycleError,
    NoResultError,
    NotRegisteredError,
    Provider,
    SelfPodError,
    Snapshot,
    WaitTimeoutError,
    _log,
)
from kubepeers.testing import AsyncFakeProvider
from program import assert_succeeds

ONE_HOUR_S = 3600

Run = Callable[[Coroutine[Any, Any, Any]], Any]

#: All calls that need a registration.
CALLS: list[Callable[[AsyncProvider], Coroutine[Any, Any, object]]] = [
    AsyncProvider.discover_peers,
    AsyncProvider.snapshot,
    AsyncProvider.nodes,
    AsyncProvider.self_node,
    AsyncProvider.wait,
    lambda provider: next_snapshot(provider.changes()),
    lambda provider: provider.wait_for_peers(0),
    AsyncProvider.refresh,
    AsyncProvider.health,
    AsyncProvider.explain,
    AsyncProvider.explain_table,
    AsyncProvider.metrics,
    AsyncProvider.deregister,
]
#: The calls that wait, with a timeout of one hour.
WAITS: list[Callable[[AsyncProvider], Coroutine[Any, Any, object]]] = [
    lambda provider: provider.discover_peers(ONE_HOUR_S),
    lambda provider: provider.snapshot(ONE_HOUR_S),
    lambda provider: provider.nodes(ONE_HOUR_S),
    lambda provider: provider.self_node(ONE_HOUR_S),
    lambda provider: provider.wait(0, ONE_HOUR_S),
    lambda provider: provider.wait_for_peers(1, 1, ONE_HOUR_S),
    lambda provider: provider.refresh(ONE_HOUR_S),
]


@pytest.fixture
def descriptors(monkeypatch: pytest.MonkeyPatch) -> Descriptors:
    return Descriptors(monkeypatch)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """A function that runs a coroutine for at most a minute."""
    loop = request.param()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return loop.run_until_complete(asyncio.wait_for(coroutine, 60))

    yield run
    loop.close()


async def next_snapshot(changes: AsyncIterator[Snapshot]) -> Snapshot:
    return await changes.__anext__()


async def collect_changes(provider: AsyncProvider) -> list[Snapshot]:
    return [peers async for peers in provider.changes()]


async def start_waiting(*coroutines: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    """Start tasks and return them once they wait.

    They have handled the change that every descriptor reports at the start.
    """
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    return tasks


def test_methods_and_signatures_match_provider() -> None:
    def public(cls: type) -> dict[str, Any]:
        return {name: value for name, value in inspect.getmembers(cls) if not name.startswith("_")}

    async_methods, methods = public(AsyncProvider), public(Provider)
    assert async_methods.keys() == methods.keys()
    for name, method in async_methods.items():
        if inspect.isfunction(method):
            assert inspect.iscoroutinefunction(method) == (name != "changes"), name
            signatures = [inspect.signature(function) for function in (method, methods[name])]
            assert signatures[0].parameters == signatures[1].parameters
            if name != "changes":
                assert signatures[0].return_annotation == signatures[1].return_annotation


def test_calls_fail_before_register_and_after_close(options: Options, run: Run) -> None:
    async def main() -> None:
        provider = AsyncProvider(**options)
        for early in CALLS:
            with pytest.raises(NotRegisteredError):
                await early(provider)
        await provider.register(timeout=0)
        with pytest.raises(LifecycleError):
            await provider.register()
        with pytest.raises(NoResultError):
            await provider.discover_peers(timeout=0)
        assert provider.generation == 0
        assert provider.id == "kubernetes"
        await provider.deregister()
        await provider.register()
        await provider.close()
        await provider.close()
        for late in (AsyncProvider.register, *CALLS):
            with pytest.raises(ClosedError):
                await late(provider)

    run(main())


def test_timeout_of_0_does_not_wait(options: Options, run: Run, descriptors: Descriptors) -> None:
    async def main() -> None:
        async with AsyncProvider(**options) as provider:
            for call in (
                provider.discover_peers,
                provider.nodes,
                provider.refresh,
                provider.self_node,
            ):
                with pytest.raises(NoResultError):
                    await call(0)
        assert not descriptors.all

    run(main())


@pytest.mark.parametrize("seconds", [-1, float("nan"), "1", True])
def test_invalid_arguments_are_rejected(options: Options, run: Run, seconds: Any) -> None:
    async def main() -> None:
        provider = AsyncProvider(**options)
        for call in (
            provider.register,
            provider.discover_peers,
            provider.nodes,
            provider.refresh,
            provider.self_node,
        ):
            with pytest.raises((ValueError, TypeError), match="timeout"):
                await call(seconds)
        with pytest.raises(ValueError, match="after_generation"):
            await provider.wait(-1)
        with pytest.raises(ValueError, match="min"):
            await provider.wait_for_peers(-1)

    run(main())


@pytest.mark.parametrize(
    ("end", "error"),
    [(AsyncProvider.close, ClosedError), (AsyncProvider.deregister, NotRegisteredError)],
)
def test_deregister_and_close_end_all_waits(
    options: Options,
    run: Run,
    descriptors: Descriptors,
    end: Callable[[AsyncProvider], Any],
    error: type[Exception],
) -> None:
    async def main() -> None:
        async with AsyncProvider(**options) as provider:
            threads = threading.enumerate()
            tasks = await start_waiting(*(wait(provider) for wait in WAITS * 5))
            assert threading.enumerate() == threads
            await end(provider)
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(ended, error)

    run(main())
    assert descriptors.are_closed()
    assert len(descriptors.all) == 1


@pytest.mark.parametrize("wait", WAITS)
def test_every_wait_can_be_cancelled(
    options: Options, run: Run, descriptors: Descriptors, wait: Callable[..., Any]
) -> None:
    async def main() -> None:
        async with AsyncProvider(**options) as provider:
            (task,) = await start_waiting(wait(provider))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert descriptors.are_closed()

    run(main())


def test_close_in_another_thread_ends_waits(options: Options, run: Run) -> None:
    async def main() -> None:
        provider = AsyncProvider(**options)
        await provider.register()
        (task,) = await start_waiting(provider.wait(0, ONE_HOUR_S))
        closer = threading.Thread(target=asyncio.run, args=[provider.close()])
        closer.start()
        with pytest.raises(ClosedError):
            await task
        closer.join()

    run(main())


def test_one_provider_works_in_several_loops(options: Options, descriptors: Descriptors) -> None:
    provider = AsyncProvider(**options)
    asyncio.run(provider.register())
    with ThreadPoolExecutor() as pool:
        iterating = [pool.submit(asyncio.run, collect_changes(provider)) for _ in range(3)]
        descriptors.wait_until_opened(3)
        asyncio.run(provider.close())
        assert [future.result(60) for future in iterating] == [[]] * 3
    assert descriptors.are_closed()
    assert len(descriptors.all) == 3


def test_changes_starts_with_the_current_peers_and_ends_at_close(run: Run) -> None:
    async def main() -> None:
        script = [["10.0.0.3:1"], ClosedError("closed")]
        async with AsyncFakeProvider(["10.0.0.2:1"], script=script) as provider:
            changes = provider.changes()
            assert [peers async for peers in changes] == [
                Snapshot(1, ("10.0.0.2:1",)),
                Snapshot(2, ("10.0.0.3:1",)),
            ]
            # An iterator that has ended stays ended.
            assert [peers async for peers in changes] == []
            with pytest.raises(ClosedError):
                await next_snapshot(provider.changes())

    run(main())


def test_changes_waits_through_transient_errors_and_raises_permanent_ones(run: Run) -> None:
    async def main() -> None:
        script = [
            NoResultError("gone", retryable=True),
            [],
            NoResultError("may not list", retryable=False),
            SelfPodError("no port"),
            [],
        ]
        async with AsyncFakeProvider(None, script=script) as provider:
            changes = provider.changes()
            assert await next_snapshot(changes) == Snapshot(2, ())
            with pytest.raises(NoResultError, match="may not list"):
                await next_snapshot(changes)
            with pytest.raises(SelfPodError):
                await next_snapshot(changes)
            assert await next_snapshot(changes) == Snapshot(3, ())

    run(main())


def test_changes_can_be_used_after_a_cancelled_wait(run: Run, descriptors: Descriptors) -> None:
    async def main() -> None:
        async with AsyncFakeProvider([]) as provider:
            changes = provider.changes()
            assert await next_snapshot(changes) == Snapshot(1, ())
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(next_snapshot(changes), 0.05)
            assert descriptors.are_closed()
            provider.set_peers(["10.0.0.2:1"])
            assert await next_snapshot(changes) == Snapshot(2, ("10.0.0.2:1",))

    run(main())


def test_tasks_that_share_an_iterator_get_each_snapshot_once(run: Run) -> None:
    async def main() -> None:
        async with AsyncFakeProvider([]) as provider:
            changes = provider.changes()
            assert await next_snapshot(changes) == Snapshot(1, ())
            tasks = await start_waiting(*(next_snapshot(changes) for _ in range(3)))
            tasks[0].cancel()
            provider.set_peers(["10.0.0.2:1"])
            done, _ = await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
            assert [task.result() for task in done] == [Snapshot(2, ("10.0.0.2:1",))]
            await provider.close()
            rest = [task for task in tasks[1:] if task not in done]
            for ended in await asyncio.gather(*rest, return_exceptions=True):
                assert isinstance(ended, StopAsyncIteration)

    run(main())


def test_waits_raise_timeout_error(run: Run) -> None:
    async def main() -> None:
        async with AsyncFakeProvider(["10.0.0.2:1"]) as provider:
            assert await provider.wait() == Snapshot(1, ("10.0.0.2:1",))
            assert await provider.wait_for_peers(1) == Snapshot(1, ("10.0.0.2:1",))
            with pytest.raises(WaitTimeoutError):
                await provider.wait(1, 0.05)
            with pytest.raises(TimeoutError):
                await provider.wait_for_peers(2, timeout=0.05)

    run(main())


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_async_with_registers_and_closes(options: Options, run: Run, seconds: float) -> None:
    async def main() -> None:
        async with AsyncProvider(**{**options, "register_timeout": seconds}) as provider:
            with pytest.raises(LifecycleError):
                await provider.register()
            assert not (await provider.health()).synced
        with pytest.raises(ClosedError):
            await provider.health()
        with pytest.raises(ClosedError):
            async with provider:
                pytest.fail("entered")
        # `async with` does not close a provider that is already registered.
        await (provider := AsyncProvider(**options)).register()
        with pytest.raises(LifecycleError):
            async with provider:
                pytest.fail("entered")
        await provider.health()
        await provider.close()

    run(main())


def test_async_with_closes_if_register_fails(options: Options, run: Run) -> None:
    async def main() -> None:
        provider = AsyncProvider(**{**options, "kubeconfig": "/there is none"})
        with pytest.raises(kubepeers.AccessError):
            async with provider:
                pytest.fail("entered")
        with pytest.raises(ClosedError):
            await provider.health()

    run(main())


def test_cancelled_register_is_undone(options: Options, run: Run) -> None:
    async def main() -> None:
        provider = AsyncProvider(**options)
        (task,) = await start_waiting(provider.register(ONE_HOUR_S))
        await provider.health()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(NotRegisteredError):
            await provider.health()
        (task,) = await start_waiting(provider.register(ONE_HOUR_S))
        await provider.deregister()
        with pytest.raises(NotRegisteredError):
            await task
        await provider.close()

    run(main())


def test_cancelled_async_with_closes(options: Options, run: Run) -> None:
    async def main() -> None:
        provider = AsyncProvider(**{**options, "register_timeout": ONE_HOUR_S})
        (task,) = await start_waiting(provider.__aenter__())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ClosedError):
            await provider.health()

    run(main())


def test_close_needs_no_thread(options: Options, run: Run) -> None:
    """The threads of the loop may all be busy, or shut down."""
    finished = threading.Event()

    async def close_while_threads_are_busy() -> None:
        executor = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(executor)
        async with AsyncProvider(**options, log="debug"):
            executor.submit(finished.wait)

    async def close_after_threads_are_shut_down() -> None:
        async with AsyncProvider(**options, log="debug"):
            await asyncio.get_running_loop().shutdown_default_executor()
            raise LookupError

    try:
        run(close_while_threads_are_busy())
    finally:
        finished.set()
    with pytest.raises(LookupError):
        run(close_after_threads_are_shut_down())


def test_close_does_not_block_the_loop_while_a_log_handler_needs_it(
    options: Options, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_log, "CLOSE_TIMEOUT_S", 20)
    caplog.set_level(logging.DEBUG, "kubepeers")

    async def main() -> None:
        loop, handled = asyncio.get_running_loop(), threading.Event()

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                loop.call_soon_threadsafe(handled.set)
                handled.wait(60)

        monkeypatch.setattr(_log.logger, "handlers", [Handler()])
        async with AsyncProvider(**options, log="debug"):
            pass
        assert handled.is_set()

    run(main())


@pytest.mark.parametrize("loop", ["asyncio.new_event_loop()", "uvloop.new_event_loop()"])
def test_closed_loop_with_waiting_tasks_leaks_nothing(options: Options, loop: str) -> None:
    program = f"""
import asyncio, gc, logging, os, uvloop, weakref
{loop}.close()
provider.close()
async_provider = AsyncProvider(**options)
asyncio.run(async_provider.register())
before = set(os.listdir("/proc/self/fd"))
# asyncio would log that pending tasks were destroyed.
logging.disable()
loop = {loop}
async def iterate():
    async for peers in async_provider.changes(): pass
tasks = [loop.create_task(async_provider.wait(timeout=3600)), loop.create_task(iterate())]
loop.run_until_complete(asyncio.sleep(0.1))
loop.close()
forgotten = weakref.WeakSet(tasks)
del tasks, loop
gc.collect()
assert not forgotten
# The next loop may have the same address in memory.
loop = {loop}
try: loop.run_until_complete(async_provider.wait(timeout=0.05))
except NoResultError: pass
loop.run_until_complete(async_provider.close())
loop.close()
assert set(os.listdir("/proc/self/fd")) <= before
"""
    assert_succeeds(program, options)
