"""What the examination consists of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

#: In the order in which each needs those before it.
NAMES = (
    "library",
    "configuration",
    "credentials",
    "DNS",
    "connection",
    "TLS",
    "server",
    "login",
    "permission",
    "selector",
    "ports",
    "peers",
    "self",
    "answer",
)


#: Phases of pods whose containers will not run again.
ENDED = ("Succeeded", "Failed")


class State(Enum):
    """What there is to say of a step."""

    OK = "ok"
    #: It works, but is probably not meant so.
    WARNING = "warning"
    WRONG = "wrong"
    NOT_REACHED = "not reached"


@dataclass(frozen=True)
class Remedy:
    """What fixes a step."""

    #: Paragraphs, and lines to be copied, which begin with four blanks.
    advice: str
    #: What `kubectl apply -f -` takes; "" if nothing.
    manifest: str = ""
    #: The manifest may be applied as it is.
    complete: bool = True


@dataclass(frozen=True)
class Step:
    """One step of the examination."""

    name: str
    state: State
    #: Sentences.
    says: tuple[str, ...] = ()
    remedy: Remedy | None = None


def ok(name: str, *says: str) -> Step:
    """Say that a step is well."""
    return Step(name, State.OK, says)


def warning(name: str, *says: str, remedy: Remedy | None = None) -> Step:
    """Say that a step works, but is probably not meant so."""
    return Step(name, State.WARNING, says, remedy)


def wrong(name: str, *says: str, remedy: Remedy) -> Step:
    """Say that a step is wrong, and what fixes it."""
    return Step(name, State.WRONG, says, remedy)


def not_reached(name: str) -> Step:
    """Say that a step before it has to be fixed first."""
    return Step(name, State.NOT_REACHED)
