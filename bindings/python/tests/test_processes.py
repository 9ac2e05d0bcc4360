"""Forks, forgotten providers, and the end of the interpreter."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
from typing import Any

import kubepeers
import pytest
from configuration import Options
from kubepeers import KubepeersError, Provider, Status, _library, _provider
from kubepeers._call import call
from program import run


def statuses(provider: Provider) -> list[Status]:
    """Give what every verb says."""
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


def in_child(provider: Provider, results: Any) -> None:
    results.put(statuses(provider))
    # The child makes its own, of the same object.
    provider.init()
    results.put(statuses(provider))


def still_watches(provider: Provider) -> bool:
    try:
        provider.discover_peers()
    except kubepeers.NotSyncedError:
        return True
    return False


def test_fork(registered: Provider) -> None:
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=in_child, args=(registered, results))
    child.start()
    assert set(results.get()) == {Status.FORKED}
    said = results.get()
    # Register, health and metrics, deregister and close; all others want pods that were read.
    assert [said[i] for i in (0, 7, 9, 10, 11)] == [Status.OK] * 5
    assert said.count(Status.NOT_SYNCED) == len(said) - 5
    child.join(60)
    assert child.exitcode == 0
    assert still_watches(registered)


def test_fork_before_register(provider: Provider) -> None:
    provider.init()
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


def test_waiting_by_events_in_a_child(registered: Provider) -> None:
    changes = iter(registered.changes())
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            for wait in (lambda: next(changes), lambda: asyncio.run(registered.wait_async(timeout=0))):
                with pytest.raises(kubepeers.ForkedError):
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


def test_a_fork_during_init(provider: Provider) -> None:
    # As if another thread were inside init().
    with _provider._init_lock:
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            try:
                provider.init()
                os._exit(7)
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


def test_a_forgotten_provider_is_closed(options: Options) -> None:
    for cyclic in (False, True):
        provider = Provider(**options)
        provider.init()
        provider.register()
        handle, finalizer = provider._live.handle, provider._live.finalizer
        assert finalizer
        assert finalizer.alive
        if cyclic:
            provider.me = provider  # type: ignore[attr-defined]
        del provider
        gc.collect()
        with pytest.raises(kubepeers.ClosedError):
            call(_library.lib.kubepeers_deregister, handle)


def test_a_closed_provider_leaves_no_finalizer(registered: Provider) -> None:
    assert registered._live.finalizer
    registered.close()
    assert not registered._live.finalizer.alive


def test_a_waiting_provider_is_not_forgotten(options: Options) -> None:
    provider = Provider(**options)
    provider.init()
    provider.register()
    wait = provider.wait
    del provider
    gc.collect()
    with pytest.raises(kubepeers.NotSyncedError):
        wait(0, 0.05)
