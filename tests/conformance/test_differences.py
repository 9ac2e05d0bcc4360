"""That a difference between languages is found out, whatever call it is in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from arrangement import Arrangement
from cases import Case
from member import Member, required
from playing import play, refused_by_init
from probes import Line, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from namespace import Namespace
    from probes import Probes

#: An answer of each command, and of another language one that differs from it.
DIFFERENT = [
    (Line("discover", "OK", False, 0, "10.0.0.2:1"), Line("discover", "OK", False, 0, "")),
    (Line("discover", "STALE", True, 0, ""), Line("discover", "STALE", False, 0, "")),
    (Line("wait", "TIMEOUT", True, 0, ""), Line("wait", "TIMEOUT", True, 403, "")),
    (Line("settle", "TIMEOUT", True, 0, "x"), Line("settle", "TIMEOUT", True, 0, "y")),
    (Line("register", "TLS", False, 0, ""), Line("register", "UNAUTHORIZED", False, 0, "")),
    (Line("explain", "OK", False, 0, '{"a":null}'), Line("explain", "OK", False, 0, '{"a":""}')),
    (Line("explain", "OK", False, 0, "NAME A"), Line("explain", "OK", False, 0, "NAME  A")),
]

#: What README.md allows to be different.
ALIKE = [
    (Line("explain", "OK", False, 0, '{"a":1,"b":2}'), Line("explain", "OK", False, 0, '{"b": 2, "a": 1}')),
    (Line("wait", "TIMEOUT", True, 0, "within 10 ms"), Line("wait", "TIMEOUT", True, 0, "")),
    (Line("refresh", "STALE", True, 0, "10 ms old"), Line("refresh", "STALE", True, 0, "11 ms old")),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_lines_that_differ(one: Line, other: Line) -> None:
    with pytest.raises(AssertionError, match="Go and C differ"):
        same({"C": one, "Go": other})


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_lines_that_do_not(one: Line, other: Line) -> None:
    assert same({"C": one, "Go": other}) == one


RECORDS = [
    "info looking for pods with labels `app=conformance` in namespace `${namespace}`; own pod: `me` (uid ${uid of me})",
    "info generation 1: 2 peers, 1 pods left out, gate open",
]
CASE = Case(
    "two peers",
    {
        "pods": {"a": {"ips": ["10.0.0.2"]}, "b": {"ips": ["10.0.0.3"]}},
        "configuration": {"log": "info"},
        "expect": {
            "addresses": ["10.0.0.2:3322", "10.0.0.3:3322"],
            "calls": [{"ask": "refresh 60000", "status": "OK"}],
            "log": RECORDS,
        },
    },
)

#: In the answers to a command, what is replaced by what.
LIES = {
    "init fails": ("init", r"OK\t0", r"INVALID_CONFIG\t0"),
    "register is to be tried again": ("register", r"OK\t0", r"OK\t1"),
    "a peer fewer": ("discover", r" 10\.0\.0\.3:3322", ""),
    "a peer fewer after wait": ("wait", r" 10\.0\.0\.3:3322", ""),
    "a peer fewer after settle": ("settle", r" 10\.0\.0\.3:3322", ""),
    "a peer fewer told by the subscription": ("next", r" 10\.0\.0\.3:3322", ""),
    "a subscription that tells nothing": ("next", r"OK\t.*", r"TIMEOUT\t0\t0\t"),
    "a subscription that tells it twice": ("next", r"TIMEOUT\t0\t0\t", r"OK\t0\t0\t1 10.0.0.2:3322 10.0.0.3:3322"),
    "nothing newer, for good": ("wait", r"TIMEOUT\t1", r"TIMEOUT\t0"),
    "another generation": ("generation", r"1\n", r"2\n"),
    "another port": ("nodes", ",3320,", ",3321,"),
    "another uid": ("nodes", r"(?<=,)[0-9a-f]{8}-", "00000000-"),
    "another verdict": ("explain", '"verdict": ?"peer"', '"verdict":"no-ip"'),
    "no address is an empty one": ("explain", '"address": ?null', '"address":""'),
    "another table": ("explain", "peer ", "pear "),
    "trouble": ("health", r"OK\t0\t0", r"OK\t0\t503"),
    "a refresh in vain": ("refresh", r"OK\t0", r"STALE\t1"),
    "another level": ("log", r"\tinfo ", r"\twarn "),
    "no record": ("log", r"OK\t.*", r"TIMEOUT\t0\t0\t"),
}


@pytest.fixture
def languages(languages: dict[str, list[str]], request: pytest.FixtureRequest) -> dict[str, list[str]]:
    """C, and a language that says the same but for one thing."""
    liar = [sys.executable, str(Path(__file__).with_name("liar.py")), *request.param]
    return {"C": languages["C"], "another": [*liar, *languages["C"]]}


@pytest.fixture
def play_it(namespace: Namespace, start: Callable[..., Probes], tmp_path: Path) -> Iterator[Callable[[], None]]:
    with Arrangement(CASE, Member(namespace, tmp_path / "mount", start), namespace, tmp_path) as arrangement:
        yield lambda: play(CASE, arrangement.start(), arrangement)


@pytest.mark.parametrize("languages", LIES.values(), ids=LIES, indirect=True)
def test_a_language_that_says_something_else(play_it: Callable[[], None]) -> None:
    with pytest.raises(AssertionError, match="another"):
        play_it()


@pytest.mark.parametrize("languages", [("init", "`watch`: ", "`watch`:")], ids=["a message"], indirect=True)
def test_a_language_whose_init_says_something_else(start: Callable[..., Probes]) -> None:
    expected = {"status": "INVALID_CONFIG", "words": ["`watch`"]}
    with pytest.raises(AssertionError, match="another and C differ"):
        refused_by_init(start({**required("default"), "watch": "none"}), expected)


@pytest.mark.parametrize("languages", [("discover", "nothing", "")], ids=["nothing"], indirect=True)
def test_a_language_that_says_the_same(play_it: Callable[[], None]) -> None:
    play_it()
