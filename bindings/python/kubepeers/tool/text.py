"""Text for terminals: of known width, and with nothing in it that steers one."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timezone


def clean(text: str) -> str:
    """Replace what a terminal would obey instead of showing it.

    Names and messages come from afar.
    """
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text
    )


def width(text: str) -> int:
    """Return the width of a text in a terminal, in columns."""
    return sum(_width(c) for c in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrapped(text: str, columns: int) -> list[str]:
    """Break a text into lines at its blanks.

    A longer word stays whole, so that it can be copied.
    """
    lines: list[str] = []
    for word in text.split():
        if lines and width(lines[-1]) + 1 + width(word) <= columns:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def shortened(name: str, columns: int) -> str:
    """Shorten a name in the middle, because the names of a Deployment's pods differ at the end."""
    if width(name) <= columns:
        return name
    end = (columns - 1) * 2 // 3
    return f"{name[: columns - 1 - end]}…{name[-end:]}"


def span(seconds: float) -> str:
    """Say a length of time as kubectl does."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"


def age(started: str, now: float) -> str:
    """Say how long ago something started; Kubernetes writes times in one form."""
    try:
        start = datetime.strptime(started, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return "-"
    return span(now - start.timestamp())


def count(number: int, noun: str) -> str:
    """Say how many of something there are."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def some(names: list[str], most: int = 5) -> str:
    """List names, but not hundreds."""
    shown = [clean(name) for name in names[:most]]
    if len(names) > most:
        shown.append(f"and {len(names) - most} more")
    return ", ".join(shown)
