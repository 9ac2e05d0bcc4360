"""What the terminal shows."""

from __future__ import annotations

import json

import pytest
from fixtures import Namespace
from terminal import Terminal

HEADINGS = ["POD", "VERDICT", "ADDRESS", "READY", "AGE", "PORTS"]
CTRL_C = b"\x03"
#: With time for a busy machine.
DOCTOR = ("doctor", "--timeout", "60")


def test_live_table(namespace: Namespace) -> None:
    namespace.pod("a-deployment-of-a-long-name-7d9f8b6c5-x2x4z", "10.0.0.2")
    namespace.pod("web", "10.0.0.3", port="http=80")
    with Terminal(namespace, "watch") as terminal:
        terminal.wait_for_line(" 1 peer ", "of 3 pods: ")
        assert terminal.wait_for_line("POD").split() == HEADINGS
        assert terminal.wait_for_line("app=demo", namespace.name, "port gossip")
        assert terminal.wait_for_line("last confirmed", "this pod: `me`")
        # Both ends of the name, and everything else.
        assert terminal.wait_for_line("a-de", "-x2x4z", "peer", "10.0.0.2", "yes", "gossip=3322")
        terminal.wait_for_line("web", "no-discovery-port", "10.0.0.3", "http=80")
        assert "green" in terminal.colors()

        # Its labels come last: otherwise the command might see it before it is Running.
        namespace.pod("new", "10.0.0.4", label="app=other")
        namespace.testenv("relabel", "--label=app=demo", "new")
        terminal.wait_for_line("+  new", "peer")
        terminal.wait_for_line(":", "+ new peer 10.0.0.4:3322 Running ready gossip=3322")
        namespace.testenv("pod", "--ready=false", "new")
        terminal.wait_for_line("~  new", "peer", "no")
        terminal.wait_for_line("~ new ready -> not ready")
        namespace.testenv("delete", "new")
        terminal.wait_for_line("-  new", "gone")

        terminal.press(CTRL_C)
        assert terminal.wait() == 130
        assert_restored(terminal)


def assert_restored(terminal: Terminal) -> None:
    """The first screen and the cursor are shown again."""
    assert terminal.received.endswith(b"\x1b[?1049l\x1b[?25h")


def test_sigterm_restores_the_terminal(namespace: Namespace) -> None:
    with Terminal(namespace, "watch") as terminal:
        terminal.wait_for_line(" alone ")
        terminal.process.terminate()
        assert terminal.wait() == 143
        assert_restored(terminal)


def test_badge(namespace: Namespace) -> None:
    with Terminal(namespace, "watch") as terminal:
        terminal.wait_for_line(" alone ", "1 pod: 1 self")
    with Terminal(namespace, "watch", "-l", "app=x", "--membership=observer") as terminal:
        terminal.wait_for_line(" no peers ", "0 pods")
        terminal.wait_for_line("this process is not one of the pods")
    with Terminal(namespace, "watch", "-p", "nix") as terminal:
        terminal.wait_for_line(" no result ", "1 pod")
        terminal.wait_for_line("cannot be a")
    (namespace.mount / "token").write_text("garbage")
    with Terminal(namespace, "watch") as terminal:
        terminal.wait_for_line(" rejected ")
        terminal.wait_for_line("does not accept the credentials")
    namespace.mount_account("--pod=me")
    namespace.account("")
    with Terminal(namespace, "watch") as terminal:
        terminal.wait_for_line(" not allowed ")
        terminal.wait_for_line("may not list pods")
        terminal.wait_for_line("allows it)")
        assert not any("not known yet" in line for line in terminal.screen.display)


@pytest.mark.parametrize(
    ("columns", "headings"), [(100, HEADINGS), (60, HEADINGS[:5]), (40, HEADINGS[:3])]
)
def test_narrow_terminal(namespace: Namespace, columns: int, headings: list[str]) -> None:
    for i in range(10):
        namespace.pod(f"demo-{i}-of-a-long-name", f"10.0.1.{i}")
    namespace.pod("web", "10.0.0.3", port="http=80")
    with Terminal(namespace, "watch", columns=columns, lines=12) as terminal:
        line = terminal.wait_for_line("POD")
        assert [word for word in line.split() if "…" not in word] == headings[: len(line.split())]
        # Pods that are not peers come first. Those that do not fit are counted.
        terminal.wait_for_line("and ", " more")
        terminal.wait_for_line("me ", "self")
        assert any("no-discovery-port"[:9] in line for line in terminal.screen.display)


