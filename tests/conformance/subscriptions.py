"""One subscription in each language."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from answers import Answer
    from probes import Probe, Probes

#: The time to wait for a snapshot that must come, and for one that must not.
EXPECTED_MS, UNEXPECTED_MS = 30000, 20


class Subscriptions:
    """The subscriptions of all probes."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes
        #: The last generation that each language's subscription reported, or 0.
        self._reported = dict.fromkeys((probe.language for probe in probes.all), 0)

    def read_until(self, probe: Probe, generation: int, addresses: list[str]) -> None:
        """Read snapshots up to this generation, which must have these addresses."""
        last = self._reported[probe.language]
        found = addresses
        while self._reported[probe.language] < generation:
            newer, found = probe.call(f"next {EXPECTED_MS}").snapshot
            assert newer > self._reported[probe.language], probe.language
            self._reported[probe.language] = newer
        assert found == addresses, f"{probe.language}, after generation {last}"

    def expect_nothing(self) -> None:
        """Fail if a subscription reports a snapshot again, or a transient error."""
        assert self._probes.call(f"next {UNEXPECTED_MS}") == ("next", "TIMEOUT", False, 0, "")

    def read_to_end(self) -> dict[str, Answer]:
        """Read each subscription to its end and return the errors that end them."""
        answers = self._probes.call_each(f"next {EXPECTED_MS}")
        for probe in self._probes.all:
            while answers[probe.language].status == "OK":
                answers[probe.language] = probe.call(f"next {EXPECTED_MS}")
            self._reported[probe.language] = 0
        return answers
