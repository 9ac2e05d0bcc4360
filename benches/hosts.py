"""The programs that the benchmarks compare."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BUILD = Path(os.environ.get("BENCH_BUILD", "target/bench"))
#: The service account folders of the hosts. They contain tokens.
MOUNTS = BUILD / "mounts"
HERE = Path(__file__).parent
C, GO, PYTHON = "kubepeers, C", "kubepeers, Go", "kubepeers, Python"
GOAKT, INFORMER, BARE = "GoAkt 4.1.0", "informer", "bare client"

COMMANDS = {
    C: [BUILD / "host-c"],
    GO: [BUILD / "gohost"],
    PYTHON: [sys.executable, HERE / "hosts" / "host.py"],
    GOAKT: [BUILD / "goakt"],
    INFORMER: [BUILD / "informer"],
    BARE: [BUILD / "bare"],
}


class Namespace:
    """A namespace full of pods. All hosts run as the same one of them."""

    def __init__(self, size: int) -> None:
        self.name, self.size = f"bench-{size}", size
        tool("namespace", self.name)
        tool("account", "--namespace", self.name, "bench")
        self.host_pod = output([BUILD / "load", self.name, size]).strip()
        self.mount = MOUNTS / self.name
        account = ["--namespace", self.name, "--service-account", "bench", "--pod", self.host_pod]
        tool("mount", *account, "--duration", "4h", self.mount)


class Host:
    """A running host that has printed its first answer."""

    def __init__(self, kind: str, namespace: Namespace, wire: Wire | None = None) -> None:
        self.kind = kind
        environment = dict(os.environ, KUBE_FEATURE_WatchListClient="true")
        if wire:
            environment["KUBERNETES_SERVICE_PORT"] = wire.port
        command = [
            BUILD / "pod",
            wire.mount if wire else namespace.mount,
            *COMMANDS[kind],
            namespace.name,
        ]
        self._process = start(command, env=environment)
        self.pid = self._process.pid
        start_ns = int(self._read("start")[0])
        first_ns, peers = map(int, self._read("first"))
        self.first_ms = (first_ns - start_ns) / 1e6
        # GoAkt and the informer include the local pod. The bare client decodes no pods.
        if kind != BARE and peers != namespace.size - (kind in (C, GO, PYTHON)):
            raise AssertionError(f"{kind} found {peers} peers among {namespace.size} pods")

    def send(self, command: str) -> list[str]:
        """Send a command, and return the words of the answer."""
        print(command, file=self._process.stdin, flush=True)
        return self._read({"watch": "watching"}.get(command, command.split()[0]))

    def stop(self) -> None:
        """Kill the process."""
        end(self._process)

    def _read(self, what: str) -> list[str]:
        line = self._process.stdout.readline().split()
        if line[:1] != [what]:
            raise RuntimeError(f"expected {what!r} from {self.kind}, got {line}")
        return line[1:]


class Wire:
    """A proxy between one host and the API server that counts requests and bytes."""

    def __init__(self, namespace: Namespace) -> None:
        self.mount = Path(tempfile.mkdtemp(dir=MOUNTS))
        shutil.copytree(namespace.mount, self.mount, dirs_exist_ok=True)
        server = f"{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
        self._process = start(
            [BUILD / "wire", server, namespace.mount / "ca.crt", self.mount / "ca.crt"]
        )
        self.port = self._process.stdout.readline().strip()

    def counts(self) -> tuple[int, int]:
        """Return the number of requests, and of bytes in both directions."""
        print(file=self._process.stdin, flush=True)
        requests, received, sent = map(int, self._process.stdout.readline().split())
        return requests, received + sent

    def stop(self) -> None:
        """Kill the process."""
        end(self._process)


def start(command: list[Any], **options: Any) -> subprocess.Popen[str]:
    """Start a program with pipes for stdin and stdout."""
    words = [str(word) for word in command]
    return subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    )


def end(process: subprocess.Popen[str]) -> None:
    """Kill a program and wait for it."""
    process.kill()
    process.communicate()


def output(command: list[Any]) -> str:
    """Run a program and return its output."""
    words = [str(word) for word in command]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, timeout=1800).stdout


def tool(*arguments: Any) -> str:
    """Run the helper of the control plane, and return its output."""
    return output([os.environ["TESTENV"], *arguments])
