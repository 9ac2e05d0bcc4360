"""Tables of what herd.py measured."""

from __future__ import annotations

import os
import statistics

from report import machine, number, ratio, spread

KUBEPEERS, PROCESSES, POLLING = "kubepeers", "kubepeers, a process each", "kubepeers, polling"
INFORMER, GOAKT, ALONE = "informers", "GoAkt once a second", "no client"
MODES = [KUBEPEERS, PROCESSES, POLLING, INFORMER, GOAKT, ALONE]

CPU_COLD = "API server CPU in the first ten seconds, s"
CPU_WHOLE = "API server CPU until the last answer (at least ten seconds), s"
LAST = "last client has its answer, s"
MIDDLE = "half of the clients have theirs, s"
MISSING = "clients without an answer after four minutes"
LISTS = "lists in the cold start that were not rejected"
WATCHES = "watches in the cold start that were not rejected"
REJECTED = "requests rejected by the server's limits (429)"
ABANDONED = "requests that clients gave up in the server's queue"
CONNECTIONS = "connections open after the cold start"
CPU_QUIET = "API server CPU in a minute of quiet, s"
QUIET_LISTS = "lists in that minute that were not rejected"
CPU_CHANGES = "API server CPU in a minute with a change a second, s"
CHANGES = "changes made in that minute"
EVENTS = "watch events sent in that minute"
CLIENT_CPU = "CPU of all clients in the first ten seconds, s"
CLIENT_MEMORY = "private memory of all clients, MB"
SERVER_MEMORY = "peak memory of the API server in the cold start, MB"
ROWS = [
    CPU_COLD, CPU_WHOLE, LAST, MIDDLE, MISSING, LISTS, WATCHES, REJECTED, ABANDONED, CONNECTIONS, CPU_QUIET,
    QUIET_LISTS, CPU_CHANGES, CHANGES, EVENTS, CLIENT_CPU, CLIENT_MEMORY, SERVER_MEMORY,
]  # fmt: skip
#: Counts, of which a ratio says nothing.
COUNTS = {MISSING, LISTS, WATCHES, REJECTED, ABANDONED, CONNECTIONS, QUIET_LISTS, CHANGES, EVENTS}

#: Goals of the project, for kubepeers in one process: seconds of API server CPU in the first ten,
#: by size.
CPU_GOALS = {"100/100": 0.8}
#: The last answer, as a part of the informers' last answer.
LAST_GOAL = 0.5


class Figures:
    """All single figures of one size, by figure and mode."""

    def __init__(self, size: str) -> None:
        self.size = size
        self.values: dict[str, dict[str, list[float]]] = {}

    def add(self, figure: str, mode: str, value: float) -> None:
        """Add one figure."""
        self.values.setdefault(figure, {}).setdefault(mode, []).append(value)

    def table(self) -> str:
        """Return medians, ranges, and ratios to kubepeers in one process."""
        clients, pods = self.size.split("/")
        modes = [mode for mode in MODES if any(mode in values for values in self.values.values())]
        lines = [
            f"\n### {int(clients):,} clients among {int(pods):,} pods\n",
            "| | " + " | ".join(modes) + " | goal for kubepeers |",
            "|---" * (len(modes) + 2) + "|",
        ]
        lines += [self._row(figure, modes) for figure in ROWS if figure in self.values]
        return "\n".join(lines) + "\n"

    def _row(self, figure: str, modes: list[str]) -> str:
        values = self.values[figure]
        medians = {mode: statistics.median(each) for mode, each in values.items()}
        cells = []
        for mode in modes:
            cell = spread(medians[mode], values[mode]) if mode in values else ""
            if cell and mode != KUBEPEERS and KUBEPEERS in medians and figure not in COUNTS:
                cell += ratio(medians[mode], medians[KUBEPEERS])
            cells.append(cell)
        return f"| {figure} | " + " | ".join(cells) + f" | {self._goal(figure, medians)} |"

    def _goal(self, figure: str, medians: dict[str, float]) -> str:
        if KUBEPEERS not in medians:
            return ""
        if figure == CPU_COLD and self.size in CPU_GOALS:
            goal = CPU_GOALS[self.size]
        elif figure == LAST and INFORMER in medians:
            goal = LAST_GOAL * medians[INFORMER]
        elif figure == REJECTED:
            goal = 0.0
        else:
            return ""
        return f"≤ {number(goal)}: " + ("met" if medians[KUBEPEERS] <= goal else "**missed**")


def head(load: list[float], seconds: float, rounds: int, minutes: int) -> str:
    """Return what the figures were measured on."""
    return (
        f"Commit {os.environ.get('BENCH_COMMIT', '?')}, {machine()}, load average {min(load):.1f} to {max(load):.1f}, "
        f"{seconds / 60:.0f} minutes. {rounds} cold starts of each mode, {minutes} of them with the two minutes after "
        "it, each time in another order and with a fresh API server. Median (min..max); **x**: so many times the "
        "figure of kubepeers in one process. CPU in the cold start excludes what the idle server uses. CPU in the "
        "minute of quiet and in the minute of changes is all that the server uses.\n"
    )
