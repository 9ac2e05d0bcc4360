"""A namespace with a pod `me`, and the tool as it runs in that pod."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import kubepeers
import pytest

#: Bounds what would otherwise hang. It is no expectation: machines that run tests are busy.
PATIENCE = 180.0


def needed(variable: str) -> str:
    return os.environ.get(variable) or pytest.fail(
        f"{variable} is not set: run the tests with `testenv run`"
    )


def environment() -> dict[str, str]:
    """Give an environment that says nothing of a cluster, a pod or a terminal."""
    meant = ("KUBE", "POD_", "HOSTNAME", "TERM", "COLUMNS", "LINES", "NO_COLOR")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(meant)}
    library = {key: os.environ[key] for key in ("KUBEPEERS_LIBRARY",) if key in os.environ}
    return {
        **kept,
        **library,
        "PYTHONPATH": str(Path(kubepeers.__file__).parents[1]),
        "HOME": "/nonexistent",
    }


def command(*arguments: str) -> list[str]:
    """Give the command line of the tool."""
    return [sys.executable, "-W", "error", "-m", "kubepeers", *arguments]


class Place:
    """One of the test's own. Change what is in it, or the environment, before the tool is run."""

    def __init__(self, folder: Path) -> None:
        self.name = f"tool-{uuid.uuid4().hex[:12]}"
        self.mount = folder / "mount"
        self._cluster("namespace", self.name)
        self.account()
        self.pod("me", "10.0.0.1")
        self.tell("mount", "--service-account=member", "--pod=me", str(self.mount))
        self.token = (self.mount / "token").read_text().strip()
        #: What a terminal adds to it.
        self.terminal: dict[str, str] = {}
        self.environment = {
            **environment(),
            **{
                name: needed(name)
                for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
            },
            "KUBEPEERS_SERVICE_ACCOUNT_DIR": str(self.mount),
            "KUBEPEERS_POD_LABELS": "app=demo",
            "KUBEPEERS_DISCOVERY_PORT_NAME": "gossip",
        }

    def account(self, verbs: str = "list,watch") -> None:
        self.tell("account", "--verbs", verbs, "member")

    def pod(
        self,
        name: str,
        *ips: str,
        port: str = "gossip=3322",
        phase: str = "Running",
        label: str = "app=demo",
    ) -> None:
        made = [f"--label={label}", f"--port={port}", "--service-account=member"]
        self.tell("pod", *made, f"--phase={phase}", *(f"--ip={ip}" for ip in ips), name)

    def tell(self, command: str, *arguments: str) -> None:
        self._cluster(command, "--namespace", self.name, *arguments)

    def _cluster(self, *arguments: str) -> None:
        subprocess.run([needed("TESTENV"), *arguments], check=True, timeout=120)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the tool to its end."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.keeps_secrets(done.stdout + done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def peers(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `peers`, with time for a busy machine."""
        return self.run("peers", "--timeout", "60", *arguments)

    def run_for(
        self,
        seconds: int,
        enough: Callable[[subprocess.CompletedProcess[str]], bool],
        *arguments: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run what ends when its time is over, again for a minute where that was not enough: on a
        busy machine.
        """
        done = self.run(*arguments, "--timeout", str(seconds))
        return done if enough(done) else self.run(*arguments, "--timeout", "60")

    def command(self, *arguments: str) -> list[str]:
        return command(*arguments)

    def keeps_secrets(self, text: str) -> None:
        assert not any(part in text for part in self.token.split("."))

    def watch(self, *arguments: str) -> Running:
        return Running(self, "watch", *arguments)


class Running:
    """The tool while it runs, its output read line by line. Use it as a context."""

    def __init__(self, place: Place, *arguments: str) -> None:
        self._place = place
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed at exit)
        self.process = subprocess.Popen(
            place.command(*arguments),
            env=place.environment,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)
        assert self.process.stdout
        self.process.stdout.close()
        self._stderr.close()
        self._place.keeps_secrets("".join(self.lines))

    def says(self, *words: str) -> str:
        """Wait for a line with these words, and give it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if all(word in line for word in words):
                    return line
            time.sleep(0.02)
        pytest.fail(f"{words} are in none of {self.lines}")

    def sleeps(self) -> None:
        """Wait until it waits itself: it has a thread of the library."""
        deadline = time.monotonic() + PATIENCE
        tasks = Path(f"/proc/{self.process.pid}/task")
        while not any((task / "comm").read_text() == "kubepeers\n" for task in tasks.iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def interrupted(self) -> tuple[int, str]:
        """Press Ctrl-C; give the exit status and stderr."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Wait for the end; give the exit status and stderr."""
        code = self.process.wait(PATIENCE)
        self._stderr.seek(0)
        return code, self._stderr.read()
