"""One subscription in each language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lines import told

if TYPE_CHECKING:
    from probes import Line, Probe, Probes

#: Milliseconds to wait for what has to come, and for what must not.
PATIENCE_MS, MOMENT_MS = 30000, 20


class Subscriptions:
    """Those of all probes."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes
        #: The generation that each language's has told last; 0 if none.
        self._told = dict.fromkeys((probe.language for probe in probes.all), 0)

    def follow(self, probe: Probe, generation: int, addresses: list[str]) -> None:
        """Go on until it has told the present state, which is this."""
        last = self._told[probe.language]
        found = addresses
        while self._told[probe.language] < generation:
            newer, found = told(probe, probe.ask(f"next {PATIENCE_MS}"))
            assert newer > self._told[probe.language], probe.language
            self._told[probe.language] = newer
        assert found == addresses, f"{probe.language}, after generation {last}"

    def tell_nothing(self) -> None:
        """See that nothing is told twice, and nothing that mends itself."""
        assert self._probes.ask(f"next {MOMENT_MS}") == ("next", "TIMEOUT", False, 0, "")

    def end(self) -> dict[str, Line]:
        """Give the failures that they end with, whatever they have told before."""
        lines = self._probes.by_language(f"next {PATIENCE_MS}")
        for probe in self._probes.all:
            while lines[probe.language].status == "OK":
                lines[probe.language] = probe.ask(f"next {PATIENCE_MS}")
            self._told[probe.language] = 0
        return lines
