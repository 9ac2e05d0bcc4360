"""Malformed cases are rejected, and the cases cover every verdict, gate and action."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cases
import pytest
from cases import ACTIONS, all_cases, read
from schema import MalformedError

if TYPE_CHECKING:
    from pathlib import Path

#: Invalid cases, each with a part of the error message.
INVALID = {
    "missing cases": ("shared: []", "missing cases"),
    "misspelled key of a case": (
        "cases: [{name: a, expect: {addresses: []}, pod: {}}]",
        "unknown key 'pod'",
    ),
    "missing expectation": ("cases: [{name: a}]", "missing expect"),
    "empty expectation": ("cases: [{name: a, expect: {}}]", "expected one of init"),
    "misspelled expectation": (
        "cases: [{name: a, expect: {addresses: [], verdict: {}}}]",
        "unknown key 'verdict'",
    ),
    "two kinds of expectations": (
        "cases: [{name: a, expect: {init: {status: OK}, addresses: []}}]",
        "'addresses'",
    ),
    "misspelled verdict": (
        "cases: [{name: a, expect: {addresses: [], verdicts: {a: pear}}}]",
        "pear",
    ),
    "misspelled gate": ("cases: [{name: a, expect: {addresses: [], gate: shut}}]", "shut"),
    "misspelled status": ("cases: [{name: a, expect: {failure: {status: BAD}}}]", "BAD"),
    "misspelled key of a failure": (
        "cases: [{name: a, expect: {failure: {status: TLS, word: [x]}}}]",
        "'word'",
    ),
    "text instead of a list": (
        "cases: [{name: a, expect: {failure: {status: TLS, words: x}}}]",
        "expected list",
    ),
    "verdicts before the first sync": (
        "cases: [{name: a, expect: {failure: {status: NOT_SYNCED}, verdicts: {}}}]",
        "unknown before the first sync",
    ),
    "misspelled field of a node": (
        "cases: [{name: a, expect: {addresses: [], nodes: {a: {port: 1}}}}]",
        "'port'",
    ),
    "misspelled field of health": (
        "cases: [{name: a, expect: {addresses: [], health: {old: true}}}]",
        "'old'",
    ),
    "misspelled field of a pod": (
        "cases: [{name: a, pods: {a: {ip: x}}, expect: {addresses: []}}]",
        "'ip'",
    ),
    "number in the configuration": (
        "cases: [{name: a, configuration: {x: 1}, expect: {addresses: []}}]",
        "1: expected str",
    ),
    "two actions in one": (
        "cases: [{name: a, expect: {calls: []}, steps: [{do: [{delete: [], allow: x}], expect: {addresses: []}}]}]",
        "exactly one of",
    ),
    "step without a result": (
        "cases: [{name: a, expect: {addresses: []}, steps: [{do: [], expect: {calls: []}}]}]",
        "expected failure or addresses",
    ),
    "steps after a failed register": (
        "cases: [{name: a, expect: {register: {status: TLS}}, steps: []}]",
        "steps need",
    ),
    "pods in a case of init": (
        "cases: [{name: a, pods: {}, expect: {init: {status: OK}}}]",
        "does not use pods",
    ),
    "call without a status": (
        "cases: [{name: a, expect: {calls: [{command: init}]}}]",
        "missing status",
    ),
    "duplicate name": (
        "cases: [{name: a, expect: {addresses: []}}, {name: a, expect: {addresses: []}}]",
        "duplicate",
    ),
    "duplicate key": (
        "cases: [{name: a, expect: {addresses: [x], addresses: []}}]",
        "duplicate key",
    ),
}


@pytest.mark.parametrize(("text", "words"), INVALID.values(), ids=INVALID)
def test_invalid_case_is_rejected(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "theme.yaml"
    file.write_text(text)
    with pytest.raises(MalformedError, match=words):
        read(file)


def test_cases_use_every_verdict_gate_and_action() -> None:
    verdicts, gates, actions = set(), {"open"}, set()
    for case in all_cases():
        steps = case.data.get("steps", [])
        actions |= {name for step in steps for action in step["do"] for name in action}
        for expected in (case.expect, *(step["expect"] for step in steps)):
            gates |= {expected["gate"]} if "gate" in expected else set()
            verdicts |= {
                verdict
                for verdict in expected.get("verdicts", {}).values()
                if isinstance(verdict, str)
            }
    assert verdicts == set(cases.VERDICTS)
    assert gates == set(cases.GATES)
    assert actions == set(ACTIONS)
