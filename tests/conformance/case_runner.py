"""Runs a case with the probes and checks each expectation with every call that returns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import subscriptions
from answers import Answer, Record, assert_expected, common_answer
from reference import explained_fields

if TYPE_CHECKING:
    from case_setup import CaseSetup
    from cases import Case
    from probes import Probe, Probes

#: The commands that return peers, or the error if there is no result.
RESULT_COMMANDS = ("discover", "nodes", "wait 0 0", "settle 0 0 0")

#: The comparisons of a generation with that of the previous step.
GENERATION_RULES = {
    "same": lambda previous, current: current == previous,
    "next": lambda previous, current: current == previous + 1,
    "new": lambda previous, current: current > previous,
}


def run_case(case: Case, probes: Probes, setup: CaseSetup) -> None:
    """Run a case that expects more than an outcome of init."""
    runner = CaseRunner(probes, setup)
    if "calls" in case.expect and not case.expect.keys() & {"failure", "addresses"}:
        runner.check_calls(case.expect["calls"])
        return
    assert probes.call("init") == ("init", "OK", False, 0, "")
    if "register" in case.expect:
        runner.check_register_fails(case.expect["register"])
        return
    answer = probes.call("register")
    assert answer == ("register", "OK", False, 0, ""), answer
    runner.check(case.expect)
    for step in case.data.get("steps", []):
        setup.change(step["do"])
        runner.check(step["expect"])


def check_init(probes: Probes, expected: dict[str, Any]) -> None:
    """Check the outcome of init, and that a failure leaves the probe uninitialized."""
    answers = probes.call_each("init")
    assert_expected(answers, expected)
    common_answer(answers)
    if expected["status"] != "OK":
        assert (
            probes.statuses("register", "discover", "wait 0 0", "deregister")
            == ["NOT_INITIALIZED"] * 4
        )


class CaseRunner:
    """Checks the expectations of one case, step by step."""

    def __init__(self, probes: Probes, setup: CaseSetup) -> None:
        self._probes = probes
        self._setup = setup
        self._subscriptions = subscriptions.Subscriptions(probes)
        #: Each language's generation in the last check.
        self._generations: dict[str, int] = {}

    def check_register_fails(self, expected: dict[str, Any]) -> None:
        """Check that register fails with a permanent error, and registers nothing."""
        answer = self._expect("register", expected)
        assert self._probes.call("discover").status == "NOT_REGISTERED"
        # A retry has the same outcome. It takes seconds if the API server refuses requests, so only
        # one case covers that.
        if not answer.http_status:
            assert self._probes.call("register") == answer

    def check(self, expected: dict[str, Any]) -> None:
        failure = expected.get("failure")
        if failure and failure["status"] == "NOT_SYNCED":
            self._check_not_synced(failure)
        else:
            self._check_explain(expected)
        # Checked before the peers, because `settle` fails while the watcher has an error.
        self._check_health(expected.get("health", {}))
        if failure:
            self._check_failure(failure)
        else:
            self._check_peers(expected)
        self.check_calls(expected.get("calls", []))
        self._check_log(expected)

    def check_calls(self, calls: list[dict[str, Any]]) -> None:
        for call in calls:
            self._expect(call["command"], call)

    def _expect(self, command: str, expected: dict[str, Any]) -> Answer:
        return self._expect_answers(self._probes.call_each(command), expected)

    def _expect_answers(self, answers: dict[str, Answer], expected: dict[str, Any]) -> Answer:
        assert_expected(
            answers, {**expected, "words": self._setup.expand_all(expected.get("words", []))}
        )
        return common_answer(answers)

    # --- explain ---

    def _check_explain(self, expected: dict[str, Any]) -> None:
        explanation = self._wait_until_explained(expected.get("gate", "open"))
        self._check_verdicts({pod["name"]: pod["verdict"] for pod in explanation["pods"]}, expected)
        assert explanation["namespace"] == self._setup.configured_namespace
        assert explanation["selector"] == self._setup.selector
        for word in self._setup.expand_all(expected.get("self", [])):
            assert word in explanation["self"]
        peers = [pod["address"] for pod in explanation["pods"] if pod["verdict"] == "peer"]
        assert {pod["address"] for pod in explanation["pods"] if pod["verdict"] != "peer"} <= {None}
        if "addresses" in expected:
            assert sorted(peers) == sorted(self._setup.expand_all(expected["addresses"]))
        self._check_table(explanation)

    def _check_verdicts(self, found: dict[str, str], expected: dict[str, Any]) -> None:
        verdicts = expected.get("verdicts", found)
        assert found.keys() == verdicts.keys()
        for name, verdict in verdicts.items():
            # If several verdicts apply, the library may report any of them.
            assert found[name] in (verdict if isinstance(verdict, list) else [verdict]), name

    def _wait_until_explained(self, gate: str) -> Any:
        """Wait until explain of each language has the API server's current pods and this gate."""
        current = sorted(map(explained_fields, self._setup.pods()), key=lambda pod: pod["name"])

        def is_current(answer: Answer) -> bool:
            # Before the first sync, explain fails.
            if answer.status != "OK":
                return False
            pods = [
                {key: value for key, value in pod.items() if key not in ("verdict", "address")}
                for pod in answer.explanation["pods"]
            ]
            return pods == current and answer.explanation["gate"] == gate

        return self._probes.wait_for("explain json", is_current).explanation

    def _check_table(self, explanation: Any) -> None:
        """Check that every pod has one row with its verdict."""
        table = self._probes.call("explain table").message
        assert explanation["gate"] in table
        rows = [row.split() for row in table.splitlines()]
        for pod in explanation["pods"]:
            (row,) = [row for row in rows if row and row[0] == pod["name"]]
            assert pod["verdict"] in row

    # --- Peers ---

    def _check_peers(self, expected: dict[str, Any]) -> None:
        addresses = self._setup.expand_all(expected["addresses"])
        answer = self._probes.call("discover")
        assert answer == ("discover", "OK", False, 0, " ".join(addresses))
        self._check_nodes(addresses, expected.get("nodes", {}))
        previous = self._generations.copy()
        for probe in self._probes.all:
            generation = self._check_generation(probe, addresses)
            self._check_nothing_newer(probe, generation)
            self._subscriptions.read_until(probe, generation, addresses)
            self._generations[probe.language] = generation
        self._subscriptions.expect_nothing()
        if "generation" in expected:
            rule = GENERATION_RULES[expected["generation"]]
            for language, generation in self._generations.items():
                assert rule(previous[language], generation), f"{language}: {previous}"

    def _check_nodes(self, addresses: list[str], expected: dict[str, dict[str, Any]]) -> None:
        answer = self._probes.call("nodes")
        assert answer[:4] == ("nodes", "OK", False, 0)
        records = [Record(*text.split(",")) for text in answer.payload.split()]
        assert [record.address for record in records] == addresses
        uids = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in self._setup.pods()}
        for record in records:
            assert record.uid == uids[record.name]
        by_name = {record.name: record for record in records}
        for name, fields in expected.items():
            assert name in by_name
            for field, value in fields.items():
                text = str(int(value) if isinstance(value, bool) else value)
                assert getattr(by_name[name], field) == text, f"{name}: {field}"

    def _check_generation(self, probe: Probe, addresses: list[str]) -> int:
        """Check that all calls report the same generation with these addresses, and return it."""
        generation, found = probe.call("wait 0 0").snapshot
        assert found == addresses, probe.language
        assert probe.call(f"settle {len(addresses)} 0 0").snapshot == (generation, addresses), (
            probe.language
        )
        known = generation if self._setup.has_generation else 0
        assert probe.call("generation") == ("generation", "OK", False, 0, str(known)), (
            probe.language
        )
        answer = probe.call(f"settle {len(addresses) + 1} 0 0")
        assert answer[:4] == ("settle", "TIMEOUT", True, 0), probe.language
        return generation

    def _check_nothing_newer(self, probe: Probe, generation: int) -> None:
        answer = probe.call(f"wait {generation} 0")
        assert answer[:4] == ("wait", "TIMEOUT", True, 0), probe.language
        assert f"generation {generation}" in answer.message, probe.language

    # --- Failures ---

    def _check_not_synced(self, failure: dict[str, Any]) -> None:
        """Wait until discover fails as expected, and check that explain and refresh also fail."""
        words = self._setup.expand_all(failure.get("words", []))

        def is_expected(answer: Answer) -> bool:
            is_class_expected = answer.retryable == failure.get("retryable", False)
            return is_class_expected and all(word in answer.message for word in words)

        self._probes.wait_for("discover", is_expected)
        for command in ("explain json", "explain table", "refresh 0"):
            self._expect(command, failure)

    def _check_failure(self, failure: dict[str, Any]) -> None:
        for command in RESULT_COMMANDS:
            self._expect(command, failure)
        assert self._probes.call("generation") == ("generation", "OK", False, 0, "0")
        if failure.get("retryable"):
            self._subscriptions.expect_nothing()
        else:
            self._expect_answers(self._subscriptions.read_to_end(), failure)

    # --- Health and log ---

    def _check_health(self, expected: dict[str, Any]) -> None:
        read, polling = expected.get("read", True), expected.get("polling", False)
        flags = [
            read,
            expected.get("stale", False),
            expected.get("watching", read and not polling),
            polling,
        ]
        error = [expected.get("status", "-"), expected.get("class", "-")]
        payload = " ".join([*(str(int(flag)) for flag in flags), *error])
        answer = self._probes.wait_for("health", lambda answer: answer.payload == payload)
        assert answer == ("health", "OK", False, 0, payload)

    def _check_log(self, expected: dict[str, Any]) -> None:
        if "log" not in expected:
            return
        for record in self._setup.expand_all(expected["log"]):
            assert self._probes.call(f"log {subscriptions.EXPECTED_MS}") == (
                "log",
                "OK",
                False,
                0,
                record,
            )
        assert self._probes.call(f"log {subscriptions.UNEXPECTED_MS}") == (
            "log",
            "TIMEOUT",
            False,
            0,
            "",
        )
