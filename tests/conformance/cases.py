"""Reads the cases of cases/*.yaml and checks their form. README.md documents it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, NamedTuple

from kubepeers import Status
from schema import (
    MalformedError,
    list_of,
    load,
    map_of,
    of_type,
    one_of,
    record,
    record_with_one_of,
    value_or_list,
)

FOLDER = Path(__file__).with_name("cases")

TEXT, FLAG, NUMBER = of_type(str), of_type(bool), of_type(int)
TEXTS = list_of(TEXT)
VERDICTS = (
    *(
        "peer",
        "self",
        "not-running",
        "terminating",
        "no-ip",
        "no-ip-of-family",
        "no-discovery-port",
    ),
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
POD = record(
    **{**STATE, "ready": one_of(True, False, None)},
    labels=TEXTS,
    ports=TEXTS,
    node=TEXT,
    terminating=FLAG,
)

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
CALLS = list_of(record("command", "status", command=TEXT, payload=TEXT, **FAILURE_FIELDS))
HEALTH = record(
    **dict.fromkeys(("read", "stale", "watching", "polling"), FLAG),
    status=one_of(*Status.__members__),
    **{"class": TEXT},
)
#: Expectations that any case may have.
COMMON = {"calls": CALLS, "health": HEALTH, "log": TEXTS}
#: Expectations that need a list of the pods.
SYNCED = {"verdicts": map_of(value_or_list(VERDICT, list_of(VERDICT))), "gate": GATE, "self": TEXTS}
#: Expectations that need a result.
PEERS = {"addresses": TEXTS, "nodes": map_of(NODE), "generation": one_of("new", "next", "same")}
#: The kinds of expectations. The first of these keys in an expectation determines its kind.
EXPECTATIONS = {
    "init": record("init", init=FAILURE),
    "register": record("register", register=FAILURE),
    "failure": record("failure", failure=FAILURE, **COMMON, **SYNCED),
    "addresses": record("addresses", **COMMON, **SYNCED, **PEERS),
    "calls": record("calls", calls=CALLS),
}


def expectation(value: Any, where: str) -> None:
    """Check that the runner uses every key of an expectation."""
    of_type(dict)(value, where)
    kind = next((name for name in EXPECTATIONS if name in value), None)
    if kind is None:
        raise MalformedError(f"{where}: expected one of {', '.join(EXPECTATIONS)}")
    EXPECTATIONS[kind](value, where)
    if kind == "failure" and value["failure"]["status"] == "NOT_SYNCED":
        for key in value.keys() & SYNCED:
            raise MalformedError(f"{where}: {key} is unknown before the first sync")


def step_expectation(value: Any, where: str) -> None:
    """Check the expectation of a step, which must have addresses or a failure."""
    expectation(value, where)
    if not value.keys() & {"failure", "addresses"}:
        raise MalformedError(f"{where}: expected failure or addresses")


ACTIONS = {
    "create": map_of(POD),
    "update": map_of(record(**STATE)),
    "relabel": map_of(TEXTS),
    "terminate": TEXTS,
    "delete": TEXTS,
    "allow": TEXT,
}
STEP = record(
    "do", "expect", why=TEXT, do=list_of(record_with_one_of(**ACTIONS)), expect=step_expectation
)
SETTING = of_type(str, bytes, type(None))
CASE = record(
    *("name", "expect"),
    name=TEXT,
    why=TEXT,
    token=one_of("bound", "unbound"),
    allow=TEXT,
    pods=map_of(POD),
    files=map_of(SETTING),
    configuration=map_of(SETTING),
    environment=map_of(of_type(str, type(None))),
    each=map_of(list_of(SETTING)),
    expect=expectation,
    steps=list_of(STEP),
)


class Case(NamedTuple):
    """One case of a file."""

    name: str
    data: dict[str, Any]

    @property
    def expect(self) -> dict[str, Any]:
        expect: dict[str, Any] = self.data["expect"]
        return expect

    def part(self, name: str) -> Any:
        """Return a mapping of the case, or an empty one if the case has none."""
        return self.data.get(name, {})


def read(file: Path) -> list[Case]:
    """Read and check a file of cases."""
    # `shared` holds YAML anchors for the cases.
    content = load(file)
    record("cases", shared=of_type(dict, list), cases=list_of(CASE))(content, file.name)
    for data in content["cases"]:
        reject_unused_keys(data)
    found = [case for data in content["cases"] for case in expand_each(file.stem, data)]
    names = [case.name for case in found]
    for name in names:
        if names.count(name) > 1:
            raise MalformedError(f"{name}: duplicate name")
    return found


def reject_unused_keys(data: dict[str, Any]) -> None:
    """Raise an error for keys that the runner ignores in this kind of case."""
    has_result = data["expect"].keys() & {"failure", "addresses"}
    if "steps" in data and not has_result:
        raise MalformedError(f"{data['name']}: steps need failure or addresses in expect")
    if "each" in data and "init" not in data["expect"]:
        raise MalformedError(f"{data['name']}: each needs init in expect")
    unused = data.keys() - {"name", "why", "configuration", "each", "expect"}
    if "init" in data["expect"] and unused:
        raise MalformedError(f"{data['name']}: init does not use {', '.join(unused)}")


def expand_each(theme: str, data: dict[str, Any]) -> list[Case]:
    """Return the case, or one case for each value in `each`."""
    name = f"{theme}: {data['name']}"
    if "each" not in data:
        return [Case(name, data)]
    return [
        Case(f"{name}, {key}={value!r}", with_value(data, key, value))
        for key, values in data["each"].items()
        for value in values
    ]


def with_value(data: dict[str, Any], key: str, value: str | bytes | None) -> dict[str, Any]:
    copied = copy.deepcopy(data)
    copied.setdefault("configuration", {})[key] = value
    for failure in copied["expect"].values():
        failure["words"] = [word.replace("${key}", key) for word in failure.get("words", [])]
    return copied


def all_cases() -> list[Case]:
    """Read the cases of all files."""
    return [case for file in sorted(FOLDER.glob("*.yaml")) for case in read(file)]
