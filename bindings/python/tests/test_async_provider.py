"""`AsyncProvider`, with the event loops of asyncio and of uvloop, without an API server."""

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
from program import succeeds
from waiting import Waiting

AN_HOUR = 3600

Run = Callable[[Coroutine[Any, Any, Any]], Any]

#: Every call that needs a registration.
CALLS: list[Callable[[AsyncProvider], Coroutine[Any, Any, object]]] = [
    AsyncProvider.discover_peers,
    AsyncProvider.snapshot,
    AsyncProvider.nodes,
    AsyncProvider.self_node,
    AsyncProvider.wait,
    lambda provider: next_of(provider.changes()),
    lambda provider: provider.wait_for_peers(0),
    AsyncProvider.refresh,
    AsyncProvider.health,
    AsyncProvider.explain,
    AsyncProvider.explain_table,
    AsyncProvider.metrics,
    AsyncProvider.deregister,
]
#: Those of them that wait, for an hour.
WAITS: list[Callable[[AsyncProvider], Coroutine[Any, Any, object]]] = [
    lambda provider: provider.discover_peers(AN_HOUR),
    lambda provider: provider.snapshot(AN_HOUR),
    lambda provider: provider.nodes(AN_HOUR),
    lambda provider: provider.self_node(AN_HOUR),
    lambda provider: provider.wait(0, AN_HOUR),
    lambda provider: provider.wait_for_peers(1, 1, AN_HOUR),
    lambda provider: provider.refresh(AN_HOUR),
]


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    return Waiting(monkeypatch)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine for at most a minute."""
    loop = request.param()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return loop.run_until_complete(asyncio.wait_for(coroutine, 60))

    yield run
    loop.close()


async def next_of(changes: AsyncIterator[Snapshot]) -> Snapshot:
    return await changes.__anext__()


async def iterate(provider: AsyncProvider) -> list[Snapshot]:
    return [peers async for peers in provider.changes()]


async def started(*coroutines: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    """Return tasks that wait. They have found nothing at the change that comes at the start."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    return tasks


def test_it_has_the_names_of_provider() -> None:
    def public(cls: type) -> dict[str, Any]:
        return {name: value for name, value in inspect.getmembers(cls) if not name.startswith("_")}

    ours, theirs = public(AsyncProvider), public(Provider)
    assert ours.keys() == theirs.keys()
    for name, method in ours.items():
        if inspect.isfunction(method):
            assert inspect.iscoroutinefunction(method) == (name != "changes"), name
            signatures = [inspect.signature(function) for function in (method, theirs[name])]
            assert signatures[0].parameters == signatures[1].parameters
            if name != "changes":
                assert signatures[0].return_annotation == signatures[1].return_annotation


def test_life(options: Options, run: Run) -> None:
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


def test_nothing_waits_with_a_timeout_of_0(options: Options, run: Run, waiting: Waiting) -> None:
    async def main() -> None:
        async with AsyncProvider(**options) as provider:
            for call in (provider.discover_peers, provider.nodes, provider.refresh, provider.self_node):
                with pytest.raises(NoResultError):
                    await call(0)
        assert not waiting.descriptors

    run(main())


@pytest.mark.parametrize("seconds", [-1, float("nan"), "1", True])
def test_an_invalid_timeout_is_refused(options: Options, run: Run, seconds: Any) -> None:
    async def main() -> None:
        provider = AsyncProvider(**options)
        for call in (provider.register, provider.discover_peers, provider.nodes, provider.refresh, provider.self_node):
            with pytest.raises((ValueError, TypeError), match="timeout"):
                await call(seconds)
        with pytest.raises(ValueError, match="after_generation"):
            await provider.wait(-1)
        with pytest.raises(ValueError, match="min"):
            await provider.wait_for_peers(-1)

    run(main())


@pytest.mark.parametrize(
    ("end", "error"), [(AsyncProvider.close, ClosedError), (AsyncProvider.deregister, NotRegisteredError)]
)
def test_the_end_of_the_registration_ends_all_waits(
    options: Options, run: Run, waiting: Waiting, end: Callable[[AsyncProvider], Any], error: type[Exception]
) -> None:
    async def main() -> None:
        async with AsyncProvider(**options) as provider:
            threads = threading.enumerate()
            tasks = await started(*(wait(provider) for wait in WAITS * 5))
            assert threading.enumerate() == threads
            await end(provider)
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(ended, error)

    run(main())
    assert waiting.is_over()
    assert len(waiting.descriptors) == 1


@pytest.mark.parametrize("wait", WAITS)
def test_any_wait_can_be_cancelled(options: Options, run: Run, waiting: Waiting, wait: Callable[..., Any]) -> None:
    async def main() -> None:
        async with AsyncProvider(**options) as provider:
            (task,) = await started(wait(provider))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert waiting.is_over()

    run(main())


def test_another_thread_may_close(options: Options, run: Run) -> None:
    async def main() -> None:
        provider = AsyncProvider(**options)
        await provider.register()
        (task,) = await started(provider.wait(0, AN_HOUR))
        closer = threading.Thread(target=asyncio.run, args=[provider.close()])
        closer.start()
        with pytest.raises(ClosedError):
            await task
        closer.join()

    run(main())


def test_one_provider_serves_several_loops(options: Options, waiting: Waiting) -> None:
    provider = AsyncProvider(**options)
    asyncio.run(provider.register())
    with ThreadPoolExecutor() as pool:
        iterating = [pool.submit(asyncio.run, iterate(provider)) for _ in range(3)]
        waiting.created(3)
        asyncio.run(provider.close())
        assert [future.result(60) for future in iterating] == [[]] * 3
    assert waiting.is_over()
    assert len(waiting.descriptors) == 3


