"""Starts the processes of probes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

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
