"""The live table in terminals of all sizes, without a terminal and without a cluster."""

from __future__ import annotations

import io
import math

import pytest
from kubepeers import AccessError, ExplainedPod, Explanation, Health, NamedPort, NoResultError
from kubepeers.tool.settings import Settings
from kubepeers.tool.watch.picture import Picture
from kubepeers.tool.watch.screen import Screen
from rich.console import Console
from rich.live import Live

SETTINGS = Settings(
    {"pod_labels": "app=demo", "namespace": "default", "discovery_port_name": "gossip"}
)
#: As long as one about a Role.
REFUSED = AccessError("service account `member` may not watch the pods " * 10)
TINY = [(columns, lines) for columns in range(1, 13) for lines in range(1, 13)]


def picture(pods: int, problem: AccessError | None = None, now: float = 0) -> Picture:
    explanation = Explanation(
        "default", "app=demo", "`me`", "open", tuple(pod(i) for i in range(pods))
    )
    return Picture(
        now,
        explanation,
        Health(True, 1, False, True, False, problem, "forbidden" if problem else ""),
        None,
    )


def pod(i: int) -> ExplainedPod:
    return ExplainedPod(
        *(
            f"web-{i}",
            "peer",
            f"10.0.0.{i}:1",
            (f"10.0.0.{i}",),
            "Running",
            True,
            False,
            "",
            f"u{i}",
            "",
            "",
        ),
        (NamedPort("gossip", 1),),
    )


def screen() -> tuple[Screen, Console]:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    return Screen(Live(console=console, auto_refresh=False), SETTINGS), console


def shown(columns: int, lines: int, *pictures: Picture) -> list[str]:
    """Give the lines that fit, after the pictures were shown one after the other."""
    view, console = screen()
    for each in pictures:
        view.show(each)
    options = console.options.update(width=columns, height=lines)
    rendered = console.render_lines(view.drawn(pictures[-1], columns, lines), options, pad=False)
    text = ["".join(segment.text for segment in line) for line in rendered]
    assert all(len(line) <= columns for line in text), text
    return text[:lines]


@pytest.mark.parametrize("problem", [None, REFUSED], ids=["well", "a long problem"])
@pytest.mark.parametrize("pods", [0, 1, 30])
def test_it_fits_everywhere(pods: int, problem: AccessError | None) -> None:
    for columns, lines in [
        *TINY,
        *((80, lines) for lines in range(1, 20)),
        *((c, 24) for c in range(13, 90, 3)),
    ]:
        text = shown(columns, lines, picture(pods, problem))
        assert text, (columns, lines)


def test_what_went_and_came_fits_too() -> None:
    for size in TINY:
        shown(*size, picture(9), picture(2), picture(30))


def test_rows_as_many_as_there_is_room_for() -> None:
    text = [shown(80, lines, picture(5)) for lines in range(1, 14)]
    assert [sum("web-" in line for line in each) for each in text] == [
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        1,
        2,
        3,
        5,
        5,
        5,
    ]
    assert ["".join(line.strip() for line in each if " more" in line) for each in text] == [
        *[""] * 6, "and 5 more", "and 4 more", "and 3 more", "and 2 more", "", "", "",
    ]  # fmt: skip


def test_that_nothing_is_known_is_not_taken_for_silence() -> None:
    nothing = Picture(
        0,
        None,
        Health(False, math.inf, True, False, False, None, ""),
        NoResultError("not a list of pods"),
    )
    said = "\n".join(shown(80, 24, nothing))
    assert "not a list of pods" in said
    assert "no pods read yet" in said
    assert "no answer" not in said
