"""Log records of the library in `logging`."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kubepeers
import pytest
from configuration import Options
from kubepeers import ClosedError, Provider, _log
from kubepeers._library import lib
from kubepeers._log import LogForwarder
from program import run
from waiting import Waiting


class Records(logging.Handler):
    """Keeps the records that it receives."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[logging.LogRecord] = []
        self.threads: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record."""
        self.threads.add(threading.current_thread().name)
        self.all.append(record)

    def containing(self, text: str) -> logging.LogRecord:
        """Wait for a record that contains this text."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for record in list(self.all):
                if text in record.getMessage():
                    return record
            time.sleep(0.001)
        pytest.fail(f"no record contains {text!r}")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing waits for handlers as long as a busy machine takes."""
    monkeypatch.setattr(_log, "CLOSE_TIMEOUT_S", 60)


@pytest.fixture
def records() -> Iterator[Records]:
    """What the logger receives."""
    records = Records()
    _log.logger.addHandler(records)
    _log.logger.setLevel(logging.DEBUG)
    yield records
    _log.logger.removeHandler(records)
    _log.logger.setLevel(logging.NOTSET)


@pytest.fixture
def logging_provider(options: Options) -> Iterator[Provider]:
    """A provider that logs and is not registered."""
    provider = Provider(**options, log="debug")
    yield provider
    provider.close()


def log_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "kubepeers-log"]


def test_records_reach_the_logger(logging_provider: Provider, records: Records) -> None:
    before = time.time()
    with logging_provider:
        info = records.containing("looking for pods with labels `app=test` in namespace `default`")
        assert (info.name, info.levelno) == ("kubepeers", logging.INFO)
        # When it was made, to the millisecond.
        assert before - 0.001 <= info.created <= time.time()
        assert info.msecs == pytest.approx(info.created % 1 * 1000, abs=0.1)
        assert records.containing("refused").levelno == logging.WARNING


def test_a_record_has_its_own_time() -> None:
    record = _log.logger.makeRecord("kubepeers", logging.INFO, "", 0, "", (), None)
    started = record.created - record.relativeCreated / 1000
    _log._set_time(record, 1_700_000_000_123)
    assert (record.created, record.msecs) == (1_700_000_000.123, 123)
    assert record.created - record.relativeCreated / 1000 == pytest.approx(started, abs=0.001)


def test_levels() -> None:
    assert _log.LEVELS == {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}


def test_records_below_the_level_of_the_logger_are_dropped(logging_provider: Provider, records: Records) -> None:
    _log.logger.setLevel(logging.WARNING)
    with logging_provider:
        records.containing("refused")
    assert {record.levelno for record in records.all} == {logging.WARNING}


def test_there_is_a_thread_only_with_the_option(options: Options) -> None:
    for log in (None, "off"):
        with Provider(**options, log=log):
            assert not log_threads()
    with Provider(**options, log="error"):
        assert len(log_threads()) == 1
    assert not log_threads()


class Pending:
    """A library whose records are made by a test, instead of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[bytes] = []
        self.freed = 0
        self._texts: list[Any] = []
        self._next_of_library, self._free_of_library = lib.kubepeers_log_next, lib.kubepeers_text_free
        monkeypatch.setattr(lib, "kubepeers_log_next", self._next)
        monkeypatch.setattr(lib, "kubepeers_text_free", self._free)

    def _next(self, *arguments: Any) -> int:
        level, unix_ms, message = (argument._obj for argument in arguments[1:4])
        status: int = self._next_of_library(*arguments)
        while status == 0 and message.value:
            self._free_of_library(message)
            message.value = None
            status = self._next_of_library(*arguments)
        if status == 0 and self.messages:
            text = ctypes.create_string_buffer(self.messages.pop(0))
            self._texts.append(text)
            level.value, unix_ms.value, message.value = 4, 1000, ctypes.addressof(text)
        return status

    def _free(self, text: Any) -> None:
        self.freed += bool(text)


@pytest.fixture
def pending(monkeypatch: pytest.MonkeyPatch) -> Pending:
    return Pending(monkeypatch)


def test_close_forwards_pending_records(pending: Pending, records: Records, logging_provider: Provider) -> None:
    logging_provider.register()
    # There is no change, so the thread does not know of them.
    pending.messages = [b"%s", b"\xc3\xa4"]
    logging_provider.close()
    assert [record.getMessage() for record in records.all] == ["%s", "ä"]
    assert pending.freed == 2
    # Not in the thread that closes.
    assert records.threads == {"kubepeers-log"}


def test_a_forgotten_provider_forwards_pending_records(pending: Pending, records: Records, options: Options) -> None:
    provider = Provider(**options, log="debug")
    provider.register()
    session = provider._session
    pending.messages = [b"last"]
    del provider
    gc.collect()
    assert [record.getMessage() for record in records.all] == ["last"]
    assert not log_threads()
    with pytest.raises(ClosedError):
        session.deregister()


def test_messages_are_in_the_words_of_python(pending: Pending, records: Records, logging_provider: Provider) -> None:
    logging_provider.register()
    pending.messages = [b"older than `max_stale_ms`"]
    logging_provider.close()
    assert [record.getMessage() for record in records.all] == ["older than `max_stale`"]


class Holding(logging.Handler):
    """Blocks the thread that calls it."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = threading.Event(), threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Wait."""
        self.entered.set()
        assert self.go_on.wait(60)


@pytest.fixture
def holding(records: Records) -> Iterator[Holding]:
    holding = Holding()
    _log.logger.addHandler(holding)
    yield holding
    holding.go_on.set()
    _log.logger.removeHandler(holding)


