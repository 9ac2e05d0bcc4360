"""For what is waited, and for what not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kubepeers import ForbiddenError, Health, KubepeersError, NotSyncedError, UnavailableError
from kubepeers.tool.doctor.access import wait
from kubepeers.tool.session import patiently


class Asked:
    """Answers, or fails, as it was told to; the last one for ever."""

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

    health = __call__


NOT_YET = NotSyncedError("", retryable=True)
NEVER = NotSyncedError("", retryable=False)


def test_what_a_retry_mends_is_waited_for() -> None:
    asked = Asked(NOT_YET, NOT_YET, 1)
    assert patiently(asked, 60) == 1
    for asked, seconds in ((Asked(NEVER), 60.0), (Asked(NOT_YET), 0.0)):
        with pytest.raises(NotSyncedError):
            patiently(asked, seconds)
        assert asked.times == 1


def health(age: float | None, error: KubepeersError | None = None, *, polling: bool = False) -> Health:
    return Health(age, age is None, polling, error, "")


BEGIN, READ = health(None), health(0)
PASSING = health(None, UnavailableError("", retryable=True))
LASTING = health(None, ForbiddenError("", retryable=False))
REFUSED = health(0, ForbiddenError("", retryable=True))
POLLS = health(0, ForbiddenError("", retryable=False), polling=True)

SEQUENCES = {
    "a server that comes late": [BEGIN, PASSING, PASSING, READ],
    "what does not mend itself": [BEGIN, PASSING, LASTING],
    "a watch that is refused after the list": [READ, READ, REFUSED, READ, REFUSED, POLLS],
}


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_the_doctor_waits_for_the_last_of_these(sequence: list[Health]) -> None:
    assert wait(Asked(*sequence), 60) is sequence[-1]  # type: ignore[arg-type]


def test_the_doctor_does_not_wait_for_ever() -> None:
    for lasting in (BEGIN, PASSING, REFUSED):
        assert wait(Asked(lasting), 0.2) is lasting  # type: ignore[arg-type]
