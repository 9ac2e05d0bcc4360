"""`kubepeers doctor`: every step to the first answer, each with what is wrong and what fixes it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubepeers.tool import exits

from . import library
from .report import Report
from .steps import NAMES, State, not_reached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubepeers.tool.settings import Settings

    from .steps import Step


def run(settings: Settings, *, only_manifests: bool, timeout: float) -> int:
    """Examine, and print each step as it is known, then what fixes those that are wrong."""
    report = Report(sys.stderr if only_manifests else sys.stdout, os.environ)
    steps = []
    for step in _all(settings, timeout):
        report.step(step)
        steps.append(step)
    report.remedies(steps)
    if only_manifests:
        for step in steps:
            sys.stdout.write(step.remedy.manifest if step.remedy and step.remedy.complete else "")
    return _exit_status(steps)


def _all(settings: Settings, seconds: float) -> Iterator[Step]:
    """Give every step."""
    missing = list(NAMES)
    for step in _reached(settings, seconds):
        missing.remove(step.name)
        yield step
    yield from map(not_reached, missing)


def _reached(settings: Settings, seconds: float) -> Iterator[Step]:
    """Give the steps up to where it does not go on."""
    found = library.step()
    yield found
    if found.state is State.OK:
        # It cannot be imported without a library.
        from .examination import examine

        yield from examine(settings, os.environ, seconds)


def _exit_status(steps: list[Step]) -> int:
    wrong = [step.name for step in steps if step.state is State.WRONG]
    if "configuration" in wrong:
        return exits.USAGE
    return exits.WRONG if wrong else exits.WELL
