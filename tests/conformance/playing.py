"""Plays a case to the probes, and looks at what is expected by every way to ask that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import subscriptions
from facts import facts
from lines import Record, see, told
from probes import Line, same

if TYPE_CHECKING:
    from arrangement import Arrangement
    from cases import Case
    from probes import Probe, Probes

#: Calls that give peers or why there are none.
ASKING = ("discover", "nodes", "wait 0 0", "settle 0 0 0")

#: What may be said of two generations, one after the other.
SINCE = {
    "same": lambda before, present: present == before,
    "next": lambda before, present: present == before + 1,
    "new": lambda before, present: present > before,
}


def play(case: Case, probes: Probes, arrangement: Arrangement) -> None:
    """Play the case from its beginning to its end."""
    player = Player(probes, arrangement)
    if "calls" in case.expect and not case.expect.keys() & {"failure", "addresses"}:
        player.calls(case.expect["calls"])
        return
    assert probes.ask("init") == ("init", "OK", False, 0, "")
    if "register" in case.expect:
        player.refused_by_register(case.expect["register"])
        return
    line = probes.ask("register")
    assert line == ("register", "OK", False, 0, ""), line
    player.check(case.expect)
    for step in case.data.get("steps", []):
        arrangement.change(step["do"])
        player.check(step["expect"])


def refused_by_init(probes: Probes, expected: dict[str, Any]) -> None:
    """See that init says what is expected, and leaves nothing half done where it fails."""
    lines = probes.by_language("init")
    see(lines, expected)
    same(lines)
    if expected["status"] != "OK":
        assert probes.statuses("register", "discover", "wait 0 0", "deregister") == ["NOT_INITIALIZED"] * 4


class Player:
    """Looks at one expectation after the other."""

    def __init__(self, probes: Probes, arrangement: Arrangement) -> None:
        self._probes = probes
        self._arrangement = arrangement
        self._subscriptions = subscriptions.Subscriptions(probes)
        #: The generation that each language had at the last look.
        self._present: dict[str, int] = {}

    def refused_by_register(self, expected: dict[str, Any]) -> None:
        """See that register fails for good, and leaves nothing running."""
        line = self._see("register", expected)
        assert self._probes.ask("discover").status == "NOT_REGISTERED"
        # It may be tried again, with the same outcome.
        assert self._probes.ask("register") == line

    def check(self, expected: dict[str, Any]) -> None:
        failure = expected.get("failure")
        if failure and failure["status"] == "NOT_SYNCED":
            self._not_synced(failure)
        else:
            self._explained(expected)
        # Before the answers: while there is trouble nobody settles.
        self._health(expected.get("health", {}))
        if failure:
            self._failure(failure)
        else:
            self._peers(expected)
        self.calls(expected.get("calls", []))
        self._log(expected)

    def calls(self, calls: list[dict[str, Any]]) -> None:
        for call in calls:
            self._see(call["ask"], call)

    def _see(self, command: str, expected: dict[str, Any]) -> Line:
        return self._all_say(self._probes.by_language(command), expected)

    def _all_say(self, lines: dict[str, Line], expected: dict[str, Any]) -> Line:
        see(lines, {**expected, "words": self._arrangement.words(expected.get("words", []))})
        return same(lines)

    # --- Where the pods are read ---

    def _explained(self, expected: dict[str, Any]) -> None:
        explanation = self._seen(expected.get("gate", "open"))
        self._verdicts({pod["name"]: pod["verdict"] for pod in explanation["pods"]}, expected)
        assert explanation["namespace"] == self._arrangement.namespace_asked
        assert explanation["selector"] == self._arrangement.selector
        for word in self._arrangement.words(expected.get("self", [])):
            assert word in explanation["self"]
        peers = [pod["address"] for pod in explanation["pods"] if pod["verdict"] == "peer"]
        assert {pod["address"] for pod in explanation["pods"] if pod["verdict"] != "peer"} <= {None}
        if "addresses" in expected:
            assert sorted(peers) == sorted(self._arrangement.words(expected["addresses"]))
        self._table(explanation)

    def _verdicts(self, found: dict[str, str], expected: dict[str, Any]) -> None:
        wanted = expected.get("verdicts", found)
        assert found.keys() == wanted.keys()
        for name, verdict in wanted.items():
            # Of several reasons any is good.
            assert found[name] in (verdict if isinstance(verdict, list) else [verdict]), name

    def _seen(self, gate: str) -> Any:
        """Wait until each language has seen all pods as they are now, and what that means for its own."""
        present = sorted(map(facts, self._arrangement.pods()), key=lambda pod: pod["name"])

        def is_seen(line: Line) -> bool:
            if line.status != "OK":  # before it has seen any
                return False
            # Verdict and address are what it makes of them.
            facts_told = [
                {key: value for key, value in pod.items() if key not in ("verdict", "address")}
                for pod in line.explanation["pods"]
            ]
            return facts_told == present and line.explanation["gate"] == gate

        return self._probes.eventually("explain json", is_seen).explanation

    def _table(self, explanation: Any) -> None:
        """See that every pod has one line, with its verdict."""
        table = self._probes.ask("explain table").message
        assert explanation["gate"] in table
        rows = [row.split() for row in table.splitlines()]
        for pod in explanation["pods"]:
            (row,) = [row for row in rows if row and row[0] == pod["name"]]
            assert pod["verdict"] in row

    # --- Where there are peers ---

    def _peers(self, expected: dict[str, Any]) -> None:
        addresses = self._arrangement.words(expected["addresses"])
        line = self._probes.ask("discover")
        assert line == ("discover", "OK", False, 0, " ".join(addresses))
        self._nodes(addresses, expected.get("nodes", {}))
        before = self._present.copy()
        for probe in self._probes.all:
            self._present[probe.language] = self._generation(probe, addresses)
            self._nothing_newer(probe, self._present[probe.language])
            self._subscriptions.follow(probe, self._present[probe.language], addresses)
        self._subscriptions.tell_nothing()
        if "generation" in expected:
            for language, present in self._present.items():
                assert SINCE[expected["generation"]](before[language], present), f"{language}: {before}"

    def _nodes(self, addresses: list[str], expected: dict[str, dict[str, Any]]) -> None:
        line = self._probes.ask("nodes")
        assert line[:4] == ("nodes", "OK", False, 0)
        records = [Record(*text.split(",")) for text in line.payload.split()]
        assert [record.address for record in records] == addresses
        uids = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in self._arrangement.pods()}
        for record in records:
            assert record.uid == uids[record.name]
        by_name = {record.name: record for record in records}
        for name, fields in expected.items():
            assert name in by_name
            for field, value in fields.items():
                told = getattr(by_name[name], field)
                assert told == str(int(value) if isinstance(value, bool) else value), f"{name}: {field}"

    def _generation(self, probe: Probe, addresses: list[str]) -> int:
        """Give the present one, after a look that all calls tell it with these addresses."""
        answers = {command: probe.ask(command) for command in ("wait 0 0", f"settle {len(addresses)} 0 0")}
        generation, _ = told(probe, answers["wait 0 0"])
        for command, line in answers.items():
            assert told(probe, line) == (generation, addresses), f"{probe.language}, {command}"
        at_once = generation if self._arrangement.has_generations else 0
        assert probe.ask("generation") == ("generation", "OK", False, 0, str(at_once)), probe.language
        # There are no more than these.
        line = probe.ask(f"settle {len(addresses) + 1} 0 0")
        assert line[:4] == ("settle", "TIMEOUT", True, 0), probe.language
        return generation

    def _nothing_newer(self, probe: Probe, generation: int) -> None:
        line = probe.ask(f"wait {generation} 0")
        assert line[:4] == ("wait", "TIMEOUT", True, 0), probe.language
        assert f"generation {generation}" in line.message, probe.language

    # --- Where there is no answer ---

    def _not_synced(self, failure: dict[str, Any]) -> None:
        """Wait until it is as expected, and see that nobody explains anything either."""
        words = self._arrangement.words(failure.get("words", []))

        def is_expected(line: Line) -> bool:
            is_lasting = line.retryable == failure.get("retryable", False)
            return is_lasting and all(word in line.message for word in words)

        self._probes.eventually("discover", is_expected)
        for command in ("explain json", "explain table", "refresh 0"):
            self._see(command, failure)

    def _failure(self, failure: dict[str, Any]) -> None:
        for command in ASKING:
            self._see(command, failure)
        assert self._probes.ask("generation") == ("generation", "OK", False, 0, "0")
        if failure.get("retryable"):
            self._subscriptions.tell_nothing()
        else:
            self._all_say(self._subscriptions.end(), failure)

    # --- What else there is ---

    def _health(self, expected: dict[str, Any]) -> None:
        read, polling = expected.get("read", True), expected.get("polling", False)
        flags = [read, expected.get("stale", False), expected.get("watching", read and not polling), polling]
        error = [expected.get("status", "-"), expected.get("class", "-")]
        payload = " ".join([*(str(int(flag)) for flag in flags), *error])
        line = self._probes.eventually("health", lambda line: line.payload == payload)
        assert line == ("health", "OK", False, 0, payload)

    def _log(self, expected: dict[str, Any]) -> None:
        if "log" not in expected:
            return
        for record in self._arrangement.words(expected["log"]):
            assert self._probes.ask(f"log {subscriptions.PATIENCE_MS}") == ("log", "OK", False, 0, record)
        assert self._probes.ask(f"log {subscriptions.MOMENT_MS}") == ("log", "TIMEOUT", False, 0, "")
