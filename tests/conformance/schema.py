"""Checks the form of YAML data.

All unknown keys are rejected, because a misspelled expectation would check nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

#: Raises MalformedError if a value is invalid. The str is the path to the value.
Check = Callable[[Any, str], None]


class MalformedError(Exception):
    """The data is invalid."""


def of_type(*types: type) -> Check:
    def check(value: Any, where: str) -> None:
        # isinstance would accept a bool as an int.
        if type(value) not in types:
            expected = " or ".join(t.__name__ for t in types)
            raise MalformedError(f"{where}: {value!r}: expected {expected}")

    return check


def one_of(*values: Any) -> Check:
    def check(value: Any, where: str) -> None:
        if value not in values:
            raise MalformedError(
                f"{where}: {value!r}: expected one of {', '.join(map(str, values))}"
            )

    return check


def value_or_list(item: Check, items: Check) -> Check:
    def check(value: Any, where: str) -> None:
        (items if isinstance(value, list) else item)(value, where)

    return check


def list_of(item: Check) -> Check:
    def check(value: Any, where: str) -> None:
        of_type(list)(value, where)
        for number, element in enumerate(value, start=1):
            item(element, f"{where}, {number}")

    return check


def map_of(item: Check) -> Check:
    def check(value: Any, where: str) -> None:
        of_type(dict)(value, where)
        for key, element in value.items():
            of_type(str)(key, where)
            item(element, f"{where}, {key}")

    return check


def record(*required: str, **fields: Check) -> Check:
    def check(value: Any, where: str) -> None:
        of_type(dict)(value, where)
        for key in required:
            if key not in value:
                raise MalformedError(f"{where}: missing {key}")
        for key, element in value.items():
            if key not in fields:
                raise MalformedError(
                    f"{where}: unknown key {key!r}: expected one of {', '.join(fields)}"
                )
            fields[key](element, f"{where}, {key}")

    return check


def record_with_one_of(**fields: Check) -> Check:
    """Return a check for records with exactly one of these fields."""

    def check(value: Any, where: str) -> None:
        record(**fields)(value, where)
        if len(value) != 1:
            raise MalformedError(f"{where}: expected exactly one of {', '.join(fields)}")

    return check


class _Loader(yaml.SafeLoader):
    """Rejects a duplicate key. The base class would use the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1 and key != "<<":
                raise MalformedError(f"{node.start_mark}: duplicate key {key}")
        return super().construct_mapping(node, deep)


def load(file: Path) -> Any:
    with file.open("rb") as stream:
        return yaml.load(stream, _Loader)
