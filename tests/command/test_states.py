"""Each command in each state."""

from __future__ import annotations

import pytest
from fixtures import Namespace
from reports import Report
from states import STATES, State

in_each_state = pytest.mark.parametrize("state", STATES.values(), ids=STATES)


@in_each_state
def test_peers(namespace: Namespace, state: State) -> None:
    state.arrange(namespace)
    code, words = state.peers
    done = namespace.run_for(
        2 if state.is_retryable else 60,
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


@in_each_state
def test_doctor(namespace: Namespace, state: State) -> None:
    state.arrange(namespace)
    done = namespace.run_for(
        8 if state.is_unread else 60,
        lambda done: "has not answered within" not in done.stdout,
        "doctor",
        "--json",
    )
    report = Report(done)
    flaws, words = state.doctor
    assert report.flaws == flaws, report.json["text"]
    report.assert_has(*words)


@in_each_state
def test_watch(namespace: Namespace, state: State) -> None:
    state.arrange(namespace)
    with namespace.start("watch") as watch:
        if state.watch is None:
            code, stderr = watch.wait()
            assert code == state.peers[0]
            assert all(word in stderr for word in state.peers[1])
        else:
            watch.wait_for_line(*state.watch)
            assert watch.interrupt() == (130, "")


@in_each_state
def test_explain(namespace: Namespace, state: State) -> None:
    state.arrange(namespace)
    done = namespace.run("explain", "--timeout", "2" if state.is_unread else "60")
    if "may not be listed" in done.stderr or state.is_unread or state.watch is None:
        assert done.returncode == state.peers[0], done
        assert done.stdout == ""
    if done.returncode == 0:
        # Pods that are read are explained even if `peers` has no result.
        assert " pods with labels `" in done.stdout
        assert "POD" in done.stdout
        assert done.stderr == ""
