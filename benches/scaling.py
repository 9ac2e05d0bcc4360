"""Compute the tables of docs/scaling.md from measured constants.

`scaling.py` writes the tables from the constants in scaling.json. `scaling.py
target/bench/herd.json` first computes the constants from what `make bench-herd` has measured.
"""

from __future__ import annotations

import json
import statistics
import sys
import textwrap
import time
from pathlib import Path
from typing import NamedTuple

import herd_report as report
from herd_report import ALONE, KUBEPEERS
from report import number

CONSTANTS = Path(__file__).parent / "scaling.json"
DOCUMENT = Path(__file__).parent.parent / "docs" / "scaling.md"
BEGIN, END = "<!-- begin: {} -->\n", "<!-- end: {} -->\n"

SIZES = [10, 30, 100, 300, 1000, 3000, 10000]
#: src/kube_api/watcher: the time between two lists of a client that watches.
RELIST_S = 600
#: src/kube_api/pod_client.rs: the mean time between two watches of a client.
RENEW_S = 215
#: The default of poll_interval_ms.
POLL_S = 15
#: What the document allows a set to cost while nothing happens.
ALLOWED_CORES = 0.1
#: Events while a Deployment replaces one pod: five of the new pod until it is ready, four of the
#: old one.
EVENTS_PER_REPLACEMENT = 9


class Line(NamedTuple):
    """The cost of one client, in ms of API server CPU, as a line over the number of pods."""

    fixed_ms: float
    pod_ms: float

    def at(self, pods: int) -> float:
        """Return the cost among so many pods."""
        return self.fixed_ms + self.pod_ms * pods


class Constants(NamedTuple):
    """What was measured, and on what."""

    measured: str
    list: Line
    event_ms: float


def fit(points: list[tuple[int, float]]) -> Line:
    """Return the line through costs at numbers of pods. Each point counts relative to its cost."""
    if len(points) < 2:
        raise ValueError(
            "got figures of one size; need two sizes to separate the fixed part from the part per pod"
        )
    weights = [1 / cost**2 for _, cost in points]
    total = sum(weights)
    mean_pods = sum(w * pods for w, (pods, _) in zip(weights, points)) / total
    mean_cost = sum(w * cost for w, (_, cost) in zip(weights, points)) / total
    over = sum(
        w * (pods - mean_pods) * (cost - mean_cost) for w, (pods, cost) in zip(weights, points)
    )
    pod_ms = over / sum(w * (pods - mean_pods) ** 2 for w, (pods, _) in zip(weights, points))
    return Line(mean_cost - pod_ms * mean_pods, pod_ms)


def constants(measured: dict) -> Constants:
    """Compute the constants from the output of herd.py."""
    lists, event_cpu, events = [], 0.0, 0.0
    for size, values in measured["sizes"].items():

        def median(figure: str, mode: str, values: dict = values) -> float:
            return statistics.median(values[figure][mode])

        clients, pods = map(int, size.split("/"))
        lists.append((pods, median(report.CPU_WHOLE, KUBEPEERS) * 1e3 / clients))
        # The server's events of a client-free minute are those of its own watch.
        event_cpu += median(report.CPU_CHANGES, KUBEPEERS) - median(report.CPU_CHANGES, ALONE)
        events += median(report.EVENTS, KUBEPEERS) - median(report.EVENTS, ALONE)
    return Constants(
        f"{time.strftime('%Y-%m-%d')}. {measured['head']}", fit(lists), event_cpu * 1e3 / events
    )


def cold_s(c: Constants, pods: int) -> float:
    """Return the CPU of a cold start, in seconds."""
    return pods * c.list.at(pods) / 1e3


def change_ms(c: Constants, pods: int) -> float:
    """Return the CPU of one change of one pod that all others watch."""
    return pods * c.event_ms


def restart_s(c: Constants, pods: int) -> float:
    """Return the CPU for the events of a rolling restart, without the cold starts in it."""
    return pods * EVENTS_PER_REPLACEMENT * change_ms(c, pods) / 1e3


