"""Forwarding of log records to `logging`."""

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
from descriptors import Descriptors
from kubepeers import ClosedError, Provider, _log
from kubepeers._library import lib
from kubepeers._log import LogForwarder
from program import run


class Records(logging.Handler):
    """Collects records."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[logging.LogRecord] = []
        self.threads: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Collect a record."""
        self.threads.add(threading.current_thread().name)
        self.all.append(record)

    def wait_for(self, text: str) -> logging.LogRecord:
        """Wait for a record whose message contains this text."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for record in list(self.all):
                if text in record.getMessage():
                    return record
            time.sleep(0.001)
        pytest.fail(f"no record contains {text!r}")


@pytest.fixture(autouse=True)
def long_close_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let close wait longer for handlers, for busy machines."""
    monkeypatch.setattr(_log, "CLOSE_TIMEOUT_S", 60)


@pytest.fixture
def records() -> Iterator[Records]:
    """The records that the logger receives."""
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


def test_records_are_passed_to_the_logger(logging_provider: Provider, records: Records) -> None:
    before = time.time()
    with logging_provider:
        info = records.wait_for("discovering pods with labels `app=test` in namespace `default`")
        assert (info.name, info.levelno) == ("kubepeers", logging.INFO)
        # The library truncates the time to milliseconds.
        assert before - 0.001 <= info.created <= time.time()
        assert info.msecs == pytest.approx(info.created % 1 * 1000, abs=0.1)
        assert records.wait_for("refused").levelno == logging.WARNING


def test_record_has_the_time_of_the_library() -> None:
    record = _log.logger.makeRecord("kubepeers", logging.INFO, "", 0, "", (), None)
    logging_started = record.created - record.relativeCreated / 1000
    _log._set_time(record, 1_700_000_000_123)
    assert (record.created, record.msecs) == (1_700_000_000.123, 123)
    assert record.created - record.relativeCreated / 1000 == pytest.approx(
        logging_started, abs=0.001
    )


def test_levels_are_mapped() -> None:
    assert _log.LEVELS == {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}


def test_records_below_the_level_of_the_logger_are_dropped(
    logging_provider: Provider, records: Records
) -> None:
    _log.logger.setLevel(logging.WARNING)
    with logging_provider:
        records.wait_for("refused")
    assert {record.levelno for record in records.all} == {logging.WARNING}


def test_thread_exists_only_with_the_option(options: Options) -> None:
    for log in (None, "off"):
        with Provider(**options, log=log):
            assert not log_threads()
    with Provider(**options, log="error"):
        assert len(log_threads()) == 1
    assert not log_threads()


