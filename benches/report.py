"""Tables of what bench.py measured."""

from __future__ import annotations

import os
import platform
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from hosts import BARE, GO, GOAKT, INFORMER, PYTHON, C

if TYPE_CHECKING:
    import argparse

#: Figures within this factor of kubepeers' figure count as equal.
NOISE = 1.3

FIRST = "first answer, ms from the start of the process"
FIRST_CPU = "client CPU until then, ms"
PEAK = "peak RSS at the first answer, MB"
PRIVATE = "of it private (not shared with other processes), MB"
SERVER_CPU = "API server CPU for a first sync, ms"
SERVER_CPU_MEAN = "the same, mean: with its garbage collections, ms"
CALL = "a call, nothing changed, ns"
GENERATION = "kubepeers_generation(), which detects a change, ns"
SEEN = "status patch sent to change visible, ms"
SEEN_P90 = "the same, 90 %, ms"
SEEN_AFTER_BARE = "the same, later than the bare client, ms"
EVENT_OTHER = "client CPU per event that changes no peer, µs"
EVENT_READY = "client CPU per event that changes a peer, µs"
PEAK_CHURN = "peak RSS after those events, MB"
WIRE_REQUESTS = "requests until the first answer and just after"
WIRE_KB = "kB on the wire by then"
QUIET_REQUESTS = "requests per minute of quiet"
QUIET_KB = "kB on the wire per minute of quiet"

ROWS = [
    FIRST, FIRST_CPU, PEAK, PRIVATE, PEAK_CHURN, SERVER_CPU, SERVER_CPU_MEAN, CALL, GENERATION,
    SEEN, SEEN_P90, SEEN_AFTER_BARE, EVENT_OTHER, EVENT_READY, WIRE_REQUESTS, WIRE_KB, QUIET_REQUESTS, QUIET_KB,
]  # fmt: skip
COLUMNS = [C, GO, PYTHON, GOAKT, INFORMER, BARE]
#: Targets of the project for the C host, by figure and number of pods.
TARGETS = {
    FIRST: {10: 20, 1000: 90, 5000: 400},
    PEAK: {10: 8, 1000: 9, 5000: 12},
    CALL: {10: 20, 1000: 20, 5000: 20},
    GENERATION: {10: 20, 1000: 20, 5000: 20},
}
#: A target that is a ratio to the bare client.
SEEN_RATIO = 1.2


class Figures:
    """All figures with one number of pods."""

    def __init__(self, size: int, pod_sizes: list[int]) -> None:
        self.size, self.pod_sizes = size, pod_sizes
        self.values: dict[str, dict[str, list[float]]] = {}
        self.missed = 0

    def add(self, figure: str, kind: str, value: float) -> None:
        """Add one figure."""
        self.values.setdefault(figure, {}).setdefault(kind, []).append(value)

    def table(self) -> str:
        """Return medians, ranges, and ratios to kubepeers in C."""
        if SEEN in self.values:
            self.values[SEEN_P90] = {
                kind: [p90(values)] for kind, values in self.values[SEEN].items()
            }
        if SERVER_CPU in self.values:
            self.values[SERVER_CPU_MEAN] = {
                kind: [statistics.mean(v)] for kind, v in self.values[SERVER_CPU].items()
            }
        sizes = self.pod_sizes
        lines = [
            f"\n### {self.size:,} pods\n",
            f"A pod is {sizes[0] / 1000:.1f} to {sizes[-1] / 1000:.1f} kB of JSON. "
            f"Changes that were not seen before the next one: {self.missed}.\n",
            "| | " + " | ".join(COLUMNS) + " | target for C |",
            "|---" * (len(COLUMNS) + 2) + "|",
        ]
        lines += [self._row(figure) for figure in ROWS if figure in self.values]
        return "\n".join(lines) + "\n"

    def _row(self, figure: str) -> str:
        values = self.values[figure]
        medians = {kind: statistics.median(values[kind]) for kind in values}
        cells = []
        for kind in COLUMNS:
            if kind not in values:
                cells.append("")
                continue
            cell = spread(medians[kind], values[kind])
            if kind != C and figure != SEEN_AFTER_BARE:
                cell += ratio(medians[kind], medians[C])
            cells.append(cell)
        return f"| {figure} | " + " | ".join(cells) + f" | {self._target(figure, medians)} |"

    def _target(self, figure: str, medians: dict[str, float]) -> str:
        if figure == SEEN:
            limit, text = SEEN_RATIO * medians[BARE], f"≤ {SEEN_RATIO} times the bare client"
        elif self.size in TARGETS.get(figure, {}):
            limit = TARGETS[figure][self.size]
            text = f"≤ {limit}"
        else:
            return ""
        return f"{text}: " + ("met" if medians[C] <= limit else "**missed**")


def p90(values: list[float]) -> float:
    """Return the 90th percentile."""
    return sorted(values)[max(0, -(-len(values) * 9 // 10) - 1)]


def spread(value: float, values: list[float]) -> str:
    """Return a figure and its range."""
    if len(values) == 1:
        return number(value)
    return f"{number(value)} ({number(min(values))}..{number(max(values))})"


def number(value: float) -> str:
    """Return a number with three significant digits."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(value: float, reference: float) -> str:
    """Return the ratio to the figure of kubepeers, or that it is noise."""
    if reference <= 0 or value <= 0:
        return ""
    times = value / reference
    return " noise" if 1 / NOISE < times < NOISE else f" **x{number(times)}**"


def machine() -> str:
    """Return the processor and the kernel."""
    names = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return f"{os.cpu_count()} cores ({names[0] if names else '?'}), Linux {platform.release()}"


def head(load: list[float], seconds: float, options: argparse.Namespace) -> str:
    """Return what the figures were measured on."""
    return (
        f"Commit {os.environ.get('BENCH_COMMIT', '?')}, {machine()}, "
        f"load average {min(load):.1f} to {max(load):.1f}, {seconds / 60:.0f} minutes. "
        f"{options.rounds} rounds of starts and calls, {options.change_rounds} of changes, each in another order, "
        "after one to warm up. Median (min..max); **x**: so many times the figure of kubepeers in C; "
        f"noise: within {NOISE} of it.\n"
    )
