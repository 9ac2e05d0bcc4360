"""The benchmark: `make bench` runs it under a control plane of its own. README.md says how to read what it prints."""

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
from hosts import BARE, BUILD, GO, GOAKT, INFORMER, MOUNTS, PYTHON, C, Host, Namespace, Wire, output, tool
from machine import ApiServer, cpu_ms, memory_mb

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLED = [C, GO, PYTHON, GOAKT, INFORMER]
STARTED = [*CALLED, BARE]
WATCHING = [C, INFORMER, BARE]
WIRED = [C, GOAKT, INFORMER, BARE]
#: After a first answer, until what it has caused is over: a watch is begun, the server collects garbage.
SETTLE = 0.7


def shuffled(kinds: list[str]) -> list[str]:
    """Gives another order each round, so that nobody always runs after the same other one."""
    return random.sample(kinds, len(kinds))


def rounds(count: int, what: str) -> Iterator[bool]:
    """Gives whether a round counts: the first one warms up."""
    for i in range(count + 1):
        print(f"{time.strftime('%H:%M:%S')} {what}: {i} of {count}", file=sys.stderr)
        yield i > 0


def starts(namespace: Namespace, server: ApiServer, count: int, figures: report.Figures) -> None:
    """Measures from the start of a process to its first answer, and what that costs."""
    used = {kind: [] for kind in STARTED}
    server.watch_idle()
    for counts in rounds(count, f"starts, {namespace.size} pods"):
        for kind in shuffled(STARTED):
            before = server.sample()
            host = Host(kind, namespace)
            own_cpu, peak, private = cpu_ms(host.pid), memory_mb(host.pid, "VmHWM"), memory_mb(host.pid, "RssAnon")
            time.sleep(SETTLE)
            host.stop()
            if counts:
                used[kind].append(server.used_since(before))
                figures.add(report.FIRST, kind, host.first_ms)
                figures.add(report.FIRST_CPU, kind, own_cpu)
                figures.add(report.PEAK, kind, peak)
                figures.add(report.PRIVATE, kind, private)
    server.watch_idle()
    for kind, all_used in used.items():
        for each in all_used:
            figures.add(report.SERVER_CPU, kind, server.above_idle(each))


def calls(namespace: Namespace, count: int, figures: report.Figures) -> None:
    """Measures calls while nothing changes."""
    hosts = [Host(kind, namespace) for kind in CALLED]
    time.sleep(SETTLE)
    for counts in rounds(count, f"calls, {namespace.size} pods"):
        for host in random.sample(hosts, len(hosts)):
            nanoseconds = map(float, host.ask(f"calls {1500 if host.kind == GOAKT else 200}"))
            if counts:
                for figure, value in zip((report.CALL, report.LOOK), nanoseconds):
                    figures.add(figure, host.kind, value)
    for host in hosts:
        host.stop()


def changes(namespace: Namespace, count: int, patches: int, figures: report.Figures) -> None:
    """Measures those that watch, beside each other, while pods change: what an event costs, and when it is seen."""
    for counts in rounds(count, f"changes, {namespace.size} pods"):
        hosts = [Host(kind, namespace) for kind in shuffled(WATCHING)]
        for host in hosts:
            host.ask("watch")
        time.sleep(SETTLE)

        sent = patch(namespace, "ready", 40, "150ms", 1)
        seen = {host.kind: first_after(sent, host.ask("times")) for host in hosts}
        if counts:
            for i in range(len(sent)):
                delays = {kind: (times[i] - sent[i]) / 1e6 for kind, times in seen.items() if times[i]}
                for kind, delay in delays.items():
                    figures.add(report.SEEN, kind, delay)
                    if kind != BARE and BARE in delays:
                        figures.add(report.SEEN_AFTER_BARE, kind, delay - delays[BARE])
            figures.missed += sum(not at for times in seen.values() for at in times)

        for kind, figure in (("other", report.EVENT_OTHER), ("ready", report.EVENT_READY)):
            before = {host: cpu_ms(host.pid) for host in hosts}
            sent = patch(namespace, kind, patches, "10ms", 4)
            time.sleep(SETTLE)
            after = {host: cpu_ms(host.pid) for host in hosts}
            events = {host.kind: len(host.ask("times")) for host in hosts}
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
    """Changes pods, all but the hosts' own; gives when each change was sent."""
    pods = [f"-namespace={namespace.name}", f"-own={namespace.own}"]
    pace = [f"-count={count}", f"-every={every}", f"-workers={workers}"]
    return [int(line) for line in output([BUILD / "patch", *pods, f"-kind={kind}", *pace]).split()]


def first_after(sent: list[int], seen: list[str]) -> list[int | None]:
    """Gives when each change was seen: what comes first between it and the next one. None if nothing does."""
    times = sorted(map(int, seen))
    result = []
    for begin, until in zip(sent, [*sent[1:], sent[-1] + 10**10]):
        i = bisect.bisect_left(times, begin)
        result.append(times[i] if i < len(times) and times[i] < until else None)
    return result


def wire(namespaces: list[Namespace], seconds: int, figures: dict[int, report.Figures]) -> None:
    """Counts requests and bytes: to the first answer and what follows at once, then while nothing happens."""
    running = []
    for namespace in namespaces:
        for kind in WIRED:
            counter = Wire(namespace)
            host = Host(kind, namespace, counter)
            time.sleep(SETTLE)
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
        figures[namespace.size].add(report.QUIET_REQUESTS, host.kind, (requests - old_requests) * 60 / seconds)
        figures[namespace.size].add(report.QUIET_KB, host.kind, (moved - old_moved) / 1e3 * 60 / seconds)
        host.stop()
        counter.stop()


def pod_sizes(namespace: Namespace) -> list[int]:
    """Gives bytes of JSON, of some of them."""
    listed = json.loads(tool("get", f"/api/v1/namespaces/{namespace.name}/pods?limit=200"))
    return sorted(len(json.dumps(pod, separators=(",", ":"))) for pod in listed["items"])


def main() -> None:
    """Measures everything, prints the tables and keeps them, with all single figures, in the build folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pods", type=int, nargs="+", default=[10, 1000, 5000])
    parser.add_argument("--rounds", type=int, default=10, help="of starts and calls")
    parser.add_argument("--change-rounds", type=int, default=4, help="of 40 + 2 * PATCHES changes each")
    parser.add_argument("--patches", type=int, default=500)
    parser.add_argument("--quiet", type=int, default=120, help="seconds in which nothing happens")
    options = parser.parse_args()

    shutil.rmtree(MOUNTS, ignore_errors=True)
    MOUNTS.mkdir()
    begun, load = time.time(), [os.getloadavg()[0]]
    namespaces, figures = [], {}
    for size in options.pods:
        print(f"{time.strftime('%H:%M:%S')} making {size} pods", file=sys.stderr)
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

    text = report.head(load, time.time() - begun, options) + "".join(figures[size].table() for size in options.pods)
    (BUILD / "results.md").write_text(text)
    (BUILD / "results.json").write_text(json.dumps({size: figures[size].values for size in options.pods}, indent=1))
    print(text)


if __name__ == "__main__":
    main()
