"""A terminal that runs the command, and its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pyte
import pytest
from fixtures import TIMEOUT_S, Namespace, command_line

#: What the command sends before the first picture, and at the start of each.
OTHER_SCREEN, HOME = b"\x1b[?1049h", b"\x1b[H"


class Terminal:
    """A pseudoterminal with its screen. It is a context."""

    def __init__(
        self, namespace: Namespace, *arguments: str, columns: int = 80, lines: int = 24
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.received = b""
        #: The end of that, which the screen does not show yet.
        self._pending = b""
        self._end, theirs = pty.openpty()
        self.resize(columns, lines)
        self.process = subprocess.Popen(
            command_line(*arguments),
            env={**namespace.environment, "TERM": "xterm-256color", **namespace.terminal},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            # Ctrl-C goes to the foreground process of the terminal.
            preexec_fn=lambda: (os.setsid(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)),
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._end)

    def wait_for_line(self, *words: str) -> str:
        """Wait for a line on the screen with all these words, and return it."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            for line in self.screen.display:
                if all(word in line for word in words):
                    return line
            self.read()
        pytest.fail("\n".join([f"no line has {words}:", *self.screen.display]))

    def read(self) -> bool:
        """Read for a moment. Return whether more may come."""
        if self._show_next():
            return True
        if not select.select([self._end], [], [], 0.05)[0]:
            return True
        try:
            received = os.read(self._end, 65536)
        except OSError:  # no process has the terminal
            received = b""
        self.received += received
        self._pending += received
        if not received or OTHER_SCREEN not in self.received:
            self._show(len(self._pending))
        return bool(received)

    def _show_next(self) -> bool:
        """Show a picture if it is complete: it ends where the next one begins."""
        end = self._pending.find(HOME, 1)
        if end > 0:
            self._show(end)
        return end > 0

    def _show(self, end: int) -> None:
        self._stream.feed(self._pending[:end])
        self._pending = self._pending[end:]

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def press(self, key: bytes) -> None:
        os.write(self._end, key)

    def wait(self) -> int:
        """Wait for the end of the command, and return its exit status."""
        deadline = time.monotonic() + TIMEOUT_S
        while self.read():
            assert time.monotonic() < deadline
        return self.process.wait(TIMEOUT_S)

    def colors(self) -> set[str]:
        """Return the colors on the screen."""
        cells = (
            self.screen.buffer[y][x]
            for y in range(self.screen.lines)
            for x in range(self.screen.columns)
        )
        return {cell.fg for cell in cells}
