"""The cold start of whole Deployments, for `make bench-herd`. README.md explains the tables."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import herd_report as report
import server_metrics
from bench import patch, shuffled
from herd_report import ALONE, GOAKT, INFORMER, KUBEPEERS, POLLING, PROCESSES
from hosts import BUILD, MOUNTS, Namespace, end, output, start, tool
from machine import ApiServer, cpu_ms, memory_mb

#: How long the cold start is watched, and each of the two minutes after it.
COLD_S, MINUTE_S = 10.0, 60
#: The server is idle if it used less than this, in ms per second, for so many seconds in a row.
QUIET_MS, QUIET_TIMES = 120.0, 3
#: After so many seconds the server is taken as it is: the machine, not the server, is busy.
LONGEST_SETTLE_S = 60


class Herd:
    """Clients that wait for the word to start."""

    def __init__(self, mode: str, size: Size) -> None:
        namespace, clients = size.namespace, size.clients
        mounts = MOUNTS / f"{namespace.name}-herd"
        c = [BUILD / "herd-c", namespace.name, mounts, clients]
        go = BUILD / "herd"
        command = {
            KUBEPEERS: [*c, 1, "auto"],
            PROCESSES: [*c, clients, "auto"],
            POLLING: [*c, 1, "poll"],
            INFORMER: [go, "informer", namespace.name, mounts, clients],
            GOAKT: [go, "goakt", namespace.name, mounts, clients],
        }[mode]
        # kubepeers excludes the pod that it runs in.
        self.expected = namespace.size - (mode in (KUBEPEERS, PROCESSES, POLLING))
        self._process = start([BUILD / "pod", mounts / "current", *command])
        self._read("start")
        self._read("ready")

    def go(self) -> None:
        """Start all clients."""
        print(file=self._process.stdin, flush=True)

    def answers_ms(self) -> tuple[list[float], int]:
        """Wait for all first answers.

        Return how long each took, and how many clients have none after four minutes.
        """
        answers = [tuple(map(int, word.split(":"))) for word in self._read("answers")]
        wrong = [peers for _, peers in answers if peers not in (0, self.expected)]
        if wrong:
            raise AssertionError(
                f"{len(wrong)} clients found {wrong[0]} peers, expected {self.expected}"
            )
        return sorted(ns / 1e6 for ns, _ in answers), sum(peers == 0 for _, peers in answers)

    def pids(self) -> list[int]:
        """Return the processes of the clients."""
        pid = self._process.pid
        children = output(["cat", f"/proc/{pid}/task/{pid}/children"]).split()
        return [pid, *map(int, children)]

    def stop(self) -> None:
        """End all of them."""
        end(self._process)

    def _read(self, what: str) -> list[str]:
        line = self._process.stdout.readline().split()
        if line[:1] != [what]:
            raise RuntimeError(f"expected {what!r} from the clients, got {line}")
        return line[1:]


class Size(NamedTuple):
    """So many clients in a namespace of so many pods."""

    clients: int
    namespace: Namespace


def make_size(text: str) -> Size:
    """Make the pods, and for each client the folder that a kubelet would mount into its pod."""
    clients, pods = map(int, text.split("/"))
    log(f"making {pods} pods and the folders of {clients} clients")
    namespace = Namespace(pods)
    names = [
        pod["metadata"]["name"]
        for pod in json.loads(tool("pods", "--namespace", namespace.name))["items"]
    ]
    mounts = MOUNTS / f"{namespace.name}-herd"
    mounts.mkdir()
    (mounts / "current").symlink_to("0")

    def mount(client: int) -> None:
        account = [
            "--namespace",
            namespace.name,
            "--service-account",
            "bench",
            "--pod",
            names[client],
        ]
        folder = mounts / str(client)
        tool("mount", *account, "--duration", "6h", folder)
        # See cmd/herd: clients of the same authority would share a connection.
        with (folder / "ca.crt").open("a") as file:
            file.write(f"# client {client}\n")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(mount, range(clients)))
    return Size(clients, namespace)


def fresh_server(size: Size) -> ApiServer:
    """Start the API server again and wait until it is quiet: no mode pays for the garbage of
    another.
    """
    for order in ("stop-server", "start-server"):
        tool(order, "--dir", os.environ["TESTENV_DIR"])
    tool("pods", "--namespace", size.namespace.name)
    server, quiet = ApiServer(), 0
    for _ in range(LONGEST_SETTLE_S):
        before = server.sample()
        time.sleep(1)
        quiet = quiet + 1 if server.used_since(before).cpu_ms < QUIET_MS else 0
        if quiet == QUIET_TIMES:
            break
    return server


def cold_start(mode: str, size: Size, figures: report.Figures, minutes: bool) -> None:
    """Measure one cold start, and perhaps the two minutes that follow."""
    server = fresh_server(size)
    herd = None if mode == ALONE else Herd(mode, size)
    counted = server_metrics.read()
    time.sleep(1)
    server.watch_idle()
    if herd:
        port = os.environ["KUBERNETES_SERVICE_PORT"]
        connected = server_metrics.connections(port)
        start_herd(herd, server, mode, figures)
        figures.add(report.CONNECTIONS, mode, server_metrics.connections(port) - connected)
        add_counts(server_metrics.read().since(counted), mode, figures)
    if minutes:
        two_minutes(server, size, mode, figures)
    if herd:
        herd.stop()


def start_herd(herd: Herd, server: ApiServer, mode: str, figures: report.Figures) -> None:
    """Measure from the start of all clients to ten seconds later, and to the last answer if that is
    later.
    """
    before, pids = server.sample(), herd.pids()
    clients_before = sum(map(cpu_ms, pids))
    herd.go()
    time.sleep(COLD_S)
    cold = server.used_since(before)
    clients_cpu = sum(map(cpu_ms, pids)) - clients_before
    answers, missing = herd.answers_ms()
    whole = cold
    if answers[-1] > COLD_S * 1e3:
        time.sleep(2)
        whole = server.used_since(before)
    figures.add(report.CPU_COLD, mode, server.above_idle(cold) / 1e3)
    figures.add(report.CPU_WHOLE, mode, server.above_idle(whole) / 1e3)
    figures.add(report.LAST, mode, answers[-1] / 1e3)
    figures.add(report.MIDDLE, mode, statistics.median(answers) / 1e3)
    figures.add(report.MISSING, mode, missing)
    figures.add(report.CLIENT_CPU, mode, clients_cpu / 1e3)
    figures.add(report.CLIENT_MEMORY, mode, sum(memory_mb(pid, "RssAnon") for pid in pids))
    figures.add(report.SERVER_MEMORY, mode, memory_mb(server.pid, "VmHWM"))


def add_counts(counts: server_metrics.Counts, mode: str, figures: report.Figures) -> None:
    """Add what the server counted during a cold start."""
    figures.add(report.LISTS, mode, counts.lists)
    figures.add(report.WATCHES, mode, counts.watches)
    figures.add(report.REJECTED, mode, counts.rejected)
    figures.add(report.ABANDONED, mode, counts.abandoned)


def two_minutes(server: ApiServer, size: Size, mode: str, figures: report.Figures) -> None:
    """Measure a minute without a change and one with a change a second."""
    time.sleep(5)
    counted = server_metrics.read()
    time.sleep(1)
    before = server.sample()
    time.sleep(MINUTE_S)
    figures.add(report.CPU_QUIET, mode, server.used_since(before).cpu_ms / 1e3)
    counts = server_metrics.read()
    figures.add(report.QUIET_LISTS, mode, counts.since(counted).lists)
    time.sleep(1)
    before = server.sample()
    sent = patch(size.namespace, "ready", 60, "1s", 1)
    used = server.used_since(before)
    events = server_metrics.read().since(counts).events
    # An overloaded server makes the minute longer.
    to_minute = MINUTE_S / used.at
    figures.add(report.CPU_CHANGES, mode, used.cpu_ms / 1e3 * to_minute)
    figures.add(report.CHANGES, mode, len(sent) * to_minute)
    figures.add(report.EVENTS, mode, events * to_minute)


def log(text: str) -> None:
    """Report progress."""
    print(f"{time.strftime('%H:%M:%S')} load {os.getloadavg()[0]:.1f}: {text}", file=sys.stderr)


def main() -> None:
    """Measure everything, print the tables, and keep them and all single figures in the build
    folder.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="+", default=["100/100", "300/1000"], help="CLIENTS/PODS")
    parser.add_argument("--rounds", type=int, default=5, help="cold starts of each mode")
    parser.add_argument(
        "--minutes", type=int, default=2, help="rounds in which the two minutes follow"
    )
    parser.add_argument(
        "--modes", nargs="+", default=report.MODES, choices=report.MODES, metavar="MODE"
    )
    options = parser.parse_args()

    shutil.rmtree(MOUNTS, ignore_errors=True)
    MOUNTS.mkdir()
    begun, load, measured = time.time(), [os.getloadavg()[0]], {}
    for text in options.sizes:
        size, figures = make_size(text), report.Figures(text)
        measured[text] = figures
        for done in range(options.rounds):
            minutes = done < options.minutes
            for mode in shuffled([mode for mode in options.modes if minutes or mode != ALONE]):
                log(f"{text}, round {done + 1} of {options.rounds}: {mode}")
                # After the cold start, clients in one process and in many do the same.
                cold_start(mode, size, figures, minutes and mode != PROCESSES)
                load.append(os.getloadavg()[0])
                head = report.head(load, time.time() - begun, options.rounds, options.minutes)
                keep(head, measured)
    shutil.rmtree(MOUNTS)
    print((BUILD / "herd.md").read_text())


def keep(head: str, measured: dict[str, report.Figures]) -> None:
    """Write the figures up to now, so that they survive if the run is stopped."""
    (BUILD / "herd.md").write_text(head + "".join(figures.table() for figures in measured.values()))
    values = {size: figures.values for size, figures in measured.items()}
    (BUILD / "herd.json").write_text(json.dumps({"head": head, "sizes": values}, indent=1) + "\n")


if __name__ == "__main__":
    main()
