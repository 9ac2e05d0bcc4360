"""The cases of cases/*.yaml: README.md says what they mean."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, NamedTuple

from kubepeers import Status
from schema import MalformedError, either, exactly_one, kind, list_of, load, map_of, one_of, record

FOLDER = Path(__file__).with_name("cases")

TEXT, FLAG, NUMBER = kind(str), kind(bool), kind(int)
TEXTS = list_of(TEXT)
VERDICTS = (
    *("peer", "self", "not-running", "terminating", "no-ip", "no-ip-of-family", "no-discovery-port"),
    *("not-ready", "address-taken"),
)
VERDICT = one_of(*VERDICTS)
GATES = ("open", "self-absent", "self-not-yet", "self-excluded", "self-unselected", "self-unclear")
GATE = one_of(*GATES)

STATE: dict[str, Any] = {
    "ips": TEXTS,
    "phase": one_of("Pending", "Running", "Succeeded", "Failed", "Unknown"),
    "ready": FLAG,
    "started": TEXT,
}
POD = record(**{**STATE, "ready": one_of(True, False, None)}, labels=TEXTS, ports=TEXTS, node=TEXT, terminating=FLAG)

FAILURE_FIELDS: dict[str, Any] = {
    "status": one_of(*Status.__members__),
    "retryable": FLAG,
    "http_status": NUMBER,
    "words": TEXTS,
}
FAILURE = record("status", **FAILURE_FIELDS)
NODE = record(
    **dict.fromkeys(("host", "node_name", "revision"), TEXT),
    **dict.fromkeys(("discovery_port", "remoting_port", "peers_port"), NUMBER),
    ready=FLAG,
)
CALLS = list_of(record("ask", "status", ask=TEXT, payload=TEXT, **FAILURE_FIELDS))
HEALTH = record(
    **dict.fromkeys(("read", "stale", "watching", "polling"), FLAG),
    status=one_of(*Status.__members__),
    **{"class": TEXT},
)
#: What may be expected whatever the answer is; and what only if the pods were read, and if there are peers.
ALWAYS = {"calls": CALLS, "health": HEALTH, "log": TEXTS}
READ = {"verdicts": map_of(either(VERDICT, list_of(VERDICT))), "gate": GATE, "self": TEXTS}
PEERS = {"addresses": TEXTS, "nodes": map_of(NODE), "generation": one_of("new", "next", "same")}
#: An expectation is of one of these kinds, which is said by its first key that is here.
EXPECTATIONS = {
    "init": record("init", init=FAILURE),
    "register": record("register", register=FAILURE),
    "failure": record("failure", failure=FAILURE, **ALWAYS, **READ),
    "addresses": record("addresses", **ALWAYS, **READ, **PEERS),
    "calls": record("calls", calls=CALLS),
}


def expectation(value: Any, where: str) -> None:
    """See that all that is expected is looked at."""
    kind(dict)(value, where)
    found = next((name for name in EXPECTATIONS if name in value), None)
    if found is None:
        raise MalformedError(f"{where}: it has none of {', '.join(EXPECTATIONS)}")
    EXPECTATIONS[found](value, where)
    unread = found == "failure" and value["failure"]["status"] == "NOT_SYNCED"
    for key in READ if unread else ():
        if key in value:
            raise MalformedError(f"{where}: nobody can say {key}")


def answer(value: Any, where: str) -> None:
    """See that it is one that is there after a change."""
    expectation(value, where)
    if not value.keys() & {"failure", "addresses"}:
        raise MalformedError(f"{where}: it has neither failure nor addresses")


ACTIONS = {
    "create": map_of(POD),
    "update": map_of(record(**STATE)),
    "relabel": map_of(TEXTS),
    "terminate": TEXTS,
    "delete": TEXTS,
    "allow": TEXT,
}
STEP = record("do", "expect", why=TEXT, do=list_of(exactly_one(*ACTIONS, of=record(**ACTIONS))), expect=answer)
SETTINGS = map_of(kind(str, bytes, type(None)))
CASE = record(
    *("name", "expect"),
    name=TEXT,
    why=TEXT,
    token=one_of("bound", "unbound"),
    allow=TEXT,
    pods=map_of(POD),
    files=SETTINGS,
    configuration=SETTINGS,
    environment=map_of(kind(str, type(None))),
    each=map_of(list_of(kind(str, bytes, type(None)))),
    expect=expectation,
    steps=list_of(STEP),
)


class Case(NamedTuple):
    """One case."""

    name: str
    data: dict[str, Any]

    @property
    def expect(self) -> dict[str, Any]:
        expect: dict[str, Any] = self.data["expect"]
        return expect

    def part(self, name: str) -> Any:
        """Give a part of it that maps something; empty if it is not there."""
        return self.data.get(name, {})


def read(file: Path) -> list[Case]:
    """Read a file of cases."""
    # Shared parts of it are for its cases to use, as YAML's anchors.
    theme = load(file)
    record("cases", shared=kind(dict, list), cases=list_of(CASE))(theme, file.name)
    for data in theme["cases"]:
        all_is_used(data)
    found = [case for data in theme["cases"] for case in expanded(file.stem, data)]
    names = [case.name for case in found]
    for name in names:
        if names.count(name) > 1:
            raise MalformedError(f"{name}: there are several")
    return found


def all_is_used(data: dict[str, Any]) -> None:
    """Refuse what is there for nothing."""
    answers = data["expect"].keys() & {"failure", "addresses"}
    if "steps" in data and not answers:
        raise MalformedError(f"{data['name']}: steps are never taken")
    if "each" in data and "init" not in data["expect"]:
        raise MalformedError(f"{data['name']}: only init is asked with each of several values")
    unused = data.keys() - {"name", "why", "configuration", "each", "expect"}
    if "init" in data["expect"] and unused:
        raise MalformedError(f"{data['name']}: before init nobody looks at {', '.join(unused)}")


def expanded(theme: str, data: dict[str, Any]) -> list[Case]:
    """Give the case, or one for each value that a key of the configuration is to have."""
    name = f"{theme}: {data['name']}"
    if "each" not in data:
        return [Case(name, data)]
    return [
        Case(f"{name}, {key}={value!r}", with_value(data, key, value))
        for key, values in data["each"].items()
        for value in values
    ]


def with_value(data: dict[str, Any], key: str, value: str | bytes | None) -> dict[str, Any]:
    one = copy.deepcopy(data)
    one.setdefault("configuration", {})[key] = value
    for failure in one["expect"].values():
        failure["words"] = [word.replace("${key}", key) for word in failure.get("words", [])]
    return one


def all_cases() -> list[Case]:
    """Read them all."""
    return [case for file in sorted(FOLDER.glob("*.yaml")) for case in read(file)]
