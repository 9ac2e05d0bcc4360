"""Forks, forgotten providers, and the end of the interpreter."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
from typing import Any

import kubepeers
import pytest
from configuration import Options
from kubepeers import AsyncProvider, ForkedError, KubepeersError, NoResultError, Provider, Status
from program import run, succeeds


def statuses(provider: Provider) -> list[Status]:
    """Return the outcome of every call."""
    found = []
    for verb in (
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
            verb()
            found.append(Status.OK)
        except KubepeersError as e:
            found.append(e.status)
    return found


def in_child(provider: Provider, options: Options, results: Any) -> None:
    results.put(statuses(provider))
    # The child creates its own.
    with Provider(**options) as provider:
        provider.deregister()
        results.put(statuses(provider))


def still_watches(provider: Provider) -> bool:
    try:
        provider.discover_peers()
    except NoResultError:
        return True
    return False


def test_a_child_of_fork_creates_its_own_provider(registered: Provider, options: Options) -> None:
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=in_child, args=(registered, options, results))
    child.start()
    assert set(results.get()) == {Status.FORKED}
    said = results.get()
    # Register, health, metrics, deregister and close succeed. All others need a result.
    assert [said[i] for i in (0, 7, 9, 10, 11)] == [Status.OK] * 5
    assert said.count(Status.NOT_SYNCED) == len(said) - 5
    child.join(60)
    assert child.exitcode == 0
    assert still_watches(registered)


def test_fork_before_register(provider: Provider) -> None:
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            os._exit(7 if set(statuses(provider)) == {Status.FORKED} else 2)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    provider.register()
    assert still_watches(provider)


def test_a_child_cannot_wait_with_its_parent_s_provider(registered: Provider, options: Options) -> None:
    changes = registered.changes()
    async_provider = AsyncProvider(**options)
    asyncio.run(async_provider.register())
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            for wait in (lambda: next(changes), lambda: asyncio.run(async_provider.wait(timeout=60))):
                with pytest.raises(ForkedError):
                    wait()
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_child_may_leave_the_block_it_was_forked_in(options: Options) -> None:
    with Provider(**options) as provider:
        child = os.fork()
        if child == 0:
            try:
                provider.__exit__(None, None, None)
                os._exit(7)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert still_watches(provider)


def test_a_fork_while_another_thread_registers(provider: Provider) -> None:
    # The child does not have the thread that holds the lock.
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
        # Closed before: the finalizer has nothing to do.
        "provider.close()",
        # A daemon thread waits when the interpreter ends.
        """
import threading
def wait():
    try: provider.wait(0, 3600)
    except ClosedError: pass
threading.Thread(target=wait, daemon=True).start()
""",
        # In a cycle that only the collector ends.
        "provider.me = provider",
        # Used by an exit handler, which runs before the provider's.
        "import atexit\natexit.register(provider.close)",
        # The finalizers of a forked child run, and so do those of the parent.
        "import os, sys\nchild = os.fork()\nif child: os.waitpid(child, 0)",
        "import sys\nsys.exit(0)",
    ],
)
def test_the_end_of_the_interpreter(code: str, options: Options) -> None:
    done = run(code, options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("kind", [Provider, AsyncProvider])
@pytest.mark.parametrize("cyclic", [False, True])
def test_a_forgotten_provider_is_closed(options: Options, kind: Any, cyclic: bool) -> None:
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


def test_a_closed_provider_leaves_no_finalizer(registered: Provider) -> None:
    assert registered._finalizer
    registered.close()
    assert not registered._finalizer.alive


def test_a_waiting_provider_is_not_forgotten(options: Options) -> None:
    provider = Provider(**options)
    provider.register()
    wait = provider.wait
    del provider
    gc.collect()
    with pytest.raises(NoResultError):
        wait(0, 0.05)


def test_a_provider_whose_constructor_failed_can_be_collected(options: Options) -> None:
    succeeds("import gc\ntry: new_provider(namespace='')\nexcept ConfigError: pass\ngc.collect()", options)
