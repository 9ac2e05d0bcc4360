"""What the kernel knows of processes, and which one is the API server."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import NamedTuple


def cpu_ms(pid: int) -> float:
    """Gives the CPU time of all threads: to the nanosecond, where /proc/PID/stat counts in ticks."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((thread / "schedstat").read_text().split()[0])
        except OSError:
            continue  # It has just ended.
    return total / 1e6


def memory_mb(pid: int, field: str) -> float:
    """Gives a field of /proc/PID/status, such as VmHWM, the peak of what was resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


class Sample(NamedTuple):
    """What the API server had used at one moment."""

    at: float
    cpu_ms: float


class ApiServer:
    """The API server that `testenv run` has started: it runs in the folder of the kubeconfig."""

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
        """Gives what it has used up to now."""
        return Sample(time.monotonic(), cpu_ms(self.pid))

    def watch_idle(self) -> None:
        """Takes note of what it uses when nobody asks anything."""
        for _ in range(4):
            before = self.sample()
            time.sleep(1.5)
            now = self.sample()
            self._idle.append((now.cpu_ms - before.cpu_ms) / (now.at - before.at))

    def used_since(self, before: Sample) -> Sample:
        """Gives how long and how much since then; see `above_idle`."""
        now = self.sample()
        return Sample(now.at - before.at, now.cpu_ms - before.cpu_ms)

    def above_idle(self, used: Sample) -> float:
        """Takes off what it would have used anyway."""
        return used.cpu_ms - statistics.median(self._idle) * used.at
