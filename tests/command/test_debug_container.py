"""`doctor --pid`: another process, whose files are in another root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures import Namespace, command_line, run_command
from reports import Report


@pytest.fixture
def process(namespace: Namespace) -> Iterator[subprocess.Popen[bytes]]:
    """A process with the environment of the pod."""
    process = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        env=namespace.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    # The environment is that of the new program from here on.
    process.stdout.readline()
    with process:
        yield process
        process.kill()


def test_environment_of_a_process(namespace: Namespace, process: subprocess.Popen[bytes]) -> None:
    namespace.pod("a", "10.0.0.2")
    for option in ([f"--pid={process.pid}"], ["--pid", str(process.pid)]):
        report = Report(run_command("doctor", "--json", "--timeout", "60", *option))
        assert report.flaws == {}
        report.assert_has("1 peer: a", f"/proc/{process.pid}/root{namespace.mount}")
    labels = ("-l", "app=other", "--membership=observer")
    other = run_command("doctor", "--json", "--timeout", "60", *labels, f"--pid={process.pid}")
    assert Report(other).flaws == {"labels": "wrong"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the root of a process")
def test_root_of_a_process(namespace: Namespace, tmp_path: Path) -> None:
    """In it, /var/run is an absolute link, as in Debian's images."""
    if not is_static():
        pytest.skip("the command needs libraries, which the other root has not")
    root = tmp_path / "root"
    (root / "var").mkdir(parents=True)
    (root / "var/run").symlink_to("/run")
    shutil.copytree(namespace.mount, root / "run/secrets/kubernetes.io/serviceaccount")
    shutil.copy(command_line()[0], root / "watch")
    del namespace.environment["KUBEPEERS_SERVICE_ACCOUNT_DIR"]
    process = subprocess.Popen(
        ["/watch", "watch"],
        env=namespace.environment,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.chroot(root),
    )
    with process:
        assert process.stdout
        assert any("+ me" in line for line in process.stdout)
        report = Report(run_command("doctor", "--json", "--timeout", "60", f"--pid={process.pid}"))
        process.kill()
    assert report.flaws == {}
    report.assert_has(f"/proc/{process.pid}/root/run/secrets")


def is_static() -> bool:
    return b"ld-linux" not in Path(command_line()[0]).read_bytes()


def test_process_that_does_not_exist() -> None:
    done = run_command("doctor", "--pid", str(2**22 + 1))
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no such process" in done.stderr
    assert "kubectl debug --target" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
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
