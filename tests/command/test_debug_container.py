"""`doctor --pid`: another process, whose files are in another root."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures import Namespace, command_line, run_command
from reports import Report

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")
#: Changes its root, reports that, and waits for its end.
PROGRAM = "import os, sys; sys.argv[1] == '/' or os.chroot(sys.argv[1]); print(flush=True); input()"


@contextlib.contextmanager
def running(namespace: Namespace, root: Path) -> Iterator[int]:
    """Run a process with the environment of the pod and another root. Return its id."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, root],
        env=namespace.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout
        assert process.stdout.readline()
        yield process.pid
        process.kill()


def examine(pid: int, *arguments: str) -> Report:
    return Report(run_command("doctor", "--json", "--timeout", "60", *arguments, f"--pid={pid}"))


def test_environment_of_a_process(namespace: Namespace) -> None:
    namespace.pod("a", "10.0.0.2")
    with running(namespace, Path("/")) as pid:
        report = examine(pid)
        assert report.flaws == {}
        report.assert_has("1 peer: a", f"/proc/{pid}/root{namespace.mount}")
        # Options of the command line win.
        other = examine(pid, "-l", "app=other", "--membership=observer")
    assert other.flaws == {"labels": "wrong"}


@only_root
def test_root_of_a_process(namespace: Namespace, tmp_path: Path) -> None:
    """In it, /var/run is an absolute link, as in Debian's images."""
    root = tmp_path / "root"
    (root / "var").mkdir(parents=True)
    (root / "var/run").symlink_to("/run")
    shutil.copytree(namespace.mount, root / "run/secrets/kubernetes.io/serviceaccount")
    del namespace.environment["KUBEPEERS_SERVICE_ACCOUNT_DIR"]
    with running(namespace, root) as pid:
        report = examine(pid)
    assert report.flaws == {}
    report.assert_has(f"/proc/{pid}/root/run/secrets")


def test_process_that_does_not_exist() -> None:
    done = run_command("doctor", "--pid", str(2**22 + 1))
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no such process" in done.stderr
    assert "kubectl debug --target" in done.stderr


@only_root
def test_process_of_another_user() -> None:
    done = subprocess.run(
        command_line("doctor", "--pid=1"),
        env={},
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.setuid(65534),
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "SYS_PTRACE" in done.stderr


@pytest.mark.parametrize("pid", ["0", "-1", "x"])
def test_invalid_pid(pid: str) -> None:
    done = run_command("doctor", f"--pid={pid}")
    assert (done.returncode, done.stdout) == (2, "")
