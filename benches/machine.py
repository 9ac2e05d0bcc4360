"""CPU time and memory of processes, and the process of the API server."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import NamedTuple


def cpu_ms(pid: int) -> float:
    """Return the CPU time of all threads.

    schedstat has nanoseconds, while /proc/PID/stat counts ticks.
    """
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((thread / "schedstat").read_text().split()[0])
        except OSError:
            continue  # The thread has ended.
    return total / 1e6


def memory_mb(pid: int, field: str) -> float:
    """Return a field of /proc/PID/status, such as VmHWM, the peak of the resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


class Sample(NamedTuple):
    """The CPU time of the API server up to one moment, or between two."""

    at: float
    cpu_ms: float


class ApiServer:
    """The API server of `testenv run`, which runs in the folder of the kubeconfig."""

    def __init__(self) -> None:
        self.pid = self._find(os.path.dirname(os.environ["KUBECONFIG"]))
        self._idle: list[float] = []

    @staticmethod
    def _find(folder: str) -> int:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (process / "cmdline").read_text().split("\0")
                if os.readlink(process / "cwd") == folder and "kube-apiserver" in arguments[:2]:
                    return int(process.name)
            except OSError:
                continue
        raise LookupError("no API server in " + folder)

    def sample(self) -> Sample:
        """Return the CPU time up to now."""
        return Sample(time.monotonic(), cpu_ms(self.pid))

    def watch_idle(self) -> None:
        """Measure the CPU time while no client sends requests."""
        for _ in range(4):
            before = self.sample()
            time.sleep(1.5)
            now = self.sample()
            self._idle.append((now.cpu_ms - before.cpu_ms) / (now.at - before.at))

    def used_since(self, before: Sample) -> Sample:
        """Return the duration and the CPU time since a sample.

        `above_idle` subtracts the idle part.
        """
        now = self.sample()
        return Sample(now.at - before.at, now.cpu_ms - before.cpu_ms)

    def above_idle(self, used: Sample) -> float:
        """Return the CPU time without what an idle server uses."""
        return used.cpu_ms - statistics.median(self._idle) * used.at
