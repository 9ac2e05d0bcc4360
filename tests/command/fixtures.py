"""A namespace with a pod `me`, and the command as it runs in that pod."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

#: How long a test waits before it fails, in seconds. The machine may be busy.
TIMEOUT_S = 180.0


def required_variable(name: str) -> str:
    return os.environ.get(name) or pytest.fail(
        f"{name} is not set: run the tests with `testenv run`, as the Makefile does"
    )


def base_environment() -> dict[str, str]:
    """Return an environment without a cluster, a pod or a terminal."""
    prefixes = ("KUBE", "POD_", "HOSTNAME", "TERM", "COLUMNS", "LINES", "NO_COLOR")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(prefixes)}
    return {**kept, "HOME": "/nonexistent"}


def command_line(*arguments: str) -> list[str]:
    return [required_variable("KUBEPEERS_COMMAND"), *arguments]


def run_command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, in an environment with only these variables."""
    done = subprocess.run(
        command_line(*arguments),
        env={**base_environment(), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "panicked" not in done.stderr, done.stderr
    return done


class Namespace:
    """A namespace for one test. A test may change it, or the environment, before a run."""

    def __init__(self, folder: Path) -> None:
        self.name = f"command-{uuid.uuid4().hex[:12]}"
        self.mount = folder / "mount"
        _testenv("namespace", self.name)
        self.account()
        self.pod("me", "10.0.0.1")
        self.mount_account("--pod=me")
        #: Additional variables in a terminal.
        self.terminal: dict[str, str] = {}
        self.environment = {
            **base_environment(),
            **{
                name: required_variable(name)
                for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
            },
            "KUBEPEERS_SERVICE_ACCOUNT_DIR": str(self.mount),
            "KUBEPEERS_POD_LABELS": "app=demo",
            "KUBEPEERS_DISCOVERY_PORT_NAME": "gossip",
        }

    def account(self, verbs: str = "list,watch") -> None:
        self.testenv("account", "--verbs", verbs, "member")

    def mount_account(self, *options: str) -> None:
        """Mount the token, the CA and the namespace, as the kubelet does."""
        self.testenv("mount", "--service-account=member", *options, str(self.mount))
        self.token = (self.mount / "token").read_text().strip()

    def pod(
        self,
        name: str,
        *ips: str,
        port: str = "gossip=3322",
        phase: str = "Running",
        label: str = "app=demo",
    ) -> None:
        options = [f"--label={label}", f"--port={port}", "--service-account=member"]
        self.testenv("pod", *options, f"--phase={phase}", *(f"--ip={ip}" for ip in ips), name)

    def testenv(self, command: str, *arguments: str) -> None:
        """Run a command of the test cluster in this namespace."""
        _testenv(command, "--namespace", self.name, *arguments)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        done = subprocess.run(
            command_line(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assert_no_secrets(done.stdout + done.stderr)
        assert "panicked" not in done.stderr, done.stderr
        return done

    def peers(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `peers`, with time for a busy machine."""
        return self.run("peers", "--timeout", "60", *arguments)

    def run_for(
        self,
        seconds: int,
        is_enough: Callable[[subprocess.CompletedProcess[str]], bool],
        *arguments: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that lasts as long as its timeout. Repeat it with a minute if that was too
        short on a busy machine.
        """
        done = self.run(*arguments, "--timeout", str(seconds))
        return done if is_enough(done) else self.run(*arguments, "--timeout", "60")

    def assert_no_secrets(self, text: str) -> None:
        assert not any(part in text for part in self.token.split("."))

    def start(self, *arguments: str) -> Running:
        return Running(self, *arguments)


def _testenv(*arguments: str) -> None:
    subprocess.run([required_variable("TESTENV"), *arguments], check=True, timeout=120)


class Running:
    """The command while it runs. A thread reads its output line by line. It is a context."""

    def __init__(self, namespace: Namespace, *arguments: str) -> None:
        self._namespace = namespace
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed at exit)
        self.process = subprocess.Popen(
            command_line(*arguments),
            env=namespace.environment,
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
        self._reader.join(TIMEOUT_S)
        assert self.process.stdout
        self.process.stdout.close()
        self._stderr.close()
        self._namespace.assert_no_secrets("".join(self.lines))

    def wait_for_line(self, *words: str) -> str:
        """Wait for a line with these words, and return it."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if all(word in line for word in words):
                    return line
            time.sleep(0.02)
        pytest.fail(f"no line of {self.lines} has {words}")

    def wait_until_registered(self) -> None:
        """Wait until the library has started its thread."""
        deadline = time.monotonic() + TIMEOUT_S
        tasks = Path(f"/proc/{self.process.pid}/task")
        # The first thread has the name of the program.
        while not any(
            (task / "comm").read_text() == "kubepeers\n"
            for task in tasks.iterdir()
            if task.name != str(self.process.pid)
        ):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def interrupt(self) -> tuple[int, str]:
        """Send SIGINT. Return the exit status and stderr."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """Wait for the end. Return the exit status and stderr."""
        code = self.process.wait(TIMEOUT_S)
        self._stderr.seek(0)
        return code, self._stderr.read()