@pytest.fixture
def held(logging_provider: Provider, holding: Holding) -> Provider:
    """A provider whose thread for log records is in a handler."""
    logging_provider.register()
    assert holding.entered.wait(60)
    return logging_provider


def test_close_waits_for_a_handler(held: Provider, holding: Holding) -> None:
    closer = threading.Thread(target=held.close)
    closer.start()
    closer.join(0.1)
    assert closer.is_alive()
    holding.go_on.set()
    closer.join(60)
    assert not closer.is_alive()
    assert not log_threads()


def test_a_blocked_handler_does_not_block_close(
    held: Provider, holding: Holding, records: Records, pending: Pending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_log, "CLOSE_TIMEOUT_S", 0.01)
    pending.messages = [b"last"]
    # As if it had a lock that the handler wants.
    closer = threading.Thread(target=held.close, daemon=True)
    closer.start()
    closer.join(60)
    assert not closer.is_alive()
    with pytest.raises(ClosedError):
        held.health()
    # Nothing is lost, nevertheless.
    (thread,) = log_threads()
    holding.go_on.set()
    thread.join(60)
    # The library may have had more records after it.
    assert "last" in [record.getMessage() for record in records.all]


def test_waiting_calls_do_not_wait_for_handlers(
    held: Provider, holding: Holding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_log, "CLOSE_TIMEOUT_S", 3600)
    with ThreadPoolExecutor() as pool:
        ending = [pool.submit(held.wait, 0, 3600), pool.submit(held.close)]
        try:
            assert isinstance(ending[0].exception(60), ClosedError)
            assert not ending[1].done()
        finally:
            holding.go_on.set()


@pytest.mark.parametrize("interrupted", ["save", "join"])
def test_an_interrupted_close_closes(
    logging_provider: Provider, monkeypatch: pytest.MonkeyPatch, interrupted: str
) -> None:
    def interrupt(_: LogForwarder) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LogForwarder, interrupted, interrupt)
        with pytest.raises(KeyboardInterrupt), logging_provider:
            pass
    with pytest.raises(ClosedError):
        logging_provider.health()


def test_a_handler_may_close_the_provider(logging_provider: Provider, records: Records) -> None:
    closed = threading.Event()

    class Closing(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            logging_provider.close()
            closed.set()

    handler = Closing()
    _log.logger.addHandler(handler)
    try:
        # Perhaps before this has returned.
        with contextlib.suppress(ClosedError):
            logging_provider.register()
        assert closed.wait(60)
    finally:
        _log.logger.removeHandler(handler)
    with pytest.raises(ClosedError):
        logging_provider.health()


@pytest.mark.parametrize("failure", [KeyError("wrong"), SystemExit("wrong")])
def test_a_failing_handler_is_reported(
    pending: Pending,
    records: Records,
    logging_provider: Provider,
    capsys: pytest.CaptureFixture[str],
    failure: BaseException,
) -> None:
    class Failing(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            raise failure

    handler = Failing()
    _log.logger.handlers.insert(0, handler)
    try:
        logging_provider.register()
        pending.messages = [b"first", b"second"]
        logging_provider.close()
    finally:
        _log.logger.removeHandler(handler)
    said = capsys.readouterr().err.splitlines()
    assert sum(line.startswith(type(failure).__name__) for line in said) == 2
    assert not pending.messages


def test_a_child_does_not_wait_for_the_thread_of_its_parent(
    held: Provider, options: Options, holding: Holding, records: Records
) -> None:
    log = held._session.log  # type: ignore[attr-defined]
    assert log
    # As if the thread, which the child does not have, were fetching.
    with ThreadPoolExecutor(1) as other:
        other.submit(log._lock.acquire).result(60)
        child = os.fork()
        if child == 0:
            in_child(held, options, holding, records)
        other.submit(log._lock.release).result(60)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def in_child(provider: Provider, options: Options, holding: Holding, records: Records) -> None:
    signal.alarm(60)
    try:
        with pytest.raises(kubepeers.ForkedError):
            provider.close()
        # Another one: at the fork a thread that is not here may have held its lock.
        holding.go_on = threading.Event()
        holding.go_on.set()
        # Its own has a thread of its own.
        provider = Provider(**options, log="debug")
        records.all.clear()
        provider.register()
        records.containing("looking for pods")
        provider.close()
        os._exit(7)
    finally:
        os._exit(1)


def test_register_needs_the_thread(
    options: Options, monkeypatch: pytest.MonkeyPatch, logging_provider: Provider
) -> None:
    def cannot(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    waiting = Waiting(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", cannot)
        with pytest.raises(kubepeers.KubepeersError, match="can't start new thread") as raised:
            logging_provider.register()
    assert raised.value.status is kubepeers.Status.NO_RESOURCES
    assert raised.value.retryable
    assert waiting.is_over()
    with pytest.raises(kubepeers.NotRegisteredError):
        logging_provider.health()
    logging_provider.register()


def test_there_is_one_thread_for_all_registrations(logging_provider: Provider) -> None:
    assert not log_threads()
    logging_provider.register()
    (thread,) = log_threads()
    logging_provider.deregister()
    logging_provider.register()
    assert log_threads() == [thread]


def test_the_end_of_the_interpreter_loses_no_record(options: Options) -> None:
    program = """
import logging, time
from kubepeers import _log
_log.CLOSE_TIMEOUT_S = 60
logging.basicConfig(format="%(levelname)s %(message).16s", level=logging.DEBUG)
provider.close()
# The interpreter ends before this has handled the first record.
handle = logging.root.handlers[0].handle
logging.root.handlers[0].handle = lambda record: (time.sleep(0.2), handle(record))
provider = new_provider(log="info").__enter__()
"""
    done = run(program, options)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[:1] == ["INFO looking for pods"]
