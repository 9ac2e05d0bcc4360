"""Converts options to key-value pairs of the library, and checks numbers."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Mapping

from ._errors import ConfigError, Status

#: The defaults of the library, in seconds.
REGISTER_TIMEOUT = 5.0
DISCOVER_TIMEOUT = 3.0

_DAY = 86400
#: Options in seconds, with their limits. The library's keys are in milliseconds.
_SECONDS: dict[str, tuple[float, float]] = {
    "max_stale": (1, _DAY),
    "poll_interval": (1, _DAY),
    "register_timeout": (0, _DAY),
    "discover_timeout": (0, _DAY),
    "request_timeout": (0.001, _DAY),
}
_PORTS = ("default_discovery_port", "default_remoting_port", "default_peers_port")
_PATHS = ("service_account_dir", "kubeconfig")

#: Words in messages of the library, and their replacements in this package.
_WORDS = {
    **{f"`{name}_ms`": f"`{name}`" for name in _SECONDS},
    "call init to create a new one": "create a new one",
    "call init in this one": "create one in this process",
    "the registration of `request` has ended": "deregister was called meanwhile",
}


def python_words(message: str) -> str:
    """Replace the library's names in a message with those of this package."""
    for word, replacement in _WORDS.items():
        message = message.replace(word, replacement)
    return message


def pairs(options: Mapping[str, object]) -> list[tuple[str, str]]:
    """Convert options to keys and values of the library, which validates the values.

    Raises:
        ConfigError: options have the wrong type, a time is out of range, or a value cannot be
            passed to the library. The message names all of them.
    """
    found = []
    problems = []
    for name, value in options.items():
        if value is None:
            continue
        try:
            text = _text(name, value)
            # In C, a NUL ends the text.
            if "\0" in text:
                raise ValueError("must not contain a NUL character")
            found.append((f"{name}_ms" if name in _SECONDS else name, text))
        except ValueError as e:
            problems.append(f"`{name}`: {e}")
    if problems:
        raise ConfigError("; ".join(problems))
    return found


def unknown_option(name: str, known: Iterable[str]) -> ConfigError:
    """Return the error for an option that does not exist."""
    import difflib

    known = list(known)
    similar = difflib.get_close_matches(name, known, n=1) or [
        option for option in known if name in option.split("_")
    ]
    hint = f"did you mean `{similar[0]}`?" if similar else f"expected one of {', '.join(known)}"
    return ConfigError(f"unknown option `{name}`: {hint}", status=Status.UNKNOWN_KEY)


def _text(name: str, value: object) -> str:
    if name == "pod_labels":
        return _labels(value)
    if name in _SECONDS:
        return str(milliseconds(_limited(value, *_SECONDS[name])))
    if name in _PORTS:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"expected an int, not {_type(value)}")
        return str(value)
    if name in _PATHS and isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise ValueError(
            f"expected a str{' or os.PathLike[str]' if name in _PATHS else ''}, not {_type(value)}"
        )
    return value


def _labels(labels: object) -> str:
    if not isinstance(labels, Mapping):
        raise ValueError(f'expected a mapping such as {{"app": "demo"}}, not {_type(labels)}')
    for key, value in labels.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ValueError(f"label {key!r}: {value!r} must map a str to a str")
        # The library's syntax for labels has no escapes: a separator would start another label.
        if any(separator in key + value for separator in ",="):
            raise ValueError(f"label {key!r}: {value!r} must not contain a comma or an equals sign")
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels))


def _limited(value: object, least: float, most: float) -> float:
    number = _number(value)
    if not least <= number <= most:
        raise ValueError(f"{value} must be between {least:g} and {most:g} seconds")
    return number


def _number(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError(f"expected seconds as a float, not {_type(value)}")
    return value


def _type(value: object) -> str:
    return type(value).__name__


def milliseconds(seconds: float) -> int:
    """Round up, so that a short time does not become 0. The result is at most 24.8 days."""
    # (0.1 + 0.2) * 1000 is a little more than 300.
    return math.ceil(round(min(seconds * 1000, 2**31 - 1), 6))


def seconds(name: str, value: float) -> float:
    """Return an argument that is a time in seconds. `math.inf` is allowed."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{name} must be seconds as a float, not {_type(value)}")
    if not value >= 0:
        raise ValueError(f"{name} is {value}: must not be negative")
    return value


def unsigned(name: str, value: int) -> int:
    """Return an argument that is an unsigned 64-bit number. ctypes would truncate a larger one."""
    number = operator.index(value)
    if not 0 <= number < 1 << 64:
        raise ValueError(f"{name} is {number}: must be from 0 to 2**64 - 1")
    return number
