"""Forks, signals, garbage collection, and the exit of the interpreter."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import kubepeers
import pytest
from configuration import Options
from kubepeers import AsyncProvider, ForkedError, KubepeersError, NoResultError, Provider, Status
from program import assert_succeeds, run


def statuses(provider: Provider) -> list[Status]:
    """Make every call and return the statuses."""
    found = []
    for call in (
        provider.register,
        provider.discover_peers,
        provider.nodes,
        provider.self_node,
        lambda: provider.wait(0),
        lambda: provider.wait_for_peers(0),
        provider.refresh,
        provider.health,
        provider.explain,
        provider.metrics,
        provider.deregister,
        provider.close,
    ):
        try:
            call()
            found.append(Status.OK)
        except KubepeersError as e:
            found.append(e.status)
    return found


def in_child(provider: Provider, options: Options, results: Any) -> None:
    results.put(statuses(provider))
    # The child creates another provider.
    with Provider(**options) as provider:
        provider.deregister()
        results.put(statuses(provider))


def is_registered(provider: Provider) -> bool:
    """Return whether discover_peers fails only because the API server refuses connections."""
    try:
        provider.discover_peers()
    except NoResultError:
        return True
    return False


def test_child_must_create_its_own_provider(registered: Provider, options: Options) -> None:
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=in_child, args=(registered, options, results))
    child.start()
    assert set(results.get()) == {Status.FORKED}
    found = results.get()
    # register, health, metrics, deregister and close succeed. All others need a result.
    assert [found[i] for i in (0, 7, 9, 10, 11)] == [Status.OK] * 5
    assert found.count(Status.NOT_SYNCED) == len(found) - 5
    child.join(60)
    assert child.exitcode == 0
    assert is_registered(registered)


def test_provider_that_is_not_registered_raises_forked_error_in_a_child(provider: Provider) -> None:
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            os._exit(7 if set(statuses(provider)) == {Status.FORKED} else 2)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    provider.register()
    assert is_registered(provider)


def test_waits_in_a_child_raise_forked_error(registered: Provider, options: Options) -> None:
    changes = registered.changes()
    async_provider = AsyncProvider(**options)
    asyncio.run(async_provider.register())
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            for wait in (
                lambda: next(changes),
                lambda: asyncio.run(async_provider.wait(timeout=60)),
            ):
                with pytest.raises(ForkedError):
                    wait()
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_child_may_leave_the_with_block_of_its_parent(options: Options) -> None:
    with Provider(**options) as provider:
        child = os.fork()
        if child == 0:
            try:
                provider.__exit__(None, None, None)
                os._exit(7)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert is_registered(provider)


def test_fork_during_register_does_not_deadlock_the_child(provider: Provider) -> None:
    # The thread that holds the lock does not exist in the child.
    with provider._session._registering:  # type: ignore[attr-defined]
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            try:
                thread = threading.Thread(target=lambda: statuses(provider))
                thread.start()
                thread.join(60)
                os._exit(2 if thread.is_alive() else 7)
            finally:
                os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@pytest.mark.parametrize(
    "code",
    [
        "",
        # The finalizer of a closed provider has nothing to do.
        "provider.close()",
        # A reference cycle, which only the garbage collector breaks.
        "provider.me = provider",
        # An exit handler that runs before the provider's finalizer.
        "import atexit\natexit.register(provider.close)",
        # The finalizers run in a forked child and in the parent.
        "import os, sys\nchild = os.fork()\nif child: os.waitpid(child, 0)",
        "import sys\nsys.exit(0)",
    ],
)
def test_interpreter_exits_silently(code: str, options: Options) -> None:
    done = run(code, options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("kind", [Provider, AsyncProvider])
@pytest.mark.parametrize("cyclic", [False, True])
def test_garbage_collection_closes_a_provider(options: Options, kind: Any, cyclic: bool) -> None:
    provider = kind(**options)
    session, finalizer = provider._session, provider._finalizer
    session.register()
    assert finalizer.alive
    if cyclic:
        provider.me = provider
    del provider
    gc.collect()
    with pytest.raises(kubepeers.ClosedError):
        session.deregister()


def test_close_removes_the_finalizer(registered: Provider) -> None:
    assert registered._finalizer
    registered.close()
    assert not registered._finalizer.alive


def test_bound_method_keeps_its_provider(options: Options) -> None:
    provider = Provider(**options)
    provider.register()
    wait = provider.wait
    del provider
    gc.collect()
    with pytest.raises(NoResultError):
        wait(0, 0.05)


def test_provider_whose_constructor_failed_can_be_collected(options: Options) -> None:
    assert_succeeds(
        "import gc\ntry: new_provider(namespace='')\nexcept ConfigError: pass\ngc.collect()",
        options,
    )


# --- Exit while calls wait ---

#: How often each variant runs. The processes of one variant run at the same time.
RUNS = 4

#: Starts threads that wait in every call, one that calls all the time, and tasks.
WAITING_PROGRAM = """
import asyncio, logging, sys, threading, time
logging.basicConfig(stream=open("/dev/null", "w"), level=logging.DEBUG)
provider.close()
provider = new_provider(log="debug").__enter__()
def ignoring_errors(call):
    def run():
        try:
            call()
        except KubepeersError: pass
    return run
