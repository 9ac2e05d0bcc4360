"""From Python's numbers, which have no end, to those that the library takes."""

from __future__ import annotations

import math
import operator
from ctypes import c_size_t, c_uint64, sizeof


def timeout(seconds: float | None) -> int:
    """Render how long a call may wait; None is the configured default."""
    return -1 if seconds is None else milliseconds("timeout", seconds)


def milliseconds(name: str, seconds: float) -> int:
    """Round up, so that a short time does not become none. The longest that fits is 24 days."""
    if not seconds >= 0:
        raise ValueError(f"{name} must be at least 0 seconds, not {seconds}")
    # (0.1 + 0.2) * 1000 is a little more than 300.
    return math.ceil(round(min(seconds * 1000, 2**31 - 1), 6))


def unsigned(name: str, number: int, kind: type[c_uint64] | type[c_size_t] = c_uint64) -> int:
    """Refuse what does not fit: ctypes would wrap it round."""
    number, bits = operator.index(number), 8 * sizeof(kind)
    if not 0 <= number < 1 << bits:
        raise ValueError(f"{name} must be from 0 to 2**{bits} - 1, not {number}")
    return number
