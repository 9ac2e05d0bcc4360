"""Iteration over changes, without an API server. With one: test_cluster.py."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import weakref
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import kubepeers
import pytest
from configuration import Options
from kubepeers import Provider, Snapshot, _watch
from kubepeers._events import Events
from kubepeers._live import Live
from kubepeers._watch import PATIENCE, Watch
from program import run
from waiting import Answers, Waiting

NOT_SYNCED = kubepeers.NotSyncedError("not yet", retryable=True)
FORBIDDEN = kubepeers.NotSyncedError("may not list")


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    return Waiting(monkeypatch)


def is_readable(events: Events) -> bool:
    return bool(select.select([events], [], [], 0)[0])


def test_events(provider: Provider) -> None:
    provider.init()
    with Events(provider._handle) as events:
        assert is_readable(events)
        events.clear()
        assert not is_readable(events)
        # There may be nothing to clear.
        events.clear()
        provider.register()
        provider.deregister()
        events.wait()
        events.clear()
        provider.close()
        for _ in range(3):
            events.wait()
            events.clear()


def test_a_wait_for_events_ends_in_time(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    poll = Mock()
    monkeypatch.setattr(select, "poll", lambda: poll)
    provider.init()
    with Events(provider._handle) as events:
        for seconds in (0.25, 5, None):
            events.wait(seconds)
    assert [call.args[0] for call in poll.poll.mock_calls] == [250, 5000, None]


def test_descriptors_are_closed(provider: Provider) -> None:
    provider.init()
    with Events(provider._handle) as events:
        path = f"/proc/self/fd/{events.fileno()}"
        socket = os.readlink(path)
    # The number may be another's by now, and gone in the next moment.
    with contextlib.suppress(FileNotFoundError):
        assert os.readlink(path) != socket


def test_close_ends_an_iteration(registered: Provider, waiting: Waiting) -> None:
    with ThreadPoolExecutor() as pool:
        iterating = [pool.submit(list, registered.changes()) for _ in range(3)]
        waiting.begun(3)
        registered.close()
        assert [future.result(60) for future in iterating] == [[]] * 3
    assert waiting.is_over()


def test_what_was_closed_before_cannot_be_gone_through(registered: Provider) -> None:
    changes = registered.changes()
    registered.close()
    with pytest.raises(kubepeers.ClosedError):
        next(iter(changes))


def test_deregister_is_raised(registered: Provider, waiting: Waiting) -> None:
    with ThreadPoolExecutor() as pool:
        iterating = pool.submit(list, registered.changes())
        waiting.begun(1)
        registered.deregister()
        assert isinstance(iterating.exception(60), kubepeers.NotRegisteredError)
    assert waiting.is_over()


def test_lifecycle_errors_are_raised(provider: Provider) -> None:
    with pytest.raises(kubepeers.NotInitializedError):
        next(iter(provider.changes()))
    provider.init()
    with pytest.raises(kubepeers.NotRegisteredError):
        next(iter(provider.changes()))


def test_each_generation_is_given_once(registered: Provider) -> None:
    first, second, third = (Snapshot(generation, ()) for generation in (5, 6, 7))
    watch = Watch(Answers(registered._live, first, first, third, second, third), 4)
    assert [watch.look() for _ in range(5)] == [first, None, third, None, None]


def test_an_iteration_goes_on_through_what_mends_itself(registered: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Snapshot(1, ("10.0.0.2:1",)), Snapshot(2, ())
    gone = kubepeers.SelfNotVisibleError("gone", retryable=True)
    old = kubepeers.StaleError("too old", retryable=True)
    live = Answers(registered._live, NOT_SYNCED, FORBIDDEN, first, gone, old, second, kubepeers.ClosedError("closed"))
    monkeypatch.setattr(registered, "_live", live)
    pauses = []
    monkeypatch.setattr(Events, "wait", lambda _, seconds: pauses.append(seconds))
    assert list(registered.changes()) == [first, second]
    # Events tell of all the rest. That an error is permanent is known after a while without one.
    assert [pause is None for pause in pauses] == [True, False, True, True]


def test_what_does_not_mend_itself_is_raised_in_the_end(registered: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [FORBIDDEN, NOT_SYNCED, FORBIDDEN, Snapshot(1, ()), FORBIDDEN, FORBIDDEN]
    watch = Watch(Answers(registered._live, *answers))
    clock = Mock()
    monkeypatch.setattr(_watch, "time", clock)
    # Something else in between: it may have recovered.
    for second, pause in enumerate((PATIENCE, None, PATIENCE, None, PATIENCE, PATIENCE - 1)):
        clock.monotonic.return_value = second
        watch.look()
        assert watch.pause() == pause
    clock.monotonic.return_value = 4 + PATIENCE
    with pytest.raises(kubepeers.NotSyncedError, match="may not list"):
        watch.pause()


def test_what_comes_while_one_looks_is_not_missed(registered: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Live.ask

    def asked(live: Live, timeout_ms: int) -> Snapshot:
        try:
            return ask(live, timeout_ms)
        finally:
            # An event.
            registered.deregister()

    def waited(events: Events, _: float) -> None:
        raise KeyboardInterrupt(is_readable(events))

    monkeypatch.setattr(Live, "ask", asked)
    monkeypatch.setattr(Events, "wait", waited)
    with pytest.raises(KeyboardInterrupt, match="True"):
        next(iter(registered.changes()))


def test_an_iteration_keeps_its_provider(options: Options) -> None:
    provider = Provider(**options)
    provider.init()
    provider.register()
    kept = weakref.ref(provider)
    iterations = [iter(provider.changes()), provider.changes().__aiter__()]
    del provider
    while iterations:
        gc.collect()
        assert kept()
        iterations.pop(0)
    gc.collect()
    assert not kept()


def test_a_child_takes_no_event_of_its_parent(provider: Provider) -> None:
    provider.init()
    with Events(provider._handle) as events:
        child = os.fork()
        if child == 0:
            events.clear()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert is_readable(events)


def test_leaving_an_iteration_closes_its_descriptor(
    registered: Provider, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registered, "_live", Answers(registered._live, Snapshot(1, ())))
    for _ in registered.changes():
        break
    assert waiting.is_over()


def test_ctrl_c_interrupts_an_iteration(options: Options) -> None:
    program = """
import os, signal, threading
from kubepeers._events import Events
wait = Events.wait
timers = [threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))]
def waited(events, seconds):
    # Once it waits, or a moment before.
    if timers: timers.pop().start()
    # For ever.
    wait(events)
Events.wait = waited
try:
    for peers in provider.changes(): pass
except KeyboardInterrupt:
    print("interrupted")
"""
    done = run(program, options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")