def quiet_cores(c: Constants, pods: int) -> float:
    """Return the CPU of clients that watch pods that do not change.

    A list costs what a first list costs.
    """
    return pods * (c.list.at(pods) / RELIST_S + c.list.fixed_ms / 2 / RENEW_S) / 1e3


def poll_cores(c: Constants, pods: int) -> float:
    """Return the CPU of clients that poll at the default interval.

    A poll costs what a first list costs.
    """
    return pods * c.list.at(pods) / POLL_S / 1e3


def break_even(c: Constants, pods: int) -> float:
    """Return the changes per second above which polling at the default interval costs less than
    watching.
    """
    return max(poll_cores(c, pods) - quiet_cores(c, pods), 0.0) * 1e3 / change_ms(c, pods)


def poll_interval_s(c: Constants, pods: int) -> float:
    """Return the interval at which polling costs ALLOWED_CORES."""
    return pods * c.list.at(pods) / 1e3 / ALLOWED_CORES


def costs(c: Constants) -> str:
    """Return the table of costs."""
    lines = [
        "| pods | cold start, CPU s | quadratic part | one change, CPU ms | rolling restart, CPU s | quiet, cores "
        f"| polling every {POLL_S} s, cores | poll interval for {ALLOWED_CORES} cores, s "
        "| polling costs less above, changes/s |",
        "|---" * 9 + "|",
    ]
    for pods in SIZES:
        quadratic = c.list.pod_ms * pods / c.list.at(pods)
        cells = [
            f"{pods:,}", number(cold_s(c, pods)), f"{quadratic:.0%}", number(change_ms(c, pods)),
            number(restart_s(c, pods)), small(quiet_cores(c, pods)), small(poll_cores(c, pods)),
            number(poll_interval_s(c, pods)), number(break_even(c, pods)),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def sources(c: Constants) -> str:
    """Return the table of constants."""
    rows = [
        (
            "first list and watch of one client, fixed part",
            f"{c.list.fixed_ms:.2f} ms",
            f"the constant term of a line fitted to “{report.CPU_WHOLE}” per client",
        ),
        (
            "the same, per pod in the list",
            f"{c.list.pod_ms * 1e3:.1f} µs",
            "the slope of that line",
        ),
        (
            "one event to one client",
            f"{c.event_ms * 1e3:.0f} µs",
            f"“{report.CPU_CHANGES}” less that of “{ALONE}”, per event",
        ),
        (
            "time between two lists of a client that watches",
            f"{RELIST_S} s",
            "`WatcherTimings::relist`",
        ),
        (
            "time between two of its watches",
            f"{RENEW_S} s",
            "`LONGEST_WATCH_S` less half of its jitter",
        ),
        (
            "events while one pod is replaced",
            f"{EVENTS_PER_REPLACEMENT}",
            "assumed: five of the new, four of the old",
        ),
    ]
    lines = ["| constant | value | from |", "|---|---|---|"]
    table = "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
    return table + "\n\n" + textwrap.fill(f"Measured {c.measured}", 100) + "\n"


def insert(document: str, name: str, table: str) -> str:
    """Replace one generated part of the document."""
    before, rest = document.split(BEGIN.format(name), 1)
    _, after = rest.split(END.format(name), 1)
    return before + BEGIN.format(name) + table + END.format(name) + after


def main() -> None:
    """Write the tables."""
    if len(sys.argv) > 1:
        computed = constants(json.loads(Path(sys.argv[1]).read_text()))
        CONSTANTS.write_text(json.dumps(computed._asdict(), indent=1) + "\n")
    read = json.loads(CONSTANTS.read_text())
    c = Constants(read["measured"], Line(*read["list"]), read["event_ms"])
    document = insert(DOCUMENT.read_text(), "costs", costs(c))
    DOCUMENT.write_text(insert(document, "constants", sources(c)))


def small(value: float) -> str:
    """Return a number of cores."""
    return "< 0.01" if value < 0.01 else number(value)


if __name__ == "__main__":
    main()
