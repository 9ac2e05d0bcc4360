"""The library leaves the signals, descriptors and limits of the process as they are."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from configuration import Options
from program import succeeds

#: Part of a program: what Linux knows about its process.
LOOK = """
import os, signal, time
from pathlib import Path
def masks(thread):
    try:
        status = Path(f"/proc/self/task/{thread}/status").read_text().splitlines()
    except OSError:  # It has just ended.
        return {}
    return {line[:6]: int(line.split()[1], 16) for line in status if line.startswith("Sig") and "SigQ" not in line}
def others():
    return [int(thread) for thread in os.listdir("/proc/self/task") if int(thread) != os.getpid()]
def descriptors():
    return len(os.listdir("/proc/self/fd"))
def eventually(ask):
    deadline = time.monotonic() + 60
    while not ask():
        assert time.monotonic() < deadline
        time.sleep(0.01)
"""


def test_signals_stay_as_they_are(options: Options) -> None:
    program = """
provider.close()
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
def own():
    return [masks(os.getpid())[name] for name in ("SigBlk", "SigIgn", "SigCgt")]
before = own()
with new_provider():
    assert own() == before
assert own() == before
"""
    succeeds(LOOK + program, options)


def test_threads_block_all_signals_but_faults(options: Options) -> None:
    program = """
# All but KILL, STOP and the two that are glibc's.
can_be_blocked = ~(1 << 8 | 1 << 18 | 3 << 31) & (1 << 64) - 1
faults = sum(1 << getattr(signal, f"SIG{name}") - 1 for name in ("SEGV", "BUS", "FPE", "ILL", "TRAP", "SYS", "ABRT"))
def named_and_deaf(thread):
    # A thread gives itself its name, and may have ended meanwhile.
    try:
        name = Path(f"/proc/self/task/{thread}/comm").read_text()
    except OSError:
        return False
    return name.startswith("kubepeers") and masks(thread).get("SigBlk", 0) & can_be_blocked == can_be_blocked & ~faults
eventually(lambda: others() and all(map(named_and_deaf, others())))
provider.close()
eventually(lambda: not others())
"""
    succeeds(LOOK + program, options)


def break_off(connection: socket.socket) -> None:
    """Answer a TLS handshake with nonsense, and be gone when the client complains."""
    connection.recv(4096)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    connection.sendall(b"neither TLS nor anything else")
    connection.shutdown(socket.SHUT_WR)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        break_off(connection)


@pytest.fixture
def breaking(options: Options) -> Iterator[Options]:
    """What a Provider takes whose API server breaks every connection off."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        kubeconfig = Path(options["kubeconfig"])
        text = kubeconfig.read_text()
        url = text[text.index("'http:") : text.index("'}")]
        port = listener.getsockname()[1]
        kubeconfig.write_text(text.replace(url + "'", f"'https://127.0.0.1:{port}', insecure-skip-tls-verify: true"))
        yield options
        listener.shutdown(socket.SHUT_RDWR)


def test_sigpipe_does_not_reach_the_program(breaking: Options) -> None:
    program = """
# Python ignores it; programs that want to end like others do not.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
provider.close()
for _ in range(20):
    with new_provider():
        # It was sent, and waits at a thread that never hears it.
        eventually(lambda: any(masks(i).get("SigPnd", 0) & 1 << signal.SIGPIPE - 1 for i in others()))
"""
    succeeds(LOOK + program, breaking)


def test_opening_and_closing_leaves_nothing(options: Options) -> None:
    program = """
provider.close()
eventually(lambda: not others())
before = descriptors()
for _ in range(1000):
    with new_provider() as provider:
        provider.health()
eventually(lambda: descriptors() == before)
eventually(lambda: not others())
"""
    succeeds(LOOK + program, options)


def test_descriptors_end_at_exec(options: Options) -> None:
    program = """
import subprocess
def count():
    return subprocess.run(["sh", "-c", "ls /proc/self/fd | wc -l"], close_fds=False, capture_output=True).stdout
provider.close()
before, own = count(), descriptors()
with new_provider():
    eventually(lambda: descriptors() > own)
    for _ in range(50):
        assert count() == before
"""
    succeeds(LOOK + program, options)


def test_threads_end_after_use(options: Options) -> None:
    program = """
import threading
for _ in range(1000):
    thread = threading.Thread(target=provider.health)
    thread.start()
    thread.join()
"""
    succeeds(program, options)


def test_unloading(options: Options) -> None:
    program = """
import _ctypes, kubepeers._library as library
path = next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libkubepeers" in line)
for _ in range(1000):
    _ctypes.dlclose(_ctypes.dlopen(path, 0))
# More often than it was loaded: what is never unmapped stays callable.
_ctypes.dlclose(library.lib._handle)
provider.health()
provider.close()
"""
    succeeds(LOOK + program, options)


def test_no_descriptors(options: Options) -> None:
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
    succeeds(program, options)


PANICKING = os.environ["KUBEPEERS_PANICKING_LIBRARY"]

#: Part of a program: the numbers of src/panics.rs.
PANIC = """
from kubepeers import _library
want_panic = _library.lib.kubepeers_want_panic
CALL, WATCHER, REQUEST = 1, 2, 4
def internal(call):
    try:
        call()
    except InternalError as e:
        assert not e.retryable and "internally" in str(e)
    else:
        raise AssertionError
"""


def test_a_panic_in_a_call(options: Options) -> None:
    program = """
for verb in (
    provider.register, provider.discover_peers, provider.nodes, provider.self_node, lambda: provider.wait(0),
    lambda: provider.wait_for_peers(0), provider.refresh, provider.health, provider.explain,
    provider.explain_table, provider.metrics, lambda: next(iter(provider.changes())), provider.deregister,
):
    want_panic(CALL)
    internal(verb)
    assert want_panic(0) == 0
provider.health()
provider.close()
"""
    succeeds(PANIC + program, options, KUBEPEERS_LIBRARY=PANICKING)


def test_a_panic_in_a_task(options: Options) -> None:
    program = """
for place in (WATCHER, REQUEST):
    want_panic(place)
    internal(lambda: provider.refresh(3600))
    internal(provider.health)
    provider.deregister()
    provider.register()
    provider.health()
provider.close()
"""
    succeeds(PANIC + program, options, KUBEPEERS_LIBRARY=PANICKING)
