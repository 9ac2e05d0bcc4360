"""Effects on the process that uses the library: signals, descriptors, threads and limits."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from configuration import Options
from program import assert_succeeds

#: Functions that read the state of the process from /proc.
PROC_FUNCTIONS = """
import os, signal, time
from pathlib import Path
def signal_masks(thread):
    try:
        status = Path(f"/proc/self/task/{thread}/status").read_text().splitlines()
    except OSError:  # The thread has ended.
        return {}
    return {line[:6]: int(line.split()[1], 16) for line in status if line.startswith("Sig") and "SigQ" not in line}
def other_threads():
    return [int(thread) for thread in os.listdir("/proc/self/task") if int(thread) != os.getpid()]
def count_descriptors():
    return len(os.listdir("/proc/self/fd"))
def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
"""


def test_signal_handlers_and_masks_are_unchanged(options: Options) -> None:
    program = """
provider.close()
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
def main_masks():
    return [signal_masks(os.getpid())[name] for name in ("SigBlk", "SigIgn", "SigCgt")]
before = main_masks()
with new_provider():
    assert main_masks() == before
assert main_masks() == before
"""
    assert_succeeds(PROC_FUNCTIONS + program, options)


def test_threads_of_the_library_block_all_signals_except_faults(options: Options) -> None:
    program = """
# All signals except KILL, STOP and the two that glibc uses.
can_be_blocked = ~(1 << 8 | 1 << 18 | 3 << 31) & (1 << 64) - 1
faults = sum(1 << getattr(signal, f"SIG{name}") - 1 for name in ("SEGV", "BUS", "FPE", "ILL", "TRAP", "SYS", "ABRT"))
def is_named_and_blocks_signals(thread):
    # The thread may not have set its name yet, or may have ended.
    try:
        name = Path(f"/proc/self/task/{thread}/comm").read_text()
    except OSError:
        return False
    blocked = signal_masks(thread).get("SigBlk", 0) & can_be_blocked
    return name.startswith("kubepeers") and blocked == can_be_blocked & ~faults
wait_until(lambda: other_threads() and all(map(is_named_and_blocks_signals, other_threads())))
provider.close()
wait_until(lambda: not other_threads())
"""
    assert_succeeds(PROC_FUNCTIONS + program, options)


def break_connection(connection: socket.socket) -> None:
    """Respond to a TLS handshake with invalid bytes, and reset before the client sends an alert."""
    connection.recv(4096)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    connection.sendall(b"this is not a TLS handshake")
    connection.shutdown(socket.SHUT_WR)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        break_connection(connection)


@pytest.fixture
def broken_server(options: Options) -> Iterator[Options]:
    """Options whose API server breaks every connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        kubeconfig = Path(options["kubeconfig"])
        text = kubeconfig.read_text()
        url = text[text.index("'http:") : text.index("'}")]
        port = listener.getsockname()[1]
        kubeconfig.write_text(
            text.replace(url + "'", f"'https://127.0.0.1:{port}', insecure-skip-tls-verify: true")
        )
        yield options
        listener.shutdown(socket.SHUT_RDWR)


def test_broken_connection_does_not_raise_sigpipe(broken_server: Options) -> None:
    program = """
# Python ignores SIGPIPE by default. Programs may restore the default action.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
provider.close()
for _ in range(20):
    with new_provider():
        # The signal is pending in a thread of the library, which blocks it.
        wait_until(lambda: any(signal_masks(i).get("SigPnd", 0) & 1 << signal.SIGPIPE - 1 for i in other_threads()))
"""
    assert_succeeds(PROC_FUNCTIONS + program, broken_server)


def test_closed_providers_leave_no_descriptors_and_threads(options: Options) -> None:
    program = """
provider.close()
wait_until(lambda: not other_threads())
before = count_descriptors()
for _ in range(300):
    with new_provider() as provider:
        provider.health()
wait_until(lambda: count_descriptors() == before)
wait_until(lambda: not other_threads())
"""
    assert_succeeds(PROC_FUNCTIONS + program, options)


def test_descriptors_are_closed_on_exec(options: Options) -> None:
    program = """
import subprocess
def count_in_child():
    return subprocess.run(["sh", "-c", "ls /proc/self/fd | wc -l"], close_fds=False, capture_output=True).stdout
provider.close()
before, own = count_in_child(), count_descriptors()
with new_provider():
    wait_until(lambda: count_descriptors() > own)
    for _ in range(20):
        assert count_in_child() == before
"""
    assert_succeeds(PROC_FUNCTIONS + program, options)


def test_threads_that_called_the_library_can_end(options: Options) -> None:
    program = """
import threading
for _ in range(1000):
    thread = threading.Thread(target=provider.health)
    thread.start()
    thread.join()
"""
    assert_succeeds(program, options)


def test_library_cannot_be_unloaded(options: Options) -> None:
    program = """
import _ctypes, kubepeers._library as library
path = next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libkubepeers" in line)
for _ in range(1000):
    _ctypes.dlclose(_ctypes.dlopen(path, 0))
# One more close than there were loads. The library never unmaps, so calls still work.
_ctypes.dlclose(library.lib._handle)
provider.health()
provider.close()
"""
    assert_succeeds(PROC_FUNCTIONS + program, options)


def test_register_without_free_descriptors_can_be_retried(options: Options) -> None:
    program = """
import resource
provider.deregister()
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
try:
    provider.register()
except KubepeersError as e:
    assert e.status is Status.NO_RESOURCES and e.retryable
else:
    raise AssertionError
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
provider.register()
provider.close()
"""
    assert_succeeds(program, options)