def test_terminal_that_changes_its_size(namespace: Namespace) -> None:
    for i in range(10):
        namespace.pod(f"demo-{i}", f"10.0.1.{i}")
    with Terminal(namespace, "watch") as terminal:
        terminal.wait_for_line("demo-9")
        for columns, lines in ((80, 9), (80, 6), (8, 3), (1, 1), (140, 40), (80, 24)):
            terminal.resize(columns, lines)
            # The next picture has the new size. What the screen shows from before does not count.
            terminal.screen.reset()
            terminal.wait_for_line(" 10 peers "[: columns - 1] if lines > 1 else "")
        terminal.press(CTRL_C)
        assert terminal.wait() == 130
        assert_restored(terminal)


def test_no_color(namespace: Namespace) -> None:
    namespace.terminal = {"NO_COLOR": "1"}
    with Terminal(namespace, "watch") as terminal:
        terminal.wait_for_line(" alone ")
        assert terminal.colors() == {"default"}
    with Terminal(namespace, *DOCTOR, lines=60) as terminal:
        terminal.wait_for_line("OK: no peers")
        assert terminal.wait() == 0
        assert b"\x1b" not in terminal.received


@pytest.mark.parametrize(("columns", "longest"), [(80, 80), (140, 100)])
def test_doctor(namespace: Namespace, columns: int, longest: int) -> None:
    with Terminal(namespace, *DOCTOR, columns=columns, lines=60) as terminal:
        terminal.wait_for_line("OK: no peers")
        assert terminal.wait() == 0
        assert "green" in terminal.colors()
        # A path stays whole to be copied, so that it may be longer than a line.
        lines = [line.rstrip() for line in terminal.screen.display]
        assert all(len(line) <= longest for line in lines if "/" not in line)
        assert any(len(line) > longest - 20 for line in lines)


@pytest.mark.parametrize("why", ["dumb", "no TERM", "--plain", "log"])
def test_lines_in_a_terminal(namespace: Namespace, why: str) -> None:
    arguments = ["--plain"] if why == "--plain" else []
    if why == "log":
        # Records on the same terminal would be drawn into the table.
        namespace.environment["KUBEPEERS_LOG"] = "debug"
    if why in ("dumb", "no TERM"):
        namespace.terminal = {"TERM": "dumb" if why == "dumb" else ""}
    with Terminal(namespace, "watch", *arguments) as terminal:
        terminal.wait_for_line("+ me self 10.0.0.1")
        terminal.press(CTRL_C)
        assert terminal.wait() == 130
        assert b"\x1b" not in terminal.received


def test_explain_fits_the_terminal(namespace: Namespace) -> None:
    name = "a-deployment-of-a-long-name-7d9f8b6c5-x2x4z"
    namespace.pod(name, "10.0.0.2")
    with Terminal(namespace, "explain", columns=140, lines=40) as terminal:
        assert terminal.wait_for_line("POD").split()[-2:] == ["NODE", "PORTS"]
        terminal.wait_for_line(f"{name}  peer", "10.0.0.2:3322", "gossip=3322")
    with Terminal(namespace, "explain") as terminal:
        assert terminal.wait_for_line("POD").split() == HEADINGS
        terminal.wait_for_line("a-de", "-x2x4z", "peer", "10.0.0.2", "yes", "gossip=3322")
        assert terminal.wait() == 0
        assert all(len(line) <= 80 for line in terminal.received.decode().splitlines())


def test_json_is_not_styled(namespace: Namespace) -> None:
    with Terminal(namespace, "peers", "--json", columns=200) as terminal:
        assert terminal.wait() == 0
        assert json.loads(terminal.received) == {"peers": []}
