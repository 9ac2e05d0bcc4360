"""A live table, by `rich`."""

from __future__ import annotations

import collections
import contextlib
import time
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kubepeers.tool.text import age, clean, count, shortened, span, wrapped

from .lines import described
from .picture import Change, changes, ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from kubepeers import ExplainedPod
    from kubepeers.tool.settings import Settings

    from .picture import Picture

#: How long a change stands out.
_RECENT = 10.0
#: How many changes are listed below the table, at most.
_LISTED = 6
#: How long a name may be there.
_LOGGED = 24
_STYLES = {
    "peer": "green",
    "self": "cyan",
    "terminating": "yellow",
    "not-running": "yellow",
    "no-ip": "yellow",
}
#: How many lines a problem may take.
_PROBLEM = 5
_MARKS = {"+": "bold green", "~": "bold yellow", "-": "bold red"}
_HEADINGS = ("", "POD", "VERDICT", "ADDRESS", "READY", "AGE", "PORTS")
#: What a name gets at least, and what all other columns need.
_NAME, _OTHERS = 14, 62
#: Fewer columns are no use to the ports.
_PORTS = 11


class Screen:
    """Draws what is known, and what has changed of late."""

    def __init__(self, live: Live, settings: Settings) -> None:
        self._live = live
        self._values = settings.values
        self._before: dict[str, ExplainedPod] | None = None
        self._recent: dict[str, tuple[float, Change]] = {}
        self._log: collections.deque[tuple[float, str]] = collections.deque(maxlen=_LISTED)

    @classmethod
    @contextlib.contextmanager
    def opened(cls, settings: Settings) -> Iterator[Screen]:
        """Take the whole terminal, and give it back."""
        console = Console(highlight=False, emoji=False, markup=False)
        with Live(
            console=console, screen=True, auto_refresh=False, vertical_overflow="crop"
        ) as live:
            yield cls(live, settings)

    def show(self, picture: Picture) -> None:
        """Draw it."""
        self._note(picture)
        self._live.update(self.drawn(picture, *self._live.console.size), refresh=True)

    def _note(self, picture: Picture) -> None:
        """Keep what has changed."""
        if self._before is not None:
            for change in changes(self._before, picture.pods):
                self._recent[change.pod.uid] = (picture.now, change)
                self._log.append(
                    (picture.now, described(change, shortened(change.pod.name, _LOGGED)))
                )
        if picture.explanation:
            self._before = picture.pods
        self._recent = {
            uid: (at, change)
            for uid, (at, change) in self._recent.items()
            if picture.now - at < _RECENT
        }

    def drawn(self, picture: Picture, columns: int, lines: int) -> RenderableType:
        """Lay it out for a terminal of any size.

        What is too much for a tiny one, `rich` cuts off.
        """
        top = [self._title(picture, columns), _summary(picture), *_state(picture, columns)]
        log = self._logged(columns) if lines >= 16 else []
        # Less an empty line, the headings, and a line to spare.
        table = self._table(picture, columns, max(0, lines - len(top) - len(log) - 3))
        return Group(*top, Text(), table, *log)

    def _title(self, picture: Picture, columns: int) -> Text:
        values = self._values
        title = f"kubepeers  {values['pod_labels']} in {values['namespace']}, port {values['discovery_port_name']}"
        clock = time.strftime("%H:%M:%S", time.localtime(picture.now))
        room = max(0, columns - len(clock) - 2)
        return Text(f"{clean(title)[:room]:{room}}  {clock}", style="bold", no_wrap=True)

    def _table(self, picture: Picture, columns: int, room: int) -> Table:
        rows = self._rows(picture, room)
        cells = [self._cells(pod, picture.now, columns) for pod in rows[:room]]
        left = len(rows) - len(cells)
        if left and cells:
            cells[-1] = [
                Text(),
                Text(f"and {left + 1} more", style="dim"),
                *[Text()] * (len(_HEADINGS) - 2),
            ]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        widths = _widths(cells, columns) if cells else []
        for heading, width in zip(_HEADINGS, widths):
            table.add_column(heading, width=width, no_wrap=True, overflow="ellipsis")
        for row in cells:
            table.add_row(*row[: len(widths)])
        return table

    def _rows(self, picture: Picture, room: int) -> list[ExplainedPod]:
        """Give the pods by name, those that just went among them.

        Too many for the screen: first what is to be seen.
        """
        gone = [change.pod for _, change in self._recent.values() if change.mark == "-"]
        rows = sorted([*picture.pods.values(), *gone], key=lambda pod: pod.name)
        if len(rows) > room:
            rows.sort(key=lambda pod: (pod.uid not in self._recent, pod.verdict == "peer"))
        return rows

    def _cells(self, pod: ExplainedPod, now: float, columns: int) -> list[Text]:
        recent = self._recent.get(pod.uid)
        mark = recent[1].mark if recent else ""
        gone = mark == "-"
        style = "dim strike" if gone else ""
        return [
            Text(mark, style=_MARKS.get(mark, "")),
            Text(
                shortened(clean(pod.name), max(_NAME, columns - _OTHERS)),
                style=style or _MARKS.get(mark, ""),
            ),
            Text("gone" if gone else pod.verdict, style=style or _STYLES.get(pod.verdict, "red")),
            Text(_host(pod), style=style),
            Text("yes" if pod.ready else "no", style=style or ("" if pod.ready else "yellow")),
            Text(age(pod.started, now), style=style),
            Text(clean(ports(pod)), style=style),
        ]

    def _logged(self, columns: int) -> list[Text]:
        if not self._log:
            return []
        lines = [
            f"{time.strftime('%H:%M:%S', time.localtime(at))} {clean(line)}"
            for at, line in self._log
        ]
        return [
            Text(),
            *(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in lines),
        ]


