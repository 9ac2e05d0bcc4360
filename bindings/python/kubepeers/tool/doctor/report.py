"""The examination as a person sees it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, TextIO

from kubepeers.tool.text import clean, wrapped

from .steps import NAMES, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .steps import Remedy, Step

_NAME = max(len(name) for name in NAMES) + 2
_STATE = max(len(state.value) for state in State) + 2
#: Longer lines are hard to read.
_WIDEST = 120
_COLOURS = {State.OK: "32", State.WARNING: "33", State.WRONG: "1;31", State.NOT_REACHED: "2"}


class Report:
    """Prints to a terminal or to a file."""

    def __init__(self, to: TextIO, environment: Mapping[str, str]) -> None:
        self._to = to
        dumb = environment.get("TERM", "dumb") == "dumb"
        self._coloured = to.isatty() and not dumb and not environment.get("NO_COLOR")

    def step(self, step: Step) -> None:
        """Print a line or two for a step."""
        lines = [
            line
            for says in step.says
            for line in wrapped(clean(says), self._columns() - _NAME - _STATE)
        ]
        first, *others = lines or [""]
        state = self._painted(f"{step.state.value:{_STATE}}", step.state)
        self._print(f"{step.name:{_NAME}}{state}{first}".rstrip())
        for line in others:
            self._print(" " * (_NAME + _STATE) + line)

    def remedies(self, steps: list[Step]) -> None:
        """Print the fixes of all steps that are not ok, and the outcome.

        A fix of several steps is printed once.
        """
        fixed: dict[Remedy, list[str]] = {}
        for step in steps:
            if step.remedy:
                fixed.setdefault(step.remedy, []).append(f"`{step.name}`")
        for remedy, names in fixed.items():
            self._print(f"\nTo fix {', '.join(names)}:")
            self._advice(remedy.advice)
            self._manifest(remedy)
        self._print(f"\n{self._outcome(steps)}")

    def _advice(self, advice: str) -> None:
        for line in advice.splitlines():
            # What is to be copied stays one line.
            for shown in (
                [clean(line)] if line.startswith("    ") else wrapped(clean(line), self._columns())
            ):
                self._print(shown)

    def _manifest(self, remedy: Remedy) -> None:
        if remedy.manifest:
            lines = [clean(line) for line in remedy.manifest.splitlines()]
            self._print(
                "\n".join(
                    ["kubectl apply -f - <<'END'", *lines, "END"] if remedy.complete else lines
                )
            )

    def _outcome(self, steps: list[Step]) -> str:
        for state, text in ((State.WRONG, "wrong"), (State.WARNING, "well, but look at")):
            names = [step.name for step in steps if step.state is state]
            if names:
                return self._painted(f"{text}: {', '.join(names)}", state)
        return self._painted("all is well", State.OK)

    def _painted(self, text: str, state: State) -> str:
        return f"\033[{_COLOURS[state]}m{text}\033[0m" if self._coloured else text

    def _columns(self) -> int:
        return (
            min(shutil.get_terminal_size().columns - 1, _WIDEST) if self._to.isatty() else _WIDEST
        )

    def _print(self, line: str) -> None:
        print(line, file=self._to, flush=True)