def discover_all_the_time():
    while True:
        try:
            provider.discover_peers(0)
        except NoResultError: pass
async_provider = AsyncProvider(**{**options, "log": "debug"})
asyncio.run(async_provider.register())
async def iterate():
    async for peers in async_provider.changes(): pass
async def wait_in_tasks_and_exit(delay):
    tasks = [asyncio.create_task(it) for it in (async_provider.wait(0, 3600), iterate())]
    await asyncio.sleep(delay)
    sys.exit()
calls = [
    lambda: provider.wait(0, 3600), lambda: provider.discover_peers(3600), lambda: provider.wait_for_peers(1, 1, 3600),
    lambda: provider.refresh(3600), lambda: list(provider.changes()), lambda: asyncio.run(wait_in_tasks_and_exit(3600)),
    discover_all_the_time,
]
for call in calls:
    threading.Thread(target=ignoring_errors(call), daemon=True).start()
"""


# A hang exceeds the timeout of `run`. Without a delay, the process exits before all calls wait.
@pytest.mark.parametrize("delay", [0, 0.01, 0.02, 0.03, 0.04])
@pytest.mark.parametrize(
    "end", ["time.sleep({delay})", "asyncio.run(wait_in_tasks_and_exit({delay}))"]
)
def test_process_exits_while_calls_wait(options: Options, end: str, delay: float) -> None:
    program = WAITING_PROGRAM + end.format(delay=delay)
    with ThreadPoolExecutor(RUNS) as pool:
        for process in [pool.submit(run, program, options) for _ in range(RUNS)]:
            done = process.result()
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_close_ends_threads_that_python_joins_at_exit(options: Options) -> None:
    assert_succeeds(
        """
import asyncio, threading
async def main():
    with provider:
        threading.Thread(target=lambda: list(provider.changes())).start()
        asyncio.create_task(asyncio.to_thread(list, provider.changes()))
        await asyncio.sleep(0.05)
provider.close()
provider = new_provider()
asyncio.run(main())
""",
        options,
    )


# --- Signals ---

#: Prints when it waits, and when its handler runs. The wait continues afterwards, as in PEP 475.
SIGNAL_PROGRAM = """
import os, signal, sys, time
from kubepeers import *
from kubepeers._wait import ChangeDescriptor
wait = ChangeDescriptor.wait
def wait_and_print(changes, seconds):
    global is_waiting
    if not is_waiting:
        is_waiting = True
        print("waits", flush=True)
    wait(changes, seconds)
ChangeDescriptor.wait = wait_and_print
is_waiting = False
def handle(*_):
    print("handled", flush=True)
    {reaction}
signal.signal(signal.SIGTERM, handle)
signal.signal(signal.SIGINT, signal.default_int_handler)
provider = Provider(**{options!r})
{before}
try:
    {call}
except BaseException as e:
    print("ended by", type(e).__name__, flush=True)
"""

WAITS = {
    "wait": "provider.wait(timeout=60)",
    "wait_for_peers": "provider.wait_for_peers(1, timeout=60)",
    "register": "provider.register(60)",
    "refresh": "provider.refresh(60)",
    "discover_peers": "provider.discover_peers(60)",
    "nodes": "provider.nodes(60)",
    "self_node": "provider.self_node(60)",
    "changes": "next(provider.changes())",
}


class WaitingProcess:
    """A process that waits in a call for a minute."""

    def __init__(self, call: str, reaction: str, options: Options) -> None:
        before = "" if call == "register" else "provider.register(0)"
        code = SIGNAL_PROGRAM.format(
            call=WAITS[call], reaction=reaction, options=options, before=before
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(kubepeers.__file__).parents[1])}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.read_line() == "waits"

    def read_line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize("call", WAITS)
def test_signal_handler_runs_during_a_wait(call: str, options: Options) -> None:
    waiting = WaitingProcess(call, "pass", options)
    try:
        for _ in range(2):
            sent = time.monotonic()
            waiting.process.terminate()
            assert waiting.read_line() == "handled"
            # If the wait delayed the handler, it would run after a minute.
            assert time.monotonic() - sent < 10
        # The wait continues.
        assert waiting.process.poll() is None
        # Ctrl-C ends the wait.
        waiting.process.send_signal(2)
        assert waiting.read_line() == "ended by KeyboardInterrupt"
        assert waiting.process.wait(60) == 0
    finally:
        waiting.kill()


@pytest.mark.parametrize("call", ["wait", "wait_for_peers", "register", "refresh"])
@pytest.mark.parametrize(
    ("reaction", "ends"),
    [("raise SystemExit", "SystemExit"), ("provider.close()", "ClosedError")],
)
def test_signal_handler_may_end_a_wait(
    call: str, reaction: str, ends: str, options: Options
) -> None:
    waiting = WaitingProcess(call, reaction, options)
    try:
        waiting.process.terminate()
        assert waiting.read_line() == "handled"
        assert waiting.read_line() == f"ended by {ends}"
        assert waiting.process.wait(60) == 0
    finally:
        waiting.kill()
