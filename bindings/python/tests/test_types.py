"""The result types."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import typing
from collections.abc import Sequence
from typing import Any

import kubepeers
import pytest
from kubepeers import (
    ExplainedPod,
    Explanation,
    Health,
    NamedPort,
    Node,
    Report,
    Snapshot,
    Step,
)

NODE = Node("a", "ua", "10.0.0.2", 1, 3, 0, ready=True, node_name="n1", revision="r1")
POD = ExplainedPod(
    *(
        "a",
        "peer",
        "10.0.0.2:1",
        ("10.0.0.2",),
        "Running",
        True,
        False,
        "n1",
        "ua",
        "r1",
        "2026-01-01T00:00:00Z",
    ),
    (NamedPort("gossip", 1),),
)
STEP = Step("login", "wrong", ("the API server rejects the token",), "Mount it.", None)
VALUES: list[Any] = [
    Snapshot(7, ("10.0.0.2:1", "[fd00::1]:1")),
    NODE,
    Health(True, 1.5, False, True, False, None, ""),
    NamedPort("gossip", 1),
    POD,
    Explanation("default", "app=test", "`me`", "open", (POD,)),
    STEP,
    Report("wrong", "WRONG login: …", (STEP,), None, "WRONG login: …\n"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_results_are_immutable_values(value: Any) -> None:
    fields = [field.name for field in dataclasses.fields(value)]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, fields[0], None)
    assert not hasattr(value, "__dict__")
    assert {value: 1}[dataclasses.replace(value)] == 1
    assert pickle.loads(pickle.dumps(value)) == value
    assert all(f"{name}=" in repr(value) for name in fields)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_field_is_documented_and_has_a_type(value: Any) -> None:
    hints = typing.get_type_hints(type(value))
    for field in dataclasses.fields(value):
        assert field.name in hints
        # The fields of NamedPort need no description.
        assert isinstance(value, NamedPort) or f"\n    {field.name}: " in inspect.getdoc(
            type(value)
        )


def test_snapshot_is_a_sequence_of_addresses() -> None:
    snapshot, alone = Snapshot(7, ("10.0.0.2:1", "[fd00::1]:1")), Snapshot(8, ())
    assert isinstance(snapshot, Sequence)
    assert list(snapshot) == ["10.0.0.2:1", "[fd00::1]:1"]
    assert (len(snapshot), snapshot[-1], snapshot[:1]) == (2, "[fd00::1]:1", ("10.0.0.2:1",))
    assert "10.0.0.2:1" in snapshot
    assert "10.0.0.3:1" not in snapshot
    assert snapshot
    assert not alone
    assert snapshot != Snapshot(8, snapshot.addresses)


def test_address_of_a_node_has_brackets_for_ipv6() -> None:
    assert NODE.address == "10.0.0.2:1"
    assert dataclasses.replace(NODE, host="fd00::1").address == "[fd00::1]:1"


def test_types_are_in_the_public_module() -> None:
    for name in kubepeers.__all__:
        assert getattr(getattr(kubepeers, name), "__module__", "kubepeers") == "kubepeers"
