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

from kubepeers.tool.text import age, clean, count, shortened, span

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
_STYLES = {"peer": "green", "self": "cyan", "terminating": "yellow", "not-running": "yellow", "no-ip": "yellow"}
_MARKS = {"+": "bold green", "~": "bold yellow", "-": "bold red"}
#: What the lines above and below the table take, at least.
_AROUND = 6


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
        with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
            yield cls(live, settings)

    def show(self, picture: Picture) -> None:
        """Draw it."""
        self._note(picture)
        self._live.update(self._drawn(picture), refresh=True)

    def _note(self, picture: Picture) -> None:
        """Keep what has changed."""
        if self._before is not None:
            for change in changes(self._before, picture.pods):
                self._recent[change.pod["uid"]] = (picture.now, change)
                self._log.append((picture.now, described(change)))
        if picture.explanation:
            self._before = picture.pods
        self._recent = {uid: (at, change) for uid, (at, change) in self._recent.items() if picture.now - at < _RECENT}

    def _drawn(self, picture: Picture) -> RenderableType:
        columns, lines = self._live.console.size
        top = [self._title(picture, columns), _summary(picture), *_state(picture, columns)]
        log = self._logged(columns) if lines >= 16 else []
        table = self._table(picture, columns, lines - len(top) - len(log) - 2)
        return Group(*top, Text(), table, *log)

    def _title(self, picture: Picture, columns: int) -> Text:
        values = self._values
        title = f"kubepeers  {values['pod_labels']} in {values['namespace']}, port {values['discovery_port_name']}"
        clock = time.strftime("%H:%M:%S", time.localtime(picture.now))
        return Text(f"{clean(title)[: columns - 10]:{columns - 9}} {clock}", style="bold", no_wrap=True)

    def _table(self, picture: Picture, columns: int, room: int) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("", width=1)
        table.add_column("POD", no_wrap=True)
        table.add_column("VERDICT", no_wrap=True)
        table.add_column("ADDRESS", no_wrap=True)
        table.add_column("READY", no_wrap=True)
        table.add_column("AGE", no_wrap=True, justify="right")
        table.add_column("PORTS", no_wrap=True, overflow="ellipsis", ratio=1)
        rows = self._rows(picture)
        shown, left = (rows, 0) if len(rows) <= room - 1 else (rows[: room - 2], len(rows) - room + 2)
        for pod in shown:
            table.add_row(*self._cells(pod, picture.now, max(14, columns - 62)))
        if left:
            table.add_row("", Text(f"… {left} more", style="dim"))
        return table

    def _rows(self, picture: Picture) -> list[ExplainedPod]:
        """Give the pods by name, those that just went among them."""
        gone = [change.pod for _, change in self._recent.values() if change.mark == "-"]
        return sorted([*picture.pods.values(), *gone], key=lambda pod: pod["name"])

    def _cells(self, pod: ExplainedPod, now: float, columns: int) -> list[Text]:
        recent = self._recent.get(pod["uid"])
        mark = recent[1].mark if recent else ""
        gone = mark == "-"
        style = "dim strike" if gone else ""
        return [
            Text(mark, style=_MARKS.get(mark, "")),
            Text(shortened(clean(pod["name"]), columns), style=style or _MARKS.get(mark, "")),
            Text("gone" if gone else pod["verdict"], style=style or _STYLES.get(pod["verdict"], "red")),
            Text(",".join(pod["ips"]) or "-", style=style),
            Text("yes" if pod["ready"] else "no", style=style or ("" if pod["ready"] else "yellow")),
            Text(age(pod["started"], now), style=style),
            Text(clean(ports(pod)), style=style),
        ]

    def _logged(self, columns: int) -> list[Text]:
        if not self._log:
            return []
        lines = [f"{time.strftime('%H:%M:%S', time.localtime(at))} {clean(line)}" for at, line in self._log]
        return [Text(), *(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in lines)]


def _summary(picture: Picture) -> Text:
    """Say the answer, in the place that is looked at first."""
    pods = list(picture.pods.values())
    peers = sum(pod["verdict"] == "peer" for pod in pods)
    if picture.explanation is None:
        return Text(" not known yet ", style="bold reverse red")
    others = collections.Counter(pod["verdict"] for pod in pods if pod["verdict"] != "peer")
    said = ", ".join(f"{number} {verdict}" for verdict, number in others.most_common())
    if picture.refusal is not None:
        answer = Text(" no answer ", style="bold reverse red")
    elif peers:
        answer = Text(f" {count(peers, 'peer')} ", style="bold reverse green")
    else:
        answer = Text(" alone ", style="bold reverse yellow")
    return answer + Text(f"  of {count(len(pods), 'pod')}" + (f": {said}" if said else ""))


def _state(picture: Picture, columns: int) -> list[Text]:
    """Say how sure that is."""
    health = picture.health
    heard = "nothing heard of the API server yet" if health.age is None else f"heard of {span(health.age)} ago"
    how = ", polling" if health.polling else ""
    own = f"; own pod: {clean(picture.explanation['own_pod'])}" if picture.explanation else ""
    lines = [Text(f"{heard}{how}{own}", style="dim", no_wrap=True, overflow="ellipsis")]
    if picture.problem:
        # The manifest is the doctor's to print.
        problem = clean(picture.problem.partition("\n---\n")[0])
        lines += [Text(line, style="red") for line in _wrapped(problem, columns)]
    return lines


def _wrapped(text: str, columns: int) -> list[str]:
    from kubepeers.tool.text import wrapped

    return wrapped(text, columns)[:4]