def _widths(cells: list[list[Text]], columns: int) -> list[int]:
    """Return the widths of the columns that fit. The last one gets the rest."""
    needed = [
        max(len(heading), *(row[i].cell_len for row in cells))
        for i, heading in enumerate(_HEADINGS)
    ]
    widths: list[int] = []
    for width in [1, *needed[1:-1], min(_PORTS, needed[-1])]:
        if sum(widths) + 2 * len(widths) + width > columns:
            return widths
        widths.append(width)
    widths[-1] += columns - sum(widths) - 2 * (len(widths) - 1)
    return widths


def _host(pod: ExplainedPod) -> str:
    if pod.address:
        return pod.address.rpartition(":")[0].strip("[]")
    return next(iter(pod.ips), "-")


def _summary(picture: Picture) -> Text:
    """Say the answer, in the place that is looked at first."""
    pods = list(picture.pods.values())
    peers = sum(pod.verdict == "peer" for pod in pods)
    answer, colour = count(peers, "peer"), "green"
    if picture.explanation is None:
        answer, colour = "not known yet", "red"
    elif picture.refusal is not None:
        answer, colour = "no answer", "red"
    elif not peers:
        answer, colour = "alone", "yellow"
    line = Text(no_wrap=True, overflow="ellipsis").append(
        f" {answer} ", style=f"bold reverse {colour}"
    )
    return line.append(f"  {_verdicts(pods)}") if picture.explanation else line


def _verdicts(pods: list[ExplainedPod]) -> str:
    others = collections.Counter(pod.verdict for pod in pods if pod.verdict != "peer")
    said = ", ".join(f"{number} {verdict}" for verdict, number in others.most_common())
    return f"of {count(len(pods), 'pod')}" + (f": {said}" if said else "")


def _state(picture: Picture, columns: int) -> list[Text]:
    """Say how sure that is."""
    health = picture.health
    # It may have answered, with something that is no list of pods.
    heard = "no pods read yet" if not health.synced else f"API server heard {span(health.age)} ago"
    how = ", polling" if health.polling else ""
    own = f"; this pod: {clean(picture.explanation.self_pod)}" if picture.explanation else ""
    lines = [Text(f"{heard}{how}{own}", style="dim", no_wrap=True, overflow="ellipsis")]
    if picture.problem:
        lines += [
            Text(line, style="red") for line in wrapped(clean(picture.problem), columns)[:_PROBLEM]
        ]
    return lines
