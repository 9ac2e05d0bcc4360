"""`kubepeers watch`: every pod with its verdict, as it changes."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from typing import TYPE_CHECKING, Protocol

from kubepeers.tool import exits, records, streams
from kubepeers.tool.session import registered

from .lines import Lines
from .picture import look

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from kubepeers.tool.settings import Settings

    from .picture import Picture

#: Seconds between two looks. Meanwhile Ctrl-C is heard at once.
_PACE = 0.5


class View(Protocol):
    """Shows one picture after the other."""

    def show(self, picture: Picture) -> None:
        """Show it."""


def run(settings: Settings, *, plain: bool) -> int:
    """Show the pods until the program is interrupted."""
    with registered(settings.values) as provider, _view(settings, plain) as view:
        while not _nobody_reads():
            view.show(look(provider))
            time.sleep(_PACE)
    return exits.WELL


def _view(settings: Settings, plain: bool) -> AbstractContextManager[View]:
    if not plain and _in_a_terminal() and not (records.asked(settings) and sys.stderr.isatty()):
        try:
            from .screen import Screen
        except ImportError:
            streams.complain("for a table, install rich (it is part of kubepeers[tool])")
        else:
            return Screen.opened(settings)
    return contextlib.nullcontext(Lines(sys.stdout))


def _in_a_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _nobody_reads() -> bool:
    """See whether a pipe was closed, without waiting for something to be written to it."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))
