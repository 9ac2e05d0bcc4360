"""For what is waited, and for what not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from kubepeers import AccessError, Health, KubepeersError, NoResultError
from kubepeers.tool.doctor import waiting
from kubepeers.tool.doctor.waiting import Access, wait
from kubepeers.tool.session import patiently


class Asked:
    """Answers, or fails, as it was told to; the last one forever."""

    def __init__(self, *answers: Any) -> None:
        self._answers: Iterator[Any] = iter(answers)
        self._answer: Any = None
        self.times = 0

    def __call__(self, timeout: float = 0) -> Any:
        self.times += 1
        self._answer = next(self._answers, self._answer)
        if isinstance(self._answer, KubepeersError):
            raise self._answer
        return self._answer


NOT_YET = NoResultError("", retryable=True)
NEVER = NoResultError("", retryable=False)


def test_what_a_retry_mends_is_waited_for() -> None:
    asked = Asked(NOT_YET, NOT_YET, 1)
    assert patiently(asked, 60) == 1
    for asked, seconds in ((Asked(NEVER), 60.0), (Asked(NOT_YET), 0.0)):
        with pytest.raises(NoResultError):
            patiently(asked, seconds)
        assert asked.times == 1


def health(
    age: float | None, error: KubepeersError | None = None, *, polling: bool = False
) -> Health:
    return Health(
        age is not None, math.inf if age is None else age, age is None, False, polling, error, ""
    )


class Looking:
    """A provider whose health is one after the other of these."""

    def __init__(self, *healths: Health) -> None:
        self._healths, self._times = healths, 0
        self.refreshed = 0

    def health(self) -> Health:
        self._times += 1
        return self._healths[min(self._times, len(self._healths)) - 1]

    def refresh(self, timeout: float) -> None:
        self.refreshed += 1
        raise NoResultError("")


BEGIN, READ = health(None), health(0)
PASSING = health(None, AccessError("", retryable=True))
LASTING = health(None, AccessError("", retryable=False))
REFUSED = health(1000, AccessError("", retryable=True))
SILENT = health(1000, AccessError("", retryable=True))
POLLS = health(0, AccessError("", retryable=False), polling=True)

SEQUENCES = {
    "a server that comes late": ([BEGIN, PASSING, PASSING, READ], True),
    "what does not fix itself": ([BEGIN, PASSING, LASTING], False),
    "a watch that is refused after the list": ([READ, READ, REFUSED, READ, REFUSED, POLLS], False),
    "a watch that comes late": ([READ, SILENT, READ, SILENT, SILENT], True),
}


@pytest.mark.parametrize(("sequence", "watched"), SEQUENCES.values(), ids=SEQUENCES)
def test_the_doctor_waits_for_the_last_of_these(sequence: list[Health], watched: bool) -> None:
    last = replace(sequence[-1], watching=watched)
    found = wait(Looking(*sequence[:-1], last), 60)  # type: ignore[arg-type]
    assert (found.health, found.watched) == (last, watched)


def test_the_doctor_does_not_wait_for_ever() -> None:
    for lasting in (BEGIN, PASSING, REFUSED, SILENT, READ):
        assert wait(Looking(lasting), 0.2).health is lasting  # type: ignore[arg-type]


def test_what_mended_itself_is_no_failure_and_what_did_not_is() -> None:
    assert _seen(BEGIN, PASSING, READ).failed is None
    assert _seen(BEGIN, PASSING, READ, SILENT, READ).failed is SILENT


@pytest.mark.parametrize("last", [READ, SILENT])
def test_whether_it_is_only_the_watch_another_list_tells(last: Health) -> None:
    assert _seen(READ, SILENT, SILENT, last).answered_again == (last is READ)


def _seen(*healths: Health) -> Access:
    looking = Looking(*healths[:-1], replace(healths[-1], watching=True))
    access = wait(looking, 60)  # type: ignore[arg-type]
    # Once, however often it fails.
    assert looking.refreshed == (SILENT in healths)
    return access


def test_an_answer_before_a_failure_is_none_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a look lasts: here the list was answered in it, at 9, and the watch broke."""
    times = iter((0.0, 10.0, 11.0))
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: next(times)))
    broken = [health(age, AccessError("", retryable=True)) for age in (1, 2)]
    access = Access(Looking(BEGIN, *broken))  # type: ignore[arg-type]
    for _ in broken:
        access.look()
    assert access.failed
    assert not access.answered_again
