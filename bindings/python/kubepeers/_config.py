"""From Python values to the text pairs that the library takes. What they mean is validated there, not here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Union

from ._call import call
from ._errors import InvalidConfigError
from ._library import Config, lib

if TYPE_CHECKING:
    from collections.abc import Iterable

Value = Union[str, int, "os.PathLike[str]"]


def text(key: str, value: Value) -> str:
    """Render a value. Other types are refused, as their text would be a guess."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        if isinstance(path, str):
            return path
    raise TypeError(f"{key} must be str, int or os.PathLike[str], not {type(value).__name__}")


def labels(labels: Mapping[str, str]) -> str:
    """Render a map of labels as "k=v,k2=v2"."""
    if not isinstance(labels, Mapping):
        raise TypeError(f"pod_labels must be str or map str to str, not {type(labels).__name__}")
    pairs = []
    for key, value in labels.items():
        for part in (key, value):
            if not isinstance(part, str):
                raise TypeError(f"pod_labels must map str to str, not to {type(part).__name__}")
            # It separates labels: left in, one label would become two. All else is the library's to judge.
            if "," in part:
                raise InvalidConfigError(f"`pod_labels`: the label {key!r}: {value!r} holds a comma")
        pairs.append(f"{key}={value}")
    return ",".join(pairs)


def checked(settings: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Refuse what are no pairs of texts: the keys of a dict, say."""
    pairs = []
    for pair in settings:
        of_texts = isinstance(pair, (tuple, list)) and all(isinstance(text, str) for text in pair)
        if not of_texts or len(pair) != 2:
            raise TypeError(f"settings must be pairs of str, (key, value), not {pair!r}")
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)


def fill(config: Config, settings: Iterable[tuple[str, str]]) -> None:
    """Set each pair."""
    for key, value in settings:
        call(lib.kubepeers_config_set, config, _encoded(key, key), _encoded(key, value))


def _encoded(key: str, string: str) -> bytes:
    # A NUL ends a C string: what follows would be lost without a word.
    if "\0" in string:
        raise InvalidConfigError(f"`{key}` holds a NUL character".replace("\0", "\\0"))
    # Lone surrogates become what they are, bytes that are not UTF-8, for the library to refuse.
    return string.encode("utf-8", "surrogatepass")