class PendingRecords:
    """Replaces the library's records with records of a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[bytes] = []
        self.freed = 0
        self._texts: list[Any] = []
        self._original_next, self._original_free = lib.kubepeers_log_next, lib.kubepeers_text_free
        monkeypatch.setattr(lib, "kubepeers_log_next", self._next)
        monkeypatch.setattr(lib, "kubepeers_text_free", self._free)

    def _next(self, *arguments: Any) -> int:
        level, unix_ms, message = (argument._obj for argument in arguments[1:4])
        status: int = self._original_next(*arguments)
        while status == 0 and message.value:
            self._original_free(message)
            message.value = None
            status = self._original_next(*arguments)
        if status == 0 and self.messages:
            text = ctypes.create_string_buffer(self.messages.pop(0))
            self._texts.append(text)
            level.value, unix_ms.value, message.value = 4, 1000, ctypes.addressof(text)
        return status

    def _free(self, text: Any) -> None:
        self.freed += bool(text)


@pytest.fixture
def pending(monkeypatch: pytest.MonkeyPatch) -> PendingRecords:
    return PendingRecords(monkeypatch)


def test_close_forwards_pending_records(
    pending: PendingRecords, records: Records, logging_provider: Provider
) -> None:
    logging_provider.register()
    # The fake library reports no change, so the thread does not read the records.
    pending.messages = [b"%s", b"\xc3\xa4"]
    logging_provider.close()
    assert [record.getMessage() for record in records.all] == ["%s", "ä"]
    assert pending.freed == 2
    # Handlers do not run in the thread that closes the provider.
    assert records.threads == {"kubepeers-log"}


def test_garbage_collection_of_a_provider_forwards_pending_records(
    pending: PendingRecords, records: Records, options: Options
) -> None:
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


def test_messages_use_the_names_of_options(
    pending: PendingRecords, records: Records, logging_provider: Provider
) -> None:
    logging_provider.register()
    pending.messages = [b"older than `max_stale_ms`"]
    logging_provider.close()
    assert [record.getMessage() for record in records.all] == ["older than `max_stale`"]


class BlockingHandler(logging.Handler):
    """Blocks the thread that calls it until `released` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.released = threading.Event(), threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Block."""
        self.entered.set()
        assert self.released.wait(60)


@pytest.fixture
def blocking(records: Records) -> Iterator[BlockingHandler]:
    blocking = BlockingHandler()
    _log.logger.addHandler(blocking)
    yield blocking
    blocking.released.set()
    _log.logger.removeHandler(blocking)


@pytest.fixture
def blocked(logging_provider: Provider, blocking: BlockingHandler) -> Provider:
    """A provider whose thread for log records is blocked in a handler."""
    logging_provider.register()
    assert blocking.entered.wait(60)
    return logging_provider


def test_close_waits_for_a_handler(blocked: Provider, blocking: BlockingHandler) -> None:
    closer = threading.Thread(target=blocked.close)
    closer.start()
    closer.join(0.1)
    assert closer.is_alive()
    blocking.released.set()
    closer.join(60)
    assert not closer.is_alive()
    assert not log_threads()


def test_close_returns_while_a_handler_blocks(
    blocked: Provider,
    blocking: BlockingHandler,
    records: Records,
    pending: PendingRecords,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_log, "CLOSE_TIMEOUT_S", 0.01)
    pending.messages = [b"last"]
    # The thread that closes may hold a lock that the handler needs.
    closer = threading.Thread(target=blocked.close, daemon=True)
    closer.start()
    closer.join(60)
    assert not closer.is_alive()
    with pytest.raises(ClosedError):
        blocked.health()
    # The record is forwarded nevertheless.
    (thread,) = log_threads()
    blocking.released.set()
    thread.join(60)
    # The library may have logged more records after it.
    assert "last" in [record.getMessage() for record in records.all]


def test_close_ends_waits_before_it_waits_for_handlers(
    blocked: Provider, blocking: BlockingHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_log, "CLOSE_TIMEOUT_S", 3600)
    with ThreadPoolExecutor() as pool:
        ending = [pool.submit(blocked.wait, 0, 3600), pool.submit(blocked.close)]
        try:
            assert isinstance(ending[0].exception(60), ClosedError)
            assert not ending[1].done()
        finally:
            blocking.released.set()


@pytest.mark.parametrize("interrupted", ["save", "join"])
def test_interrupted_close_closes(
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


def test_handler_may_close_the_provider(logging_provider: Provider, records: Records) -> None:
    closed = threading.Event()

    class Closing(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            logging_provider.close()
            closed.set()

    handler = Closing()
    _log.logger.addHandler(handler)
    try:
        # The handler may close before register returns.
        with contextlib.suppress(ClosedError):
            logging_provider.register()
        assert closed.wait(60)
    finally:
        _log.logger.removeHandler(handler)
    with pytest.raises(ClosedError):
        logging_provider.health()


@pytest.mark.parametrize("failure", [KeyError("wrong"), SystemExit("wrong")])
def test_exception_of_a_handler_is_reported(
    pending: PendingRecords,
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
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith(type(failure).__name__) for line in lines) == 2
    assert not pending.messages


def test_child_does_not_wait_for_the_thread_of_its_parent(
    blocked: Provider, options: Options, blocking: BlockingHandler, records: Records
) -> None:
    log = blocked._session.log  # type: ignore[attr-defined]
    assert log
    # At the fork, the thread may hold the lock. It does not exist in the child.
    with ThreadPoolExecutor(1) as other:
        other.submit(log._lock.acquire).result(60)
        child = os.fork()
        if child == 0:
            in_child(blocked, options, blocking, records)
        other.submit(log._lock.release).result(60)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def in_child(
    provider: Provider, options: Options, blocking: BlockingHandler, records: Records
) -> None:
    signal.alarm(60)
    try:
        with pytest.raises(kubepeers.ForkedError):
            provider.close()
        # The lock of the old event may have been held at the fork as well.
        blocking.released = threading.Event()
        blocking.released.set()
        # A provider of the child has its own thread.
        provider = Provider(**options, log="debug")
        records.all.clear()
        provider.register()
        records.wait_for("discovering pods")
        provider.close()
        os._exit(7)
    finally:
        os._exit(1)


def test_register_fails_if_the_thread_cannot_start(
    options: Options, monkeypatch: pytest.MonkeyPatch, logging_provider: Provider
) -> None:
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    descriptors = Descriptors(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(kubepeers.KubepeersError, match="can't start new thread") as raised:
            logging_provider.register()
    assert raised.value.status is kubepeers.Status.NO_RESOURCES
    assert raised.value.retryable
    assert descriptors.are_closed()
    with pytest.raises(kubepeers.NotRegisteredError):
        logging_provider.health()
    logging_provider.register()


def test_all_registrations_share_one_thread(logging_provider: Provider) -> None:
    assert not log_threads()
    logging_provider.register()
    (thread,) = log_threads()
    logging_provider.deregister()
    logging_provider.register()
    assert log_threads() == [thread]


def test_exit_of_the_interpreter_loses_no_record(options: Options) -> None:
    program = """
import logging, time
from kubepeers import _log
_log.CLOSE_TIMEOUT_S = 60
logging.basicConfig(format="%(levelname)s %(message).16s", level=logging.DEBUG)
provider.close()
# The interpreter exits before this handler has returned.
handle = logging.root.handlers[0].handle
logging.root.handlers[0].handle = lambda record: (time.sleep(0.2), handle(record))
provider = new_provider(log="info").__enter__()
"""
    done = run(program, options)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[:1] == ["INFO discovering pods"]
