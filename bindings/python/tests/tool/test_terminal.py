"""What a person sees in a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from place import Place
from terminal import Terminal

HEADINGS = ["POD", "VERDICT", "ADDRESS", "READY", "AGE", "PORTS"]
#: With time for a busy machine.
DOCTOR = ["doctor", "--timeout", "60"]


def test_a_live_table(place: Place) -> None:
    place.pod("a-deployment-of-a-long-name-7d9f8b6c5-x2x4z", "10.0.0.2")
    place.pod("web", "10.0.0.3", port="http=80")
    with Terminal(place, "watch") as terminal:
        terminal.shows(" 1 peer ", "of 3 pods: ")
        assert terminal.shows("POD").split() == HEADINGS
        assert terminal.shows("app=demo", place.name, "port gossip")
        assert terminal.shows("API server heard", "this pod: `me`")
        # Both ends of the name, and all the rest.
        assert terminal.shows("a-de", "-x2x4z", "peer", "10.0.0.2", "yes", "gossip=3322")
        terminal.shows("web", "no-discovery-port", "10.0.0.3", "http=80")
        assert "green" in terminal.colours()

        # Its labels come last, or it might be seen before it is Running.
        place.pod("new", "10.0.0.4", label="app=other")
        place.tell("relabel", "--label=app=demo", "new")
        terminal.shows("+  new", "peer")
        terminal.shows(":", "+ new peer 10.0.0.4:3322 Running ready gossip=3322")
        place.tell("pod", "--ready=false", "new")
        terminal.shows("~  new", "peer", "no")
        terminal.shows("~ new ready -> not ready")
        place.tell("delete", "new")
        terminal.shows("-  new", "gone")

        terminal.press(b"\x03")
        assert terminal.ended() == 130
        assert b"Traceback" not in terminal.received
        # The terminal is as it was: the other screen, and its cursor.
        assert terminal.received.rstrip().endswith(b"\x1b[?1049l\x1b[?25h") or (
            b"\x1b[?1049l" in terminal.received and not terminal.screen.cursor.hidden
        )


def test_alone_and_no_answer(place: Place) -> None:
    with Terminal(place, "watch") as terminal:
        terminal.shows(" alone ", "of 1 pod: 1 self")
    with Terminal(place, "watch", "-p", "nix") as terminal:
        terminal.shows(" no answer ", "of 1 pod")
        terminal.shows("cannot be a")
    place.account("")
    with Terminal(place, "watch") as terminal:
        terminal.shows(" not known yet ")
        terminal.shows("may not list pods")


@pytest.mark.parametrize(
    ("columns", "headings"), [(100, HEADINGS), (60, HEADINGS[:5]), (40, HEADINGS[:3])]
)
def test_narrow_terminals(place: Place, columns: int, headings: list[str]) -> None:
    for i in range(10):
        place.pod(f"demo-{i}-of-a-long-name", f"10.0.1.{i}")
    place.pod("web", "10.0.0.3", port="http=80")
    with Terminal(place, "watch", columns=columns, lines=12) as terminal:
        line = terminal.shows("POD")
        assert [word for word in line.split() if "…" not in word] == headings[: len(line.split())]
        # What is no peer is seen, what there is no room for is counted.
        terminal.shows("and ", " more")
        terminal.shows("me ", "self")
        assert any("no-discovery-port"[:9] in line for line in terminal.screen.display)


def test_a_terminal_that_is_shrunk(place: Place) -> None:
    for i in range(10):
        place.pod(f"demo-{i}", f"10.0.1.{i}")
    with Terminal(place, "watch") as terminal:
        terminal.shows("demo-9")
        for columns, lines in ((80, 9), (80, 6), (8, 3), (1, 1), (80, 24)):
            terminal.resize(columns, lines)
            # At its next look it sees the size; what is on the screen from before does not count.
            terminal.screen.reset()
            terminal.shows(" 10 peers "[: columns - 1] if lines > 1 else "")
        terminal.press(b"\x03")
        assert terminal.ended() == 130
        assert b"Traceback" not in terminal.received


def test_no_colour(place: Place) -> None:
    place.terminal = {"NO_COLOR": "1"}
    for command, words in ((["watch"], " alone "), (DOCTOR, "all is well")):
        with Terminal(place, *command) as terminal:
            terminal.shows(words)
            assert terminal.colours() == {"default"}


def test_doctor_in_colour(place: Place) -> None:
    with Terminal(place, *DOCTOR, lines=60) as terminal:
        terminal.shows("all is well")
        assert "green" in terminal.colours()
        # Only a path, which stays whole to be copied, is longer than a line.
        assert all(len(line.rstrip()) < 80 for line in terminal.screen.display if "/" not in line)


@pytest.mark.parametrize("how", ["no rich", "dumb", "--plain", "log"])
def test_lines_in_a_terminal(place: Place, tmp_path: Path, how: str) -> None:
    arguments = ["--plain"] if how == "--plain" else []
    if how == "log":
        # Both in the one terminal: records would be drawn into the table.
        place.environment["KUBEPEERS_LOG"] = "debug"
    if how == "dumb":
        place.terminal = {"TERM": "dumb"}
    if how == "no rich":
        (tmp_path / "rich.py").write_text("raise ImportError")
        place.environment["PYTHONPATH"] = f"{tmp_path}:{place.environment['PYTHONPATH']}"
    with Terminal(place, "watch", *arguments) as terminal:
        terminal.shows("+ me self 10.0.0.1")
        assert any("kubepeers[tool]" in line for line in terminal.screen.display) == (
            how == "no rich"
        )
        terminal.press(b"\x03")
        assert terminal.ended() == 130
        assert b"Traceback" not in terminal.received
