"""Run programs in C, Go, Python and Java, each as one of the pods, while pods change.

`make demo` runs this. After each change of a pod, the demo compares what the programs print with
the pods that the API server has. It computes the expected output without the library.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import json
import os
import queue
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PORT_NAME, PORT = "gossip", 3322
SELECTOR = "app=kubepeers-demo"
HANG_TIMEOUT_S = 30.0
SETTLE_S = 0.5
WIDTH = 9


class DemoError(Exception):
    """A program printed something unexpected."""


@dataclass
class Cluster:
    """Runs the helper program testenv for one namespace."""

    tool: str
    namespace: str
    real: bool

    def run(self, command: str, *arguments: str) -> str:
        done = subprocess.run(
            [self.tool, command, *arguments], check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise DemoError(f"testenv {command} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def in_namespace(self, command: str, *arguments: str) -> str:
        return self.run(command, "--namespace", self.namespace, *arguments)

    def pod(self, name: str, *arguments: str) -> None:
        # In a real cluster, neither a scheduler nor a kubelet may manage these pods, because the
        # demo writes their status.
        node = ["--node", ""] if self.real else []
        ports = ["--label", SELECTOR, "--port", f"{PORT_NAME}={PORT}"]
        self.in_namespace("pod", *ports, "--service-account", "demo", *node, *arguments, name)

    def change(self, command: str, name: str, *arguments: str) -> None:
        if command == "pod":
            self.pod(name, *arguments)
        else:
            self.in_namespace(command, name)

    def pods(self) -> list[dict]:
        return json.loads(self.in_namespace("pods", "--selector", SELECTOR))["items"]

    def environment(self) -> dict[str, str]:
        lines = self.run("endpoint").splitlines()
        return dict(os.environ) | dict(line.split("=", 1) for line in lines if "=" in line)


@dataclass
class Program:
    """A running example program, which stands for one of the pods."""

    name: str
    process: subprocess.Popen[str]
    lines: queue.Queue[tuple[float, str]] = field(default_factory=queue.Queue)
    last: str = ""

    @property
    def pod(self) -> str:
        return self.name.lower()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put((time.monotonic(), line.strip()))

    def wait_for_line(self, expected: str) -> float:
        """Wait until the program prints this line. Return the time when it did."""
        at = time.monotonic()
        deadline = at + HANG_TIMEOUT_S
        while self.last != expected:
            try:
                at, self.last = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise DemoError(
                    f"{self.name} printed {self.last!r}: expected {expected!r}"
                ) from None
        return at

    def is_silent(self) -> bool:
        """Return whether the program prints nothing for SETTLE_S."""
        time.sleep(SETTLE_S)
        return self.lines.empty()


def expected_line(pods: list[dict], self_pod: str) -> str:
    """Return the line that the program in this pod must print last."""
    if not any(pod["metadata"]["name"] == self_pod and is_running(pod) for pod in pods):
        return "waiting: SELF_NOT_VISIBLE"
    others = [pod for pod in pods if pod["metadata"]["name"] != self_pod]
    peers = [
        pod for pod in others if is_running(pod) and "deletionTimestamp" not in pod["metadata"]
    ]
    ips = [ipaddress.ip_address(pod["status"]["podIP"]) for pod in peers]
    ips.sort(key=lambda ip: (ip.version, int(ip)))
    texts = [f"[{ip}]:{PORT}" if ip.version == 6 else f"{ip}:{PORT}" for ip in ips]
    return "peers: " + (" ".join(texts) or "none, alone")


def is_running(pod: dict) -> bool:
    status = pod.get("status", {})
    return status.get("phase") == "Running" and bool(status.get("podIP"))


def describe(pod: dict) -> str:
    status = pod.get("status", {})
    phase = "Terminating" if "deletionTimestamp" in pod["metadata"] else status.get("phase", "?")
    return f"{pod['metadata']['name']} {phase} {status.get('podIP', '')}".strip()


@dataclass
class Demo:
    """Runs the steps and counts what the programs print."""

    cluster: Cluster
    programs: list[Program] = field(default_factory=list)
    steps: int = 0
    answers: int = 0
    delays: list[float] = field(default_factory=list)

    def step(self, title: str, *change: str) -> None:
        """Change one pod and check what every program prints."""
        self.steps += 1
        print(f"\n{self.steps:2}. {title}")
        before = {program.name: program.last for program in self.programs}
        sent = time.monotonic()
        if change:
            self.cluster.change(*change)
        pods = self.cluster.pods()
        print(f"    {'API':{WIDTH}}" + " · ".join(sorted(describe(pod) for pod in pods)))
        for program in self.programs:
            expected = expected_line(pods, program.pod)
            if expected == before[program.name]:
                note = self.check_silence(program)
            else:
                note = self.check_line(program, expected, sent)
            self.answers += 1
            print(f"    {program.name:{WIDTH}}{expected}   ✓ {note}")

    def check_line(self, program: Program, expected: str, sent: float) -> str:
        delay = program.wait_for_line(expected) - sent
        if self.steps == 1:
            return "since its start"
        self.delays.append(delay)
        return f"within {delay * 1000:.0f} ms"

    def check_silence(self, program: Program) -> str:
        if not program.is_silent():
            raise DemoError(f"{program.name} printed {program.lines.get()[1]!r}: expected nothing")
        return "unchanged"

    def run(self) -> None:
        """Run all steps."""
        self.step("all pods are Pending: no program has a result until its pod is Running")
        self.step(
            "pod c is Running: C is the only member",
            "pod",
            "c",
            "--ip",
            "10.88.0.1",
            "--phase",
            "Running",
        )
        self.step("pod go is Running", "pod", "go", "--ip", "10.88.0.2", "--phase", "Running")
        self.step(
            "pod python is Running", "pod", "python", "--ip", "10.88.0.3", "--phase", "Running"
        )
        if any(program.pod == "java" for program in self.programs):
            self.step(
                "pod java is Running", "pod", "java", "--ip", "10.88.0.4", "--phase", "Running"
            )
        self.step("pod web-1 is created and Pending", "pod", "web-1")
        self.step(
            "pod web-1 is Running", "pod", "web-1", "--ip", "10.88.0.10", "--phase", "Running"
        )
        self.step(
            "pod web-2 is Running, on IPv6",
            "pod",
            "web-2",
            "--ip",
            "fd00:88::2",
            "--phase",
            "Running",
        )
        self.step("pod web-1 has Failed and keeps its address", "pod", "web-1", "--phase", "Failed")
        self.step("pod web-2 is terminating", "terminate", "web-2")
        self.step("pod web-2 is deleted", "delete", "web-2")
        self.step("pod python is terminating: Python still has a result", "terminate", "python")

    def summary(self) -> str:
        typical, longest = statistics.median(self.delays) * 1000, max(self.delays) * 1000
        return (
            f"{self.steps} steps, {self.answers} answers of {len(self.programs)} languages, all correct.\n"
            f"From the change of a pod to the printed line: median {typical:.0f} ms, maximum {longest:.0f} ms."
        )


def commands(build: Path, java: str) -> dict[str, list[str]]:
    python = Path(__file__).parent / "peers.py"
    languages = {
        "C": [str(build / "demo-peers")],
        "Go": [str(build / "demo-peers-go")],
        "Python": [sys.executable, str(python)],
        "Java": shlex.split(java),
    }
    return {language: command for language, command in languages.items() if command}


@contextlib.contextmanager
def running(
    cluster: Cluster, commands: dict[str, list[str]], folder: Path
) -> Iterator[list[Program]]:
    """Start the programs for the block, each with the service account of its pod."""
    programs: list[Program] = []
    environment = cluster.environment()
    try:
        for name, command in commands.items():
            pod = name.lower()
            mount = folder / pod
            cluster.in_namespace("mount", "--service-account", "demo", "--pod", pod, str(mount))
            arguments = [
                "--namespace",
                cluster.namespace,
                "--selector",
                SELECTOR,
                "--port",
                PORT_NAME,
            ]
            command = [*command, *arguments, "--service-account-dir", str(mount)]
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            programs.append(Program(name, process))
            threading.Thread(target=programs[-1].read, daemon=True).start()
        yield programs
        for program in programs:
            program.process.send_signal(signal.SIGTERM)
            # Java ends with 128 plus the number of the signal, whatever the program does.
            expected = 128 + signal.SIGTERM if program.name == "Java" else 0
            if program.process.wait(HANG_TIMEOUT_S) != expected:
                raise DemoError(f"{program.name} ended with exit code {program.process.returncode}")
    finally:
        for program in programs:
            program.process.kill()
            program.process.wait()


@contextlib.contextmanager
def prepared(tool: str, languages: Iterable[str], *, real: bool) -> Iterator[Cluster]:
    """Create a namespace with a service account and a pod for each program."""
    cluster = Cluster(tool, f"kubepeers-demo-{os.getpid()}", real)
    cluster.run("namespace", cluster.namespace)
    try:
        cluster.in_namespace("account", "demo")
        for language in languages:
            cluster.pod(language.lower())
        yield cluster
    finally:
        for remaining in cluster.pods():
            cluster.in_namespace("delete", remaining["metadata"]["name"])
        finalize = [] if real else ["--finalize"]
        cluster.run("delete-namespace", *finalize, cluster.namespace)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", required=True, help="path of the helper program testenv")
    parser.add_argument(
        "--build",
        required=True,
        type=Path,
        help="directory of the programs demo-peers and demo-peers-go",
    )
    parser.add_argument("--java", default="", help="command that runs Peers.java; default: no Java")
    parser.add_argument(
        "--real", action="store_true", help="KUBECONFIG belongs to a real cluster with nodes"
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="kubepeers-demo-"))
    programs_of = commands(arguments.build, arguments.java)
    if "Java" not in programs_of:
        print("Java is not shown, because there is no Maven or no JDK of version 17 or newer.")
    try:
        with (
            prepared(arguments.tool, programs_of, real=arguments.real) as cluster,
            running(cluster, programs_of, folder) as programs,
        ):
            demo = Demo(cluster, programs)
            demo.run()
        print(f"\n{demo.summary()}")
    except DemoError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
