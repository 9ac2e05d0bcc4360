"""stdout and stderr, which may be closed or full."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO, cast

from .text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def prepared() -> Iterator[None]:
    """Make them usable, and write out what is printed. What cannot be written is an `OSError`."""
    _fill()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or file that cannot show a character gets a question mark.
            with contextlib.suppress(ValueError):
                stream.reconfigure(errors="replace")
    try:
        yield
    finally:
        # Python would do it later, when the error could not be reported.
        sys.stdout.flush()


def complain(message: str) -> None:
    """Print an error, which may hold what a server said."""
    try:
        for line in f"kubepeers: {message}".split("\n"):
            print(clean(line), file=sys.stderr, flush=True)
    except OSError:
        # There is no reader left.
        _abandon(sys.stderr)


def give_up_output() -> None:
    """Forget what could not be written, so that Python does not try again at its end."""
    _abandon(sys.stdout)


def _fill() -> None:
    """Open closed standard streams.

    Otherwise a file or connection would get their numbers, and output would go to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # It gets the lowest number that is free. Login plugins get it too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    # What was closed when Python began is None, whatever the types say.
    stdout, stderr = cast("tuple[TextIO | None, TextIO | None]", (sys.stdout, sys.stderr))
    if stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 (to the end)
    if stdout is None:
        raise OSError(errno.EBADF, "stdout is closed")


def _abandon(stream: TextIO | None) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())  # type: ignore[union-attr]
        os.close(null)
