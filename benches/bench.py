"""The benchmark of `make bench`, which starts a control plane for it.

README.md explains the tables.
"""

from __future__ import annotations

import argparse
import bisect
import json
import os
import random
import shutil
import sys
import time
from typing import TYPE_CHECKING

import report
from hosts import (
    BARE,
    BUILD,
    GO,
    GOAKT,
    INFORMER,
    MOUNTS,
    PYTHON,
    C,
    Host,
    Namespace,
    Wire,
    output,
    tool,
)
from machine import ApiServer, cpu_ms, memory_mb

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLED = [C, GO, PYTHON, GOAKT, INFORMER]
STARTED = [*CALLED, BARE]
WATCHING = [C, INFORMER, BARE]
WIRED = [C, GOAKT, INFORMER, BARE]
#: How long the effects of a first answer last: the client starts a watch, and the server collects
#: garbage.
SETTLE_S = 0.7


def shuffled(kinds: list[str]) -> list[str]:
    """Return the kinds in random order, so that the same two do not always follow each other."""
    return random.sample(kinds, len(kinds))


def rounds(count: int, what: str) -> Iterator[bool]:
    """Yield for each round whether it counts. The first one warms up."""
    for i in range(count + 1):
        print(f"{time.strftime('%H:%M:%S')} {what}: {i} of {count}", file=sys.stderr)
        yield i > 0


def starts(namespace: Namespace, server: ApiServer, count: int, figures: report.Figures) -> None:
    """Measure the time from the start of a process to its first answer, and its costs."""
    used = {kind: [] for kind in STARTED}
    server.watch_idle()
    for counts in rounds(count, f"starts, {namespace.size} pods"):
        for kind in shuffled(STARTED):
            before = server.sample()
            host = Host(kind, namespace)
            client_cpu, peak, private = (
                cpu_ms(host.pid),
                memory_mb(host.pid, "VmHWM"),
                memory_mb(host.pid, "RssAnon"),
            )
            time.sleep(SETTLE_S)
            host.stop()
            if counts:
                used[kind].append(server.used_since(before))
                figures.add(report.FIRST, kind, host.first_ms)
                figures.add(report.FIRST_CPU, kind, client_cpu)
                figures.add(report.PEAK, kind, peak)
                figures.add(report.PRIVATE, kind, private)
    server.watch_idle()
    for kind, samples in used.items():
        for sample in samples:
            figures.add(report.SERVER_CPU, kind, server.above_idle(sample))


def calls(namespace: Namespace, count: int, figures: report.Figures) -> None:
    """Measure calls while nothing changes."""
    hosts = [Host(kind, namespace) for kind in CALLED]
    time.sleep(SETTLE_S)
    for counts in rounds(count, f"calls, {namespace.size} pods"):
        for host in random.sample(hosts, len(hosts)):
            nanoseconds = map(float, host.send(f"calls {1500 if host.kind == GOAKT else 200}"))
            if counts:
                for figure, value in zip((report.CALL, report.GENERATION), nanoseconds):
                    figures.add(figure, host.kind, value)
    for host in hosts:
        host.stop()


def changes(namespace: Namespace, count: int, patches: int, figures: report.Figures) -> None:
    """Measure clients that watch, side by side, while pods change: the cost and the delay of an
    event.
    """
    for counts in rounds(count, f"changes, {namespace.size} pods"):
        hosts = [Host(kind, namespace) for kind in shuffled(WATCHING)]
        for host in hosts:
            host.send("watch")
        time.sleep(SETTLE_S)

        sent = patch(namespace, "ready", 40, "150ms", 1)
        seen = {host.kind: first_after(sent, host.send("times")) for host in hosts}
        if counts:
            for i in range(len(sent)):
                delays = {
                    kind: (times[i] - sent[i]) / 1e6 for kind, times in seen.items() if times[i]
                }
                for kind, delay in delays.items():
                    figures.add(report.SEEN, kind, delay)
                    if kind != BARE and BARE in delays:
                        figures.add(report.SEEN_AFTER_BARE, kind, delay - delays[BARE])
            figures.missed += sum(not at for times in seen.values() for at in times)

        for kind, figure in (("other", report.EVENT_OTHER), ("ready", report.EVENT_READY)):
            before = {host: cpu_ms(host.pid) for host in hosts}
            sent = patch(namespace, kind, patches, "10ms", 4)
            time.sleep(SETTLE_S)
            after = {host: cpu_ms(host.pid) for host in hosts}
            events = {host.kind: len(host.send("times")) for host in hosts}
            if events[BARE] != len(sent):
                raise AssertionError(f"{len(sent)} patches, but {events[BARE]} events")
            for host in hosts:
                if counts:
                    figures.add(figure, host.kind, (after[host] - before[host]) * 1e3 / len(sent))
        for host in hosts:
            if counts and host.kind != BARE:
                figures.add(report.PEAK_CHURN, host.kind, memory_mb(host.pid, "VmHWM"))
            host.stop()


