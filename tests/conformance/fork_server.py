"""Runs the Python probe in forks of this process.

Usage: fork_server.py LISTENER. processes.py sends the requests. This program imports only the
modules of the probe, and starts no threads.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from typing import Any

import probe


def accept_and_fork(
    listener: socket.socket,
) -> tuple[socket.socket, dict[str, Any], list[int]] | None:
    """Fork for every request.

    Return the request in the fork. Return None in the server, when stdin ends.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        readable, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in readable:
            return None
        connection, _ = listener.accept()
        message, fds, _, _ = socket.recv_fds(connection, 2**20, 3)
        if os.fork() == 0:
            listener.close()
            return connection, json.loads(message), fds
        connection.close()
        for fd in fds:
            os.close(fd)


def run_and_report(connection: socket.socket, request: dict[str, Any], fds: list[int]) -> None:
    """Fork the probe, and report its process id and its exit status.

    Return only in the probe.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        connection.close()
        for target, fd in enumerate(fds):
            os.dup2(fd, target)
            os.close(fd)
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv[1:] = request["arguments"]
        return
    for fd in fds:
        os.close(fd)
    connection.send(str(pid).encode())
    connection.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
    os._exit(0)


if __name__ == "__main__":
    accepted = accept_and_fork(socket.socket(fileno=int(sys.argv[1])))
    if accepted:
        run_and_report(*accepted)
        probe.main()
