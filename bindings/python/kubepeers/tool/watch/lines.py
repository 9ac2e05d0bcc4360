"""Lines of changes, for files, pipes, and installations without `rich`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

from kubepeers.tool.text import clean

from .picture import changes, ports, readiness, where

if TYPE_CHECKING:
    from kubepeers import ExplainedPod

    from .picture import Change, Picture


class Lines:
    """Prints what has changed."""

    def __init__(self, to: TextIO) -> None:
        self._to = to
        self._before: dict[str, ExplainedPod] = {}
        self._problem = ""

    def show(self, picture: Picture) -> None:
        """Print what has changed since the last time."""
        # Before the first list there is nothing to say but that it lasts.
        if picture.problem != self._problem and (picture.explanation or picture.health.error):
            self._print(
                picture.now, f"! {picture.problem}" if picture.problem else "! all is well again"
            )
            self._problem = picture.problem
        for change in changes(self._before, picture.pods):
            self._print(picture.now, described(change, change.pod.name))
        self._before = picture.pods

    def _print(self, now: float, line: str) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        print(f"{at} {clean(line)}", file=self._to, flush=True)


def described(change: Change, name: str) -> str:
    """Say in a line what happened."""
    mark, pod, differences = change
    if mark == "-":
        return f"- {name}"
    if mark == "+":
        return f"+ {name} {pod.verdict} {where(pod)} {pod.phase} {readiness(pod)} {ports(pod)}"
    return f"~ {name} " + ", ".join(f"{was} -> {now}" for was, now in differences)
