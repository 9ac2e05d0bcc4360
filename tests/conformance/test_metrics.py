"""What monitoring sees. Each probe has metrics of its own, since each has made its own requests."""

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
    *("peers", "pods", "synced", "stale", "watching", "polling", "generation", "last_confirmation_timestamp_seconds"),
    *("requests_total", "failures_total", "events_total", "evaluations_total"),
}


class Metrics:
    """Of one probe."""

    def __init__(self, probe: Probe, namespace: str, selector: str = "app=conformance") -> None:
        line = probe.ask("metrics")
        assert line[:4] == ("metrics", "OK", False, 0)
        self._labels = {("namespace", namespace), ("selector", selector)}
        self._metrics = prometheus.parse(line.message)
        assert set(self._metrics) == {f"kubepeers_{name}" for name in NAMES}

    def all(self, name: str) -> dict[str, float]:
        """Give the values of a metric by the label that it has besides; all have these two."""
        found = {}
        for labels, value in self._metrics[f"kubepeers_{name}"].samples.items():
            assert labels >= self._labels, labels
            (_, other), *more = sorted(labels - self._labels) or [("", "")]
            assert not more, labels
            found[other] = value
        return found

    def one(self, name: str) -> float:
        (value,) = self.all(name).values()
        return value


def metrics(probes: Probes, member: Member) -> list[Metrics]:
    return [Metrics(probe, member.namespace.name) for probe in probes.all]


def test_they_agree_with_the_answers(member: Member) -> None:
    before = time.time()
    pods = member.namespace
    pods.pod("a", "10.0.0.2")
    pods.pod("b", "10.0.0.3")
    pods.pod("c", "", phase="Pending")
    probes = member.registered()
    # Has each list twice and watch twice.
    assert probes.ask("refresh 60000").status == "OK"
    pods.status("a", ready=True)
    probes.follow(["10.0.0.2:3322", "10.0.0.3:3322"])
    probes.eventually("nodes", lambda line: ",1,node-1" in line.payload)
    verdicts = Counter(pod["verdict"] for pod in probes.explained()["pods"])
    assert verdicts == {"peer": 2, "self": 1, "not-running": 1}
    for found, line in zip(metrics(probes, member), probes.each("wait 0 0")):
        assert found.all("pods") == verdicts
        assert found.one("peers") == 2
        assert found.one("generation") == int(line.payload.split()[0])
        assert (found.one("synced"), found.one("stale"), found.one("polling")) == (1, 0, 0)
        # The clock of the probes is that of this process.
        assert before <= found.one("last_confirmation_timestamp_seconds") <= time.time()
        assert found.all("requests_total") == {"list": 2, "watch": 2}
        assert found.all("failures_total") == {}
        assert found.one("events_total") >= 1
        assert found.one("evaluations_total") >= 3


def test_before_anything_was_read(member: Member) -> None:
    # Bound, so that nobody else gets the port, but not listening.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(closed.getsockname()[1])}
        probes = member.registered(server, register_timeout_ms="1000")
        probes.eventually("health", lambda line: line.payload == "0 1 0 0 UNAVAILABLE unreachable")
        for found in metrics(probes, member):
            assert [found.one(name) for name in ("synced", "stale", "peers", "generation")] == [0, 1, 0, 0]
            assert found.all("pods") == {}
            assert found.one("last_confirmation_timestamp_seconds") == 0
            # The same word as in health.
            assert list(found.all("failures_total")) == ["unreachable"]
            assert found.one("failures_total") >= 1
            assert found.all("requests_total")["list"] >= found.one("failures_total")


def test_polling(member: Member) -> None:
    probes = member.registered(watch="poll")
    probes.eventually("health", lambda line: line.payload == "1 0 0 1 - -")
    for found in metrics(probes, member):
        assert found.one("polling") == 1
        assert found.all("requests_total")["watch"] == 0


def test_selectors_of_many_labels(member: Member) -> None:
    selector = "app=conformance,example.com/tier="
    probes = member.registered(pod_labels=selector, membership="observer")
    for probe in probes.all:
        assert Metrics(probe, member.namespace.name, selector).one("peers") == 0


WRONG = {
    "no end": "# HELP a x\n# TYPE a gauge\na 1",
    "no help": "# TYPE a gauge\na 1\n",
    "no type": "# HELP a x\na 1\n",
    "type of another": "# HELP a x\n# TYPE b gauge\na 1\n",
    "sample of another": "# HELP a x\n# TYPE a gauge\n# HELP b x\n# TYPE b gauge\na 1\n",
    "twice": "# HELP a x\n# TYPE a gauge\n# HELP a x\n# TYPE a gauge\n",
    "same sample": '# HELP a x\n# TYPE a gauge\na{b="1",c="2"} 1\na{c="2",b="1"} 2\n',
    "same label": '# HELP a x\n# TYPE a gauge\na{b="1",b="2"} 1\n',
    "no number": "# HELP a x\n# TYPE a gauge\na true\n",
    "not escaped": '# HELP a x\n# TYPE a gauge\na{b="""} 1\n',
    "no comma": '# HELP a x\n# TYPE a gauge\na{b="1"c="2"} 1\n',
    "name": "# HELP a x\n# TYPE a gauge\na-b 1\n",
    "counter": "# HELP a x\n# TYPE a counter\na 1\n",
    "empty line": "# HELP a x\n# TYPE a gauge\n\na 1\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_what_is_no_metrics_is_seen(text: str) -> None:
    with pytest.raises((AssertionError, IndexError)):
        prometheus.parse(text)
