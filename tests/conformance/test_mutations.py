"""The case runner detects every kind of wrong expectation, and a language that differs."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import probes
import pytest
import subscriptions
from case_runner import check_init, run_case
from case_setup import CaseSetup
from cases import CASE, Case
from member import Member, required_settings, required_variable
from processes import Executable, Program

if TYPE_CHECKING:
    from collections.abc import Callable

    from namespace import Namespace
    from probes import Probes

#: Correct cases, which pass.
CASES: dict[str, dict[str, Any]] = {
    "peers": {
        "pods": {"a": {"ips": ["10.0.0.2"]}, "b": {}},
        "configuration": {"log": "warn"},
        "expect": {
            "addresses": ["10.0.0.2:3322"],
            "verdicts": {"me": "self", "a": "peer", "b": "no-ip"},
            "nodes": {"a": {"host": "10.0.0.2", "discovery_port": 3322, "ready": False}},
            "gate": "open",
            "self": ["`me`"],
            "health": {"watching": True},
            "calls": [{"command": "wait 0 0", "status": "OK", "payload": "1 10.0.0.2:3322"}],
            "log": [],
        },
        "steps": [
            {
                "do": [{"relabel": {"b": ["app=other"]}}],
                "expect": {"addresses": ["10.0.0.2:3322"], "generation": "same"},
            },
        ],
    },
    "failure": {
        "token": "unbound",
        "pods": {"me": {"ips": ["10.0.0.1"], "ports": []}},
        "configuration": {"pod_name": "me"},
        "expect": {
            "failure": {"status": "SELF_EXCLUDED", "words": ["`gossip`"]},
            "gate": "self-excluded",
        },
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

#: A case, the path of a value in its `expect` (or in a step, if the path begins with `steps`), and
#: a wrong value.
MUTATIONS: list[tuple[str, str, Any]] = [
    ("peers", "addresses", []),
    ("peers", "verdicts/b", ["not-running", "terminating"]),
    ("peers", "verdicts", {"me": "self", "a": "peer"}),
    ("peers", "nodes/a/ready", True),
    ("peers", "nodes/b", {}),
    ("peers", "gate", "self-absent"),
    ("peers", "self", ["`a`"]),
    ("peers", "health/polling", True),
    ("peers", "health/class", "forbidden"),
    ("peers", "calls/0/status", "TIMEOUT"),
    ("peers", "calls/0/payload", "1"),
    ("peers", "log", ["info another"]),
    ("peers", "steps/0/expect/generation", "next"),
    ("peers", "steps/0/expect/generation", "new"),
    ("failure", "failure/status", "SELF_NOT_VISIBLE"),
    ("failure", "failure/retryable", True),
    ("failure", "failure/http_status", 403),
    ("failure", "failure/words", ["`remoting`"]),
    ("register", "register/status", "FORBIDDEN"),
    ("init", "init/status", "OK"),
]

#: For each comparison of languages: a command, a pattern in its answers, and a replacement that
#: makes the second language differ.
LIES = {
    "common answer": ("discover", r"10\.0\.0\.2", "10.0.0.3"),
    "generation": ("wait", r"OK\t0\t0\t1", r"OK\t0\t0\t2"),
    "subscription": ("next", r"10\.0\.0\.2", "10.0.0.3"),
    "explain": ("explain", '"address": ?null', '"address":""'),
}


@pytest.fixture
def languages(request: pytest.FixtureRequest) -> dict[str, Program]:
    c = Executable(required_variable("KUBEPEERS_PROBE_C"))
    if not hasattr(request, "param"):
        return {"C": c}
    lying_probe = str(Path(__file__).with_name("lying_probe.py"))
    return {"C": c, "other": Executable(sys.executable, lying_probe, *request.param, *c.command)}


@pytest.fixture
def run(
    namespace: Namespace, start_probes: Callable[..., Probes], tmp_path: Path
) -> Callable[..., None]:
    def run(data: dict[str, Any]) -> None:
        CASE({"name": "a case", **data}, "")
        case = Case("a case", data)
        if "init" in case.expect:
            probes = start_probes({**required_settings("default"), **case.part("configuration")})
            check_init(probes, case.expect["init"])
            return
        with CaseSetup(
            case, Member(namespace, tmp_path / "mount", start_probes), namespace, tmp_path
        ) as setup:
            run_case(case, setup.start(), setup)

    return run


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short timeouts, because the awaited answers never come."""
    monkeypatch.setattr(probes, "WAIT_TIMEOUT_S", 0.5)
    monkeypatch.setattr(subscriptions, "EXPECTED_MS", 200)


def mutated(data: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    copied = copy.deepcopy(data)
    parent: Any = copied if path.startswith("steps/") else copied["expect"]
    *keys, last = path.split("/")
    for key in keys:
        parent = parent[int(key)] if isinstance(parent, list) else parent.setdefault(key, {})
    parent[last] = value
    return copied


@pytest.mark.parametrize("name", CASES)
def test_unchanged_case_passes(run: Callable[..., None], name: str) -> None:
    run(CASES[name])


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(("name", "path", "value"), MUTATIONS)
def test_wrong_expectation_fails(
    run: Callable[..., None], name: str, path: str, value: Any
) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run(mutated(CASES[name], path, value))


@pytest.mark.parametrize("languages", LIES.values(), ids=LIES, indirect=True)
def test_different_answer_of_a_language_fails(run: Callable[..., None]) -> None:
    with pytest.raises(AssertionError, match="other"):
        run(CASES["peers"])
