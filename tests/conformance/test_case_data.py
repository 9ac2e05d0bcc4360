"""That no case proves nothing for want of care: what is written wrongly is refused, and all that can be is expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cases
import pytest
from cases import ACTIONS, Case, all_cases, read
from schema import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What is wrong with each is said by its name; beside it are words of what is said of it.
WRONG = {
    "no cases": ("shared: []", "cases is missing"),
    "misspelt part": ("cases: [{name: a, expect: {addresses: []}, pod: {}}]", "'pod' is none of"),
    "no name": ("cases: [{expect: {addresses: []}}]", "name is missing"),
    "no expectation": ("cases: [{name: a}]", "expect is missing"),
    "empty expectation": ("cases: [{name: a, expect: {}}]", "none of init"),
    "misspelt expectation": ("cases: [{name: a, expect: {addresses: [], verdict: {}}}]", "'verdict' is none of"),
    "only part of one": ("cases: [{name: a, expect: {verdicts: {a: peer}}}]", "none of init"),
    "no such verdict": ("cases: [{name: a, expect: {addresses: [], verdicts: {a: pear}}}]", "pear"),
    "no such gate": ("cases: [{name: a, expect: {addresses: [], gate: shut}}]", "shut"),
    "no such status": ("cases: [{name: a, expect: {failure: {status: BAD}}}]", "BAD"),
    "no status": ("cases: [{name: a, expect: {failure: {words: [x]}}}]", "status is missing"),
    "misspelt part of a failure": ("cases: [{name: a, expect: {failure: {status: TLS, word: [x]}}}]", "'word'"),
    "words that are one": ("cases: [{name: a, expect: {failure: {status: TLS, words: x}}}]", "no list"),
    "two kinds of expectation": ("cases: [{name: a, expect: {init: {status: OK}, addresses: []}}]", "'addresses'"),
    "verdicts that nobody can tell": (
        "cases: [{name: a, expect: {failure: {status: NOT_SYNCED}, verdicts: {}}}]",
        "nobody can say verdicts",
    ),
    "peers of a failure": ("cases: [{name: a, expect: {failure: {status: TLS}, nodes: {}}}]", "'nodes'"),
    "misspelt field of a node": ("cases: [{name: a, expect: {addresses: [], nodes: {a: {port: 1}}}}]", "'port'"),
    "misspelt field of health": ("cases: [{name: a, expect: {addresses: [], health: {old: true}}}]", "'old'"),
    "misspelt field of a pod": ("cases: [{name: a, pods: {a: {ip: x}}, expect: {addresses: []}}]", "'ip'"),
    "no such phase": ("cases: [{name: a, pods: {a: {phase: Gone}}, expect: {addresses: []}}]", "Gone"),
    "number in the configuration": (
        "cases: [{name: a, configuration: {x: 1}, expect: {addresses: []}}]",
        "1 is no str",
    ),
    "no such action": (
        "cases: [{name: a, expect: {addresses: []}, steps: [{do: [{kill: [a]}], expect: {addresses: []}}]}]",
        "'kill'",
    ),
    "two actions in one": (
        "cases: [{name: a, expect: {calls: []}, steps: [{do: [{delete: [], allow: x}], expect: {addresses: []}}]}]",
        "one of",
    ),
    "step that expects nothing": (
        "cases: [{name: a, expect: {addresses: []}, steps: [{do: [{delete: [a]}]}]}]",
        "expect is missing",
    ),
    "step that expects no answer": (
        "cases: [{name: a, expect: {addresses: []}, steps: [{do: [], expect: {calls: []}}]}]",
        "neither failure nor addresses",
    ),
    "steps that are never taken": (
        "cases: [{name: a, expect: {register: {status: TLS}}, steps: []}]",
        "steps are never taken",
    ),
    "pods that nobody looks at": ("cases: [{name: a, pods: {}, expect: {init: {status: OK}}}]", "pods"),
    "call without a status": ("cases: [{name: a, expect: {calls: [{ask: init}]}}]", "status is missing"),
    "two of a name": ("cases: [{name: a, expect: {addresses: []}}, {name: a, expect: {addresses: []}}]", "several"),
    "a key twice": ("cases: [{name: a, expect: {addresses: [x], addresses: []}}]", "twice"),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "theme.yaml"
    file.write_text(text)
    with pytest.raises(MalformedError, match=words):
        read(file)


def test_one_case_for_each_value(tmp_path: Path) -> None:
    file = tmp_path / "theme.yaml"
    file.write_text(
        "cases: [{name: a, each: {x: ['1', null], y: ['2']}, expect: {init: {status: OK, words: ['${key}']}}}]"
    )
    found = [(case.part("configuration"), case.expect["init"]["words"]) for case in read(file)]
    assert found == [({"x": "1"}, ["x"]), ({"x": None}, ["x"]), ({"y": "2"}, ["y"])]


def expectations(case: Case) -> Iterator[dict[str, object]]:
    yield case.expect
    yield from (step["expect"] for step in case.data.get("steps", []))


def test_every_verdict_gate_and_action_is_in_some_case() -> None:
    verdicts, gates, actions = set(), {"open"}, set()
    for case in all_cases():
        for step in case.data.get("steps", []):
            actions |= {what for action in step["do"] for what in action}
        for expected in expectations(case):
            gates |= {expected["gate"]} if "gate" in expected else set()
            verdicts |= {verdict for verdict in expected.get("verdicts", {}).values() if isinstance(verdict, str)}
    assert verdicts == set(cases.VERDICTS)
    assert gates == set(cases.GATES)
    assert actions == set(ACTIONS)