def test_iterating_starts_with_the_current_state_and_ends_with_the_provider(run: Run) -> None:
    async def main() -> None:
        script = [["10.0.0.3:1"], ClosedError("closed")]
        async with AsyncFakeProvider(["10.0.0.2:1"], script=script) as provider:
            changes = provider.changes()
            assert [peers async for peers in changes] == [Snapshot(1, ("10.0.0.2:1",)), Snapshot(2, ("10.0.0.3:1",))]
            # It remains at its end.
            assert [peers async for peers in changes] == []
            with pytest.raises(ClosedError):
                await next_of(provider.changes())

    run(main())


def test_iterating_waits_through_transient_errors_and_raises_permanent_ones(run: Run) -> None:
    async def main() -> None:
        script = [NoResultError("gone", retryable=True), [], NoResultError("may not list"), SelfPodError("no port"), []]
        async with AsyncFakeProvider(None, script=script) as provider:
            changes = provider.changes()
            assert await next_of(changes) == Snapshot(2, ())
            with pytest.raises(NoResultError, match="may not list"):
                await next_of(changes)
            with pytest.raises(SelfPodError):
                await next_of(changes)
            assert await next_of(changes) == Snapshot(3, ())

    run(main())


def test_an_iterator_can_be_used_again_after_it_was_cancelled(run: Run, waiting: Waiting) -> None:
    async def main() -> None:
        async with AsyncFakeProvider([]) as provider:
            changes = provider.changes()
            assert await next_of(changes) == Snapshot(1, ())
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(next_of(changes), 0.05)
            assert waiting.is_over()
            provider.set_peers(["10.0.0.2:1"])
            assert await next_of(changes) == Snapshot(2, ("10.0.0.2:1",))

    run(main())


def test_tasks_that_share_an_iterator_share_the_snapshots(run: Run) -> None:
    async def main() -> None:
        async with AsyncFakeProvider([]) as provider:
            changes = provider.changes()
            assert await next_of(changes) == Snapshot(1, ())
            tasks = await started(*(next_of(changes) for _ in range(3)))
            tasks[0].cancel()
            provider.set_peers(["10.0.0.2:1"])
            done, _ = await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
            assert [task.result() for task in done] == [Snapshot(2, ("10.0.0.2:1",))]
            await provider.close()
            rest = [task for task in tasks[1:] if task not in done]
            for ended in await asyncio.gather(*rest, return_exceptions=True):
                assert isinstance(ended, StopAsyncIteration)

    run(main())


def test_waits_end_in_time(run: Run) -> None:
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
def test_async_with(options: Options, run: Run, seconds: float) -> None:
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
        # What is registered already remains so.
        await (provider := AsyncProvider(**options)).register()
        with pytest.raises(LifecycleError):
            async with provider:
                pytest.fail("entered")
        await provider.health()
        await provider.close()

    run(main())


def test_async_with_closes_if_it_cannot_register(options: Options, run: Run) -> None:
    async def main() -> None:
        provider = AsyncProvider(**{**options, "kubeconfig": "/there is none"})
        with pytest.raises(kubepeers.AccessError):
            async with provider:
                pytest.fail("entered")
        with pytest.raises(ClosedError):
            await provider.health()

    run(main())


def test_a_cancelled_register_is_undone(options: Options, run: Run) -> None:
    async def main() -> None:
        provider = AsyncProvider(**options)
        (task,) = await started(provider.register(AN_HOUR))
        await provider.health()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(NotRegisteredError):
            await provider.health()
        (task,) = await started(provider.register(AN_HOUR))
        await provider.deregister()
        with pytest.raises(NotRegisteredError):
            await task
        await provider.close()

    run(main())


def test_a_cancelled_async_with_closes(options: Options, run: Run) -> None:
    async def main() -> None:
        provider = AsyncProvider(**{**options, "register_timeout": AN_HOUR})
        (task,) = await started(provider.__aenter__())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ClosedError):
            await provider.health()

    run(main())


def test_closing_needs_no_thread(options: Options, run: Run) -> None:
    """All threads of the loop may be busy, or there may be none any more."""
    free = threading.Event()

    async def busy() -> None:
        executor = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(executor)
        async with AsyncProvider(**options, log="debug"):
            executor.submit(free.wait)

    async def shut_down() -> None:
        async with AsyncProvider(**options, log="debug"):
            await asyncio.get_running_loop().shutdown_default_executor()
            raise LookupError

    try:
        run(busy())
    finally:
        free.set()
    with pytest.raises(LookupError):
        run(shut_down())


def test_closing_leaves_the_loop_to_handlers_of_log_records(
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
def test_a_loop_that_is_closed_while_tasks_wait(options: Options, loop: str) -> None:
    program = f"""
import asyncio, gc, logging, os, uvloop, weakref
{loop}.close()
provider.close()
async_provider = AsyncProvider(**options)
asyncio.run(async_provider.register())
before = set(os.listdir("/proc/self/fd"))
# It reports that a task was destroyed.
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
# Another loop may be at the same place in memory.
loop = {loop}
try: loop.run_until_complete(async_provider.wait(timeout=0.05))
except NoResultError: pass
loop.run_until_complete(async_provider.close())
loop.close()
assert set(os.listdir("/proc/self/fd")) <= before
"""
    succeeds(program, options)
