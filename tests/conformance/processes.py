"""Starts the processes of probes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Process(Protocol):
    """The part of `subprocess.Popen` that the tests use."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None

    def send_signal(self, number: int, /) -> None: ...
    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


class Program(Protocol):
    """A way to start a probe."""

    def start(
        self, arguments: list[bytes], environment: Mapping[str, str], stderr: IO[bytes]
    ) -> Process: ...


class Executable:
    """A probe that is started by a command."""

    def __init__(self, *command: str) -> None:
        self.command = command

    def start(
        self, arguments: list[bytes], environment: Mapping[str, str], stderr: IO[bytes]
    ) -> Process:
        command = [*self.command, *arguments]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=dict(environment),
        )


class ForkServer:
    """The process of fork_server.py, which runs Python probes in forks of itself.

    A start of Python with its imports takes more CPU time than most cases. It is a context manager.
    """

    def __init__(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # With an empty name, Linux chooses an abstract address, which needs no file.
        self._listener.bind("")
        self._listener.listen()
        script = Path(__file__).with_name("fork_server.py")
        # The server ends when its stdin ends. Its stdout is a pipe like the probes' stdout, because
        # Python expects the same kind of file after the fork.
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(self._listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._listener.fileno()],
        )

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        # Its stdout is not read to the end, because a probe left by a failed test keeps it open.
        self._process.stdout.close()

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(self._listener.getsockname())
        return connection


class ForkedProgram:
    """The Python probe with some options, as a fork."""

    def __init__(self, server: ForkServer, *options: str) -> None:
        self._server = server
        self._options = options

    def start(
        self, arguments: list[bytes], environment: Mapping[str, str], stderr: IO[bytes]
    ) -> Process:
        connection = self._server.connect()
        stdin_read, stdin_write = os.pipe()
        stdout_read, stdout_write = os.pipe()
        request = {
            "arguments": [*self._options, *map(os.fsdecode, arguments)],
            "environment": dict(environment),
        }
        socket.send_fds(
            connection, [json.dumps(request).encode()], [stdin_read, stdout_write, stderr.fileno()]
        )
        os.close(stdin_read)
        os.close(stdout_write)
        return ForkedProcess(connection, os.fdopen(stdin_write, "wb"), os.fdopen(stdout_read, "rb"))


class ForkedProcess:
    """A fork of the fork server, which sends its process id and later its exit status."""

    def __init__(self, connection: socket.socket, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.stdin: IO[bytes] | None = stdin
        self.stdout: IO[bytes] | None = stdout
        self._connection = connection
        self._pid = int(connection.recv(100))

    def send_signal(self, number: int, /) -> None:
        os.kill(self._pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        self._connection.settimeout(timeout)
        try:
            status = int(self._connection.recv(100))
        except TimeoutError:
            raise subprocess.TimeoutExpired("probe.py", timeout or 0) from None
        self._connection.close()
        return status


class JavaServers:
    """The Java virtual machines that run the Java probes.

    A start of Java takes more CPU time than most cases, so one machine runs the probes of many
    tests. All its probes have the same environment, which most cases share.
    This class is a context manager.
    """

    #: An environment that only one case has is not needed again.
    _MAX_IDLE = 2

    def __init__(self, command: list[str]) -> None:
        self._command = command
        #: Members of a cluster start in threads.
        self._lock = threading.Lock()
        #: The machines by environment. The last one was used last.
        self._servers: dict[frozenset[tuple[str, str]], JavaServer] = {}

    def __enter__(self) -> JavaServers:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.ExitStack() as stack:
            for server in self._servers.values():
                stack.callback(server.end)

    def start(
        self, arguments: list[bytes], environment: Mapping[str, str], stderr: IO[bytes]
    ) -> Process:
        key = frozenset(environment.items())
        with self._lock:
            server = self._servers.pop(key, None)
            if server and server.process.poll() is not None:
                server.end()
                server = None
            server = server or JavaServer(self._command, environment)
            self._servers[key] = server
            process = JavaProcess(server, arguments, stderr)
            self._end_idle()
        return process

    def _end_idle(self) -> None:
        idle = [key for key, server in self._servers.items() if not server.probes]
        for key in idle[: -self._MAX_IDLE]:
            self._servers.pop(key).end()


class JavaServer:
    """A process of ProbeServer.java."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.path = str(Path(self._folder.name) / "socket")
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed by end)
        self._read = 0
        #: Whether a test has sent it a signal.
        self.signaled = False
        #: The probes that have not ended.
        self.probes: set[JavaProcess] = set()
        self.process = subprocess.Popen(
            [*command, self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            env=dict(environment),
        )
        assert self.process.stdout
        if self.process.stdout.readline() != b"ready\n":
            self._stop()
            message = self.read_stderr().decode()
            self.stderr.close()
            raise RuntimeError(f"{command[0]} did not start: {message}")

    def read_stderr(self) -> bytes:
        """Return what the process has written since the last call."""
        # The process and this file share one position, which is at the end.
        text = os.pread(self.stderr.fileno(), 1 << 20, self._read)
        self._read += len(text)
        return text

    def end(self) -> None:
        """End the process. A crash fails the test, even if it came after the last answer."""
        output = self._stop()
        with self.stderr:
            end = (self.process.returncode, output, self.read_stderr())
        assert self.signaled or end == (0, b"", b""), f"the server of the Java probes: {end}"

    def _stop(self) -> bytes:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        output = self.process.stdout.read()
        self.process.wait()
        self.process.stdout.close()
        self._folder.cleanup()
        return output


class JavaProcess:
    """A probe in the process of a JavaServer. Signals reach the whole process."""

    def __init__(self, server: JavaServer, arguments: list[bytes], stderr: IO[bytes]) -> None:
        self._server = server
        self._stderr = stderr
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(server.path)
        server.probes.add(self)
        self.stdin: IO[bytes] | None = _WriteEnd(self._connection)
        self.stdout: IO[bytes] | None = self._connection.makefile("rb")
        request = struct.pack("!i", len(arguments))
        for argument in arguments:
            request += struct.pack("!i", len(argument)) + argument
        self._connection.sendall(request)

    def send_signal(self, number: int) -> None:
        self._server.signaled = True
        self._server.process.send_signal(number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        # The server closes the connection when the probe has ended.
        peek = select.poll()
        peek.register(self._connection, select.POLLRDHUP)
        if not peek.poll(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired("ProbeServer", timeout or 0)
        self._connection.close()
        self._stderr.write(self._server.read_stderr())
        code = self._server.process.poll() or 0
        self._server.probes.discard(self)
        return code


class _WriteEnd(io.RawIOBase):
    """The direction of a connection to which this process writes."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._connection.sendall(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)
        super().close()
