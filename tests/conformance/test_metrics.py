"""Metrics, which differ between probes, because each probe makes its own requests."""

from __future__ import annotations

import socket
import time
from collections import Counter
from typing import TYPE_CHECKING

import prometheus
import pytest
from member import Member

if TYPE_CHECKING:
    from probes import Probe, Probes

NAMES = {
    *(
        "peers",
        "pods",
        "synced",
        "stale",
        "watching",
        "polling",
        "generation",
        "last_confirmation_timestamp_seconds",
    ),
    *("requests_total", "failures_total", "events_total", "evaluations_total"),
}


class Metrics:
    """The metrics of one probe."""

    def __init__(self, probe: Probe, namespace: str, selector: str = "app=conformance") -> None:
        answer = probe.call("metrics")
        assert answer[:4] == ("metrics", "OK", False, 0)
        self._labels = {("namespace", namespace), ("selector", selector)}
        self._metrics = prometheus.parse(answer.message)
        assert set(self._metrics) == {f"kubepeers_{name}" for name in NAMES}

    def by_label(self, name: str) -> dict[str, float]:
        """Return the values of a metric by its label other than namespace and selector."""
        found = {}
        for labels, value in self._metrics[f"kubepeers_{name}"].samples.items():
            assert labels >= self._labels, labels
            (_, own_label), *more = sorted(labels - self._labels) or [("", "")]
            assert not more, labels
            found[own_label] = value
        return found

    def value(self, name: str) -> float:
        (value,) = self.by_label(name).values()
        return value


def all_metrics(probes: Probes, member: Member) -> list[Metrics]:
    return [Metrics(probe, member.namespace.name) for probe in probes.all]


def test_metrics_agree_with_the_answers(member: Member) -> None:
    before = time.time()
    pods = member.namespace
    pods.pod("a", "10.0.0.2")
    pods.pod("b", "10.0.0.3")
    pods.pod("c", "", phase="Pending")
    probes = member.registered()
    # After the refresh, each probe has listed and watched twice.
    assert probes.call("refresh 60000").status == "OK"
    pods.status("a", ready=True)
    probes.wait_for_peers(["10.0.0.2:3322", "10.0.0.3:3322"])
    probes.wait_for("nodes", lambda answer: ",1,node-1" in answer.payload)
    verdicts = Counter(pod["verdict"] for pod in probes.call("explain json").explanation["pods"])
    assert verdicts == {"peer": 2, "self": 1, "not-running": 1}
    for metrics, answer in zip(all_metrics(probes, member), probes.call_each("wait 0 0").values()):
        assert metrics.by_label("pods") == verdicts
        assert metrics.value("peers") == 2
        assert metrics.value("generation") == answer.snapshot[0]
        assert [metrics.value(name) for name in ("synced", "stale", "polling")] == [1, 0, 0]
        # The probes and the test use the same clock.
        assert before <= metrics.value("last_confirmation_timestamp_seconds") <= time.time()
        assert metrics.by_label("requests_total") == {"list": 2, "watch": 2}
        assert metrics.by_label("failures_total") == {}
        assert metrics.value("events_total") >= 1
        assert metrics.value("evaluations_total") >= 3


def test_metrics_before_the_first_sync_report_no_peers_and_the_failures(member: Member) -> None:
    # Bound, so that no other process gets the port, but not listening.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server = {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(closed.getsockname()[1]),
        }
        probes = member.registered(server, register_timeout_ms="1000")
        probes.wait_for(
            "health", lambda answer: answer.payload == "0 1 0 0 UNAVAILABLE unreachable"
        )
        for metrics in all_metrics(probes, member):
            assert [metrics.value(name) for name in ("synced", "stale", "peers", "generation")] == [
                0,
                1,
                0,
                0,
            ]
            assert metrics.by_label("pods") == {}
            assert metrics.value("last_confirmation_timestamp_seconds") == 0
            # The label is the class that health reports.
            assert list(metrics.by_label("failures_total")) == ["unreachable"]
            assert metrics.value("failures_total") >= 1
            assert metrics.by_label("requests_total")["list"] >= metrics.value("failures_total")


def test_polling_makes_no_watch_requests(member: Member) -> None:
    probes = member.registered(watch="poll")
    probes.wait_for("health", lambda answer: answer.payload == "1 0 0 1 - -")
    for metrics in all_metrics(probes, member):
        assert metrics.value("polling") == 1
        assert metrics.by_label("requests_total")["watch"] == 0


def test_selector_label_contains_all_labels(member: Member) -> None:
    selector = "app=conformance,example.com/tier="
    probes = member.registered(pod_labels=selector, membership="observer")
    for probe in probes.all:
        assert Metrics(probe, member.namespace.name, selector).value("peers") == 0


#: Texts that prometheus.py must reject.
MALFORMED = [
    "# HELP a x\n# TYPE a gauge\na 1",
    "# TYPE a gauge\na 1\n",
    "# HELP a x\na 1\n",
    "# HELP a x\n# TYPE b gauge\na 1\n",
    "# HELP a x\n# TYPE a gauge\n# HELP b x\n# TYPE b gauge\na 1\n",
    "# HELP a x\n# TYPE a gauge\n# HELP a x\n# TYPE a gauge\n",
    '# HELP a x\n# TYPE a gauge\na{b="1",c="2"} 1\na{c="2",b="1"} 2\n',
    '# HELP a x\n# TYPE a gauge\na{b="1",b="2"} 1\n',
    "# HELP a x\n# TYPE a gauge\na true\n",
    '# HELP a x\n# TYPE a gauge\na{b="""} 1\n',
    "# HELP a x\n# TYPE a counter\na 1\n",
]


def test_malformed_metrics_are_rejected() -> None:
    for text in MALFORMED:
        with pytest.raises((AssertionError, IndexError)):
            prometheus.parse(text)
