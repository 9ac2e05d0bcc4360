"""The log records that the key `log` asks for."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from .text import clean

if TYPE_CHECKING:
    from .settings import Settings


class _Line(logging.Formatter):
    """One whose lines steer no terminal: they tell what a server said."""

    def format(self, record: logging.LogRecord) -> str:
        return clean(super().format(record))


def asked(settings: Settings) -> bool:
    """Say whether there are to be any."""
    return settings.values.get("log", "off") != "off"


def show(settings: Settings) -> None:
    """Print them to stderr."""
    if asked(settings):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Line("%(asctime)s %(levelname)s %(message)s"))
        logger = logging.getLogger("kubepeers")
        logger.addHandler(handler)
        # The library gives no more than was asked for.
        logger.setLevel(logging.DEBUG)
