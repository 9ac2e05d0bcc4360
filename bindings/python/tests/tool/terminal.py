"""A terminal with the tool in it, as a person sees it."""

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
from place import PATIENCE, Place

#: What `rich` begins a table with, and each picture of it.
OTHER_SCREEN, HOME = b"\x1b[?1049h", b"\x1b[H"


class Terminal:
    """A real one (a pty), with its screen. Use it as a context."""

    def __init__(self, place: Place, *arguments: str, columns: int = 80, lines: int = 24) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.received = b""
        #: Of that, what the screen does not show yet.
        self._coming = b""
        self._end, theirs = pty.openpty()
        self.resize(columns, lines)
        self.process = subprocess.Popen(
            place.command(*arguments),
            env={**place.environment, "TERM": "xterm-256color", **place.terminal},
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

    def shows(self, *words: str) -> str:
        """Wait for a line on the screen with all these words, and give it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in self.screen.display:
                if all(word in line for word in words):
                    return line
            self.read()
        pytest.fail("\n".join([f"{words} are nowhere on", *self.screen.display]))

    def read(self) -> bool:
        """Read what comes within a moment. Return whether more may come."""
        if self._show_next():
            return True
        if not select.select([self._end], [], [], 0.05)[0]:
            return True
        try:
            received = os.read(self._end, 65536)
        except OSError:  # no process has the terminal
            received = b""
        self.received += received
        self._coming += received
        if not received or OTHER_SCREEN not in self.received:
            self._show(len(self._coming))
        return bool(received)

    def _show_next(self) -> bool:
        """Show a picture of a table if it is whole: it comes in pieces, and the next one begins
        where it ends.
        """
        end = self._coming.find(HOME, 1)
        if end > 0:
            self._show(end)
        return end > 0

    def _show(self, end: int) -> None:
        self._stream.feed(self._coming[:end])
        self._coming = self._coming[end:]

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def press(self, key: bytes) -> None:
        os.write(self._end, key)

    def ended(self) -> int:
        """Wait for the end of the program; give its exit status."""
        deadline = time.monotonic() + PATIENCE
        while self.read():
            assert time.monotonic() < deadline
        return self.process.wait(PATIENCE)

    def colours(self) -> set[str]:
        """Give the colours on the screen."""
        cells = (
            self.screen.buffer[y][x]
            for y in range(self.screen.lines)
            for x in range(self.screen.columns)
        )
        return {cell.fg for cell in cells}