def patch(namespace: Namespace, kind: str, count: int, every: str, workers: int) -> list[int]:
    """Change all pods except that of the hosts. Return when each change was sent."""
    pods = [f"-namespace={namespace.name}", f"-own={namespace.host_pod}"]
    pace = [f"-count={count}", f"-every={every}", f"-workers={workers}"]
    return [int(line) for line in output([BUILD / "patch", *pods, f"-kind={kind}", *pace]).split()]


def first_after(sent: list[int], seen: list[str]) -> list[int | None]:
    """Return when each change was seen: the first event before the next change, or None."""
    times = sorted(map(int, seen))
    result = []
    for begin, until in zip(sent, [*sent[1:], sent[-1] + 10**10]):
        i = bisect.bisect_left(times, begin)
        result.append(times[i] if i < len(times) and times[i] < until else None)
    return result


def wire(namespaces: list[Namespace], seconds: int, figures: dict[int, report.Figures]) -> None:
    """Count requests and bytes until shortly after the first answer, and while nothing changes."""
    running = []
    for namespace in namespaces:
        for kind in WIRED:
            counter = Wire(namespace)
            host = Host(kind, namespace, counter)
            time.sleep(SETTLE_S)
            requests, moved = counter.counts()
            figures[namespace.size].add(report.WIRE_REQUESTS, kind, requests)
            figures[namespace.size].add(report.WIRE_KB, kind, moved / 1e3)
            running.append((namespace, counter, host))
    time.sleep(3)
    before = [counter.counts() for _, counter, _ in running]
    print(f"{time.strftime('%H:%M:%S')} quiet for {seconds} s", file=sys.stderr)
    time.sleep(seconds)
    for (namespace, counter, host), (old_requests, old_moved) in zip(running, before):
        requests, moved = counter.counts()
        figures[namespace.size].add(
            report.QUIET_REQUESTS, host.kind, (requests - old_requests) * 60 / seconds
        )
        figures[namespace.size].add(
            report.QUIET_KB, host.kind, (moved - old_moved) / 1e3 * 60 / seconds
        )
        host.stop()
        counter.stop()


def pod_sizes(namespace: Namespace) -> list[int]:
    """Return the sorted JSON sizes of some pods, in bytes."""
    listed = json.loads(tool("get", f"/api/v1/namespaces/{namespace.name}/pods?limit=200"))
    return sorted(len(json.dumps(pod, separators=(",", ":"))) for pod in listed["items"])


def main() -> None:
    """Measure everything, print the tables, and write them and all single figures to the build
    folder.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--pods", type=int, nargs="+", default=[10, 1000, 5000])
    parser.add_argument("--rounds", type=int, default=10, help="rounds of starts and calls")
    parser.add_argument(
        "--change-rounds", type=int, default=4, help="rounds of 40 + 2 * PATCHES changes each"
    )
    parser.add_argument("--patches", type=int, default=500)
    parser.add_argument("--quiet", type=int, default=120, help="seconds without a change")
    options = parser.parse_args()

    shutil.rmtree(MOUNTS, ignore_errors=True)
    MOUNTS.mkdir()
    begun, load = time.time(), [os.getloadavg()[0]]
    namespaces, figures = [], {}
    for size in options.pods:
        print(f"{time.strftime('%H:%M:%S')} creating {size} pods", file=sys.stderr)
        namespaces.append(Namespace(size))
        figures[size] = report.Figures(size, pod_sizes(namespaces[-1]))
    for namespace in namespaces:
        starts(namespace, ApiServer(), options.rounds, figures[namespace.size])
        load.append(os.getloadavg()[0])
    for namespace in namespaces:
        calls(namespace, options.rounds, figures[namespace.size])
        load.append(os.getloadavg()[0])
    for namespace in namespaces:
        changes(namespace, options.change_rounds, options.patches, figures[namespace.size])
        load.append(os.getloadavg()[0])
    if options.quiet:
        wire(namespaces, options.quiet, figures)
    shutil.rmtree(MOUNTS)

    text = report.head(load, time.time() - begun, options) + "".join(
        figures[size].table() for size in options.pods
    )
    (BUILD / "results.md").write_text(text)
    (BUILD / "results.json").write_text(
        json.dumps({size: figures[size].values for size in options.pods}, indent=1)
    )
    print(text)


if __name__ == "__main__":
    main()
