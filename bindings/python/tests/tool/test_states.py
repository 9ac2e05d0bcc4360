"""Each command in each state."""

from __future__ import annotations

import re

import pytest
from place import Place
from states import STATES, State

STEPS = (
    "library", "configuration", "credentials", "DNS", "connection", "TLS", "server", "login",
    "permission", "selector", "ports", "peers", "self", "answer",
)  # fmt: skip

each = pytest.mark.parametrize("state", STATES.values(), ids=STATES)


@each
def test_peers(place: Place, state: State) -> None:
    state.arrange(place)
    code, words = state.peers
    done = place.run_for(
        2 if state.lasts else 60,
        lambda done: code == 0 or all(word in done.stderr for word in words),
        "peers",
    )
    assert done.returncode == code, done
    if code == 0:
        assert done.stdout == "".join(f"{address}\n" for address in words)
        assert done.stderr == ""
    else:
        assert done.stdout == ""
        assert all(word in done.stderr for word in words), done.stderr


@each
def test_doctor(place: Place, state: State) -> None:
    state.arrange(place)
    done = place.run_for(
        6 if state.unread else 60, lambda done: "--timeout gives" not in done.stdout, "doctor"
    )
    flaws, words = state.doctor
    assert done.stderr == ""
    found = found_states(done.stdout)
    assert tuple(found) == STEPS
    assert {
        step: said for step, said in found.items() if said not in ("ok", "not reached")
    } == flaws, done.stdout
    # One paragraph after the other, however the lines are broken.
    text = " ".join(done.stdout.split())
    assert all(word in text for word in words), done.stdout
    assert done.returncode == ("wrong" in flaws.values())
    assert unmended(done.stdout) == set()


def found_states(output: str) -> dict[str, str]:
    """Read the table that doctor prints."""
    table = [line for line in output.partition("\n\n")[0].splitlines() if not line.startswith(" ")]
    said = {line.split()[0]: line.split(None, 1)[1] for line in table}
    known = ("ok", "not reached", "warning", "wrong")
    return {
        step: next(word for word in known if text.startswith(word)) for step, text in said.items()
    }


def unmended(output: str) -> set[str]:
    """Give the steps that are not well without a word of what fixes them.

    What is wrong with the library says it.
    """
    flaws = {step for step, state in found_states(output).items() if state in ("wrong", "warning")}
    headings = [line for line in output.splitlines() if line.startswith("To fix `")]
    return flaws - set(re.findall("`([^`]+)`", " ".join(headings))) - {"library"}


@each
def test_watch(place: Place, state: State) -> None:
    state.arrange(place)
    with place.watch() as watch:
        if state.watch is None:
            code, stderr = watch.ended()
            assert code == state.peers[0]
            assert all(word in stderr for word in state.peers[1])
        else:
            watch.says(*state.watch)
            assert watch.interrupted() == (130, "")
