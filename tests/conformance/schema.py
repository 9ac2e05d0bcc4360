"""What data may look like. All that is not named is refused: a misspelt expectation would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

#: Raises MalformedError if a value is not what it should be. The text says where it is.
Check = Callable[[Any, str], None]


class MalformedError(Exception):
    """The data is not what it should be."""


def kind(*types: type) -> Check:
    def check(value: Any, where: str) -> None:
        # A bool is an int, to Python.
        if type(value) not in types:
            raise MalformedError(f"{where}: {value!r} is no {' or '.join(t.__name__ for t in types)}")

    return check


def one_of(*values: Any) -> Check:
    def check(value: Any, where: str) -> None:
        if value not in values:
            raise MalformedError(f"{where}: {value!r} is none of {', '.join(map(str, values))}")

    return check


def either(one: Check, other: Check) -> Check:
    """Give the check of a value or, where it is a list, of that."""

    def check(value: Any, where: str) -> None:
        (other if isinstance(value, list) else one)(value, where)

    return check


def list_of(item: Check) -> Check:
    def check(value: Any, where: str) -> None:
        kind(list)(value, where)
        for number, element in enumerate(value, start=1):
            item(element, f"{where}, {number}")

    return check


def map_of(item: Check) -> Check:
    def check(value: Any, where: str) -> None:
        kind(dict)(value, where)
        for key, element in value.items():
            kind(str)(key, where)
            item(element, f"{where}, {key}")

    return check


def record(*required: str, **fields: Check) -> Check:
    def check(value: Any, where: str) -> None:
        kind(dict)(value, where)
        for key in required:
            if key not in value:
                raise MalformedError(f"{where}: {key} is missing")
        for key, element in value.items():
            if key not in fields:
                raise MalformedError(f"{where}: {key!r} is none of {', '.join(fields)}")
            fields[key](element, f"{where}, {key}")

    return check


def exactly_one(*keys: str, of: Check) -> Check:
    """Give the check of a record that has one of these keys."""

    def check(value: Any, where: str) -> None:
        of(value, where)
        if len([key for key in keys if key in value]) != 1:
            raise MalformedError(f"{where}: it has to have one of {', '.join(keys)}")

    return check


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML's own takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1 and key != "<<":
                raise MalformedError(f"{node.start_mark}: {key} is there twice")
        return super().construct_mapping(node, deep)


def load(file: Path) -> Any:
    with file.open("rb") as stream:
        return yaml.load(stream, _Loader)
