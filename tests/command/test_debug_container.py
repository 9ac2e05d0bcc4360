"""`doctor --pid`: another process, whose files are in another root."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures import Namespace, command_line, required_variable, run_command
from reports import Report

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")
#: Changes its root, reports that, and waits for its end.
PROGRAM = """
import os, sys
if sys.argv[1] != "/":
    os.chroot(sys.argv[1])
    os.chdir("/")
print(flush=True)
input()
"""


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
        report.assert_has("1 peer: a", str(namespace.mount))
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
    report.assert_has("/var/run/secrets/kubernetes.io/serviceaccount")


@only_root
def test_links_are_resolved_in_the_root_of_the_process(
    namespace: Namespace, tmp_path: Path
) -> None:
    """A link to a file of the debugger would send its content to a server of the process."""
    root = tmp_path / "root"
    shutil.copytree(namespace.mount, root / "secrets")
    mount = root / "mount"
    mount.mkdir()
    for name in ("ca.crt", "namespace"):
        (mount / name).symlink_to(f"/secrets/{name}")
    (mount / "token").symlink_to(namespace.mount / "token")
    namespace.environment["KUBEPEERS_SERVICE_ACCOUNT_DIR"] = "/mount"
    with running(namespace, root) as pid:
        outside = examine(pid)
        (mount / "token").unlink()
        (mount / "token").symlink_to("/secrets/token")
        inside = examine(pid)
    assert outside.flaws == {"credentials": "wrong"}
    outside.assert_has("/mount/token: No such file")
    assert inside.flaws == {}


def write_kubeconfig(path: Path, user: dict[str, object]) -> None:
    """Write a kubeconfig of the cluster for a service account, whose CA is in /mount."""
    host, port = map(required_variable, ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"))
    cluster = {"server": f"https://{host}:{port}", "certificate-authority": "mount/ca.crt"}
    context = {"cluster": "c", "user": "u", "namespace": path.parent.name}
    content = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": context}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(json.dumps(content))


@pytest.fixture
def outside_a_pod(namespace: Namespace, tmp_path: Path) -> Path:
    """Let the process use kubeconfigs. Return its root."""
    for name in ("KUBERNETES_SERVICE_HOST", "KUBEPEERS_SERVICE_ACCOUNT_DIR"):
        del namespace.environment[name]
    root = tmp_path / namespace.name
    shutil.copytree(namespace.mount, root / "mount")
    return root


@only_root
@pytest.mark.parametrize("variables", [{"KUBECONFIG": "kubeconfig"}, {"KUBECONFIG": ""}])
def test_kubeconfig_of_a_process(
    namespace: Namespace, outside_a_pod: Path, variables: dict[str, str]
) -> None:
    """A path is relative to the directory of the process. An empty variable is not set."""
    namespace.pod("a", "10.0.0.2")
    root = outside_a_pod
    write_kubeconfig(root / "kubeconfig", {"tokenFile": "mount/token"})
    (root / ".kube").mkdir()
    (root / ".kube/config").symlink_to("/kubeconfig")
    (root / ".kube/mount").symlink_to("/mount")
    namespace.environment |= {"HOME": "/", **variables}
    with running(namespace, root) as pid:
        report = examine(pid)
    assert report.flaws == {}
    report.assert_has("OK: 2 peers")


@only_root
def test_login_plugin_of_a_process_is_not_run(namespace: Namespace, outside_a_pod: Path) -> None:
    marker = outside_a_pod / "marker"
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "touch",
        "args": [str(marker)],
    }
    write_kubeconfig(outside_a_pod / "kubeconfig", {"exec": plugin})
    namespace.environment["KUBECONFIG"] = "/kubeconfig"
    with running(namespace, outside_a_pod) as pid:
        report = examine(pid)
    assert report.flaws == {"credentials": "wrong"}
    report.assert_has(
        "WRONG credentials: ",
        "a login plugin is not run for another process",
        "Run the command as the user of that process, inside its container",
    )
    assert not marker.exists()


def test_variables_of_a_process_do_not_change_the_command(
    namespace: Namespace, tmp_path: Path
) -> None:
    """The dynamic linker would report a library that it cannot load."""
    namespace.environment["LD_PRELOAD"] = str(tmp_path / "missing.so")
    with running(namespace, Path("/")) as pid:
        report = examine(pid)
    assert report.flaws == {}


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
