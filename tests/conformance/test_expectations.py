"""That every kind of expectation is looked at: a case with one that does not hold fails."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import probes
import pytest
import subscriptions
from arrangement import Arrangement
from cases import CASE, Case
from member import Member, required
from playing import play, refused_by_init

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from namespace import Namespace
    from probes import Probes

#: What does hold.
GOOD: dict[str, dict[str, Any]] = {
    "peers": {
        "pods": {"a": {"ips": ["10.0.0.2"]}, "b": {}},
        "configuration": {"log": "info"},
        "expect": {
            "addresses": ["10.0.0.2:3322"],
            "verdicts": {"me": "self", "a": "peer", "b": "no-ip"},
            "nodes": {"a": {"host": "10.0.0.2", "discovery_port": 3322, "ready": False, "revision": ""}},
            "gate": "open",
            "self": ["`me`"],
            "health": {"read": True, "stale": False, "watching": True, "polling": False},
            "calls": [{"ask": "wait 0 0", "status": "OK", "payload": "1 10.0.0.2:3322"}],
        },
        "steps": [
            {
                "do": [{"update": {"a": {"ready": True}}}],
                "expect": {"addresses": ["10.0.0.2:3322"], "generation": "next", "nodes": {"a": {"ready": True}}},
            },
            {
                "do": [{"relabel": {"b": ["app=other"]}}],
                "expect": {"addresses": ["10.0.0.2:3322"], "generation": "same"},
            },
        ],
    },
    "log": {"expect": {"addresses": [], "log": []}},
    "failure": {
        "token": "unbound",
        "pods": {"me": {"ips": ["10.0.0.1"], "ports": []}},
        "configuration": {"pod_name": "me"},
        "expect": {"failure": {"status": "SELF_EXCLUDED", "words": ["`gossip`"]}, "gate": "self-excluded"},
    },
    "register": {
        "files": {"mount/token": "garbage"},
        "configuration": {"membership": "observer"},
        "expect": {"register": {"status": "UNAUTHORIZED", "http_status": 401, "words": ["token"]}},
    },
    "init": {
        "configuration": {"watch": "none"},
        "expect": {"init": {"status": "INVALID_CONFIG", "words": ["`watch`"]}},
    },
}

#: What is changed in one of them, so that it does not.
WRONG: list[tuple[str, str, Any]] = [
    ("peers", "addresses", []),
    ("peers", "addresses", ["10.0.0.2:3322", "10.0.0.3:3322"]),
    ("peers", "verdicts/b", "peer"),
    ("peers", "verdicts/b", ["not-running", "terminating"]),
    ("peers", "verdicts/c", "peer"),
    ("peers", "verdicts", {"me": "self", "a": "peer"}),
    ("peers", "nodes/a/host", "10.0.0.3"),
    ("peers", "nodes/a/discovery_port", 1),
    ("peers", "nodes/a/remoting_port", 1),
    ("peers", "nodes/a/peers_port", 1),
    ("peers", "nodes/a/ready", True),
    ("peers", "nodes/a/node_name", "node-2"),
    ("peers", "nodes/a/revision", "1"),
    ("peers", "nodes/b", {}),
    ("peers", "gate", "self-absent"),
    ("peers", "self", ["`a`"]),
    ("peers", "health/read", False),
    ("peers", "health/stale", True),
    ("peers", "health/watching", False),
    ("peers", "health/polling", True),
    ("peers", "health/status", "FORBIDDEN"),
    ("peers", "health/class", "forbidden"),
    ("peers", "calls/0/status", "TIMEOUT"),
    ("peers", "calls/0/retryable", True),
    ("peers", "calls/0/http_status", 403),
    ("peers", "calls/0/words", ["10.0.0.3"]),
    ("peers", "calls/0/payload", "1"),
    ("peers", "steps/0/expect/generation", "same"),
    ("peers", "steps/1/expect/generation", "next"),
    ("peers", "steps/1/expect/generation", "new"),
    ("peers", "steps/1/expect/addresses", []),
    ("log", "log", ["info another"]),
    ("failure", "failure/status", "SELF_NOT_VISIBLE"),
    ("failure", "failure/retryable", True),
    ("failure", "failure/http_status", 403),
    ("failure", "failure/words", ["`remoting`"]),
    ("failure", "gate", "open"),
    ("register", "register/status", "FORBIDDEN"),
    ("register", "register/http_status", 403),
    ("register", "register/retryable", True),
    ("register", "register/words", ["password"]),
    ("init", "init/status", "OK"),
    ("init", "init/status", "UNKNOWN_KEY"),
    ("init", "init/words", ["`membership`"]),
]


def changed(data: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Give a copy in which something of what is expected is another; beginning with `steps`, of a step."""
    copied = copy.deepcopy(data)
    place: Any = copied if path.startswith("steps/") else copied["expect"]
    *way, last = path.split("/")
    for key in way:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    place[last] = value
    return copied


@pytest.fixture
def languages(languages: dict[str, list[str]]) -> dict[str, list[str]]:
    return {"C": languages["C"]}


@pytest.fixture
def play_it(namespace: Namespace, start: Callable[..., Probes], tmp_path: Path) -> Callable[[dict[str, Any]], None]:
    def play_it(data: dict[str, Any]) -> None:
        CASE({"name": "a case", **data}, "")
        case = Case("a case", data)
        if "init" in case.expect:
            refused_by_init(start({**required("default"), **case.part("configuration")}), case.expect["init"])
            return
        with Arrangement(case, Member(namespace, tmp_path / "mount", start), namespace, tmp_path) as arrangement:
            play(case, arrangement.start(), arrangement)

    return play_it


@pytest.mark.parametrize("name", GOOD)
def test_what_holds(play_it: Callable[[dict[str, Any]], None], name: str) -> None:
    play_it(GOOD[name])


@pytest.mark.parametrize(("name", "path", "value"), WRONG)
def test_what_does_not(
    play_it: Callable[[dict[str, Any]], None], monkeypatch: pytest.MonkeyPatch, name: str, path: str, value: Any
) -> None:
    # What is waited for does not come.
    monkeypatch.setattr(probes, "PATIENCE", 0.5)
    monkeypatch.setattr(subscriptions, "PATIENCE_MS", 200)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        play_it(changed(GOOD[name], path, value))
