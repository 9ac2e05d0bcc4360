"""The package as pip installs it: from a wheel of this machine that brings the library, in a clean environment.

`make test-wheel` does the same with the wheels that are given away.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import kubepeers
import pytest

from cluster import cluster

SOURCE = Path(__file__).parents[1]

PROGRAM = """
import kubepeers, sys
from pathlib import Path

with kubepeers.Provider(**dict(argument.split("=", 1) for argument in sys.argv[1:])) as provider:
    print(*provider.discover_peers(60))
print({line.split()[-1] for line in open("/proc/self/maps") if "libkubepeers" in line})
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of an environment in which nothing else is installed."""
    work = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", work, cwd=source(work / "source"))
    (wheel,) = work.glob("*.whl")
    venv.create(work / "venv", with_pip=True)
    run(work / "venv/bin/pip", "install", "--no-index", wheel)
    return work / "venv/bin"


def source(to: Path) -> Path:
    """Copy the package, and lay the library and the papers beside it as `packaging/wheel` does."""
    shutil.copytree(SOURCE, to, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    shutil.copy(os.environ["KUBEPEERS_LIBRARY"], to / "libkubepeers.so.0")
    shutil.copy(SOURCE.parents[1] / "LICENSE", to)
    (to / "kubepeers.cdx.json").write_text("{}")
    return to


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a program that is told of no library but the installed one."""
    hidden = ("KUBEPEERS_LIBRARY", "LD_LIBRARY_PATH", "PYTHONPATH")
    variables = {name: value for name, value in os.environ.items() if name not in hidden}
    variables["KUBEPEERS_WHEEL_PLATFORM"] = "linux_" + os.uname().machine
    done = subprocess.run(
        command, cwd=cwd, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_an_installed_wheel_finds_peers(environment: Path, namespace: str, pod: tuple[str, ...]) -> None:
    for number in (1, 2):
        cluster(*pod, "--phase=Running", f"--ip=10.0.0.{number}", f"pod-{number}")
    kubeconfig = os.environ["KUBECONFIG"]
    settings = {
        **{"namespace": namespace, "pod_labels": "app=test", "kubeconfig": kubeconfig, "self": "none"},
        **{f"{port}_port_name": "gossip" for port in ("discovery", "remoting", "peers")},
    }
    printed = run(environment / "python", "-c", PROGRAM, *(f"{key}={value}" for key, value in settings.items()))
    (library,) = environment.parent.glob("lib/*/site-packages/kubepeers/libkubepeers.so.0")
    assert printed.splitlines() == ["10.0.0.1:3322 10.0.0.2:3322", str({str(library)})]

    options = ("-n", namespace, "-l", "app=test", "-p", "gossip", "--kubeconfig", kubeconfig, "--timeout", "60")
    assert run(environment / "kubepeers", "peers", *options) == "10.0.0.1:3322\n10.0.0.2:3322\n"
    assert run(environment / "kubepeers", "--version").split()[-1] == kubepeers.__version__


def test_an_installed_wheel_is_typed(environment: Path) -> None:
    assert list(environment.parent.glob("lib/*/site-packages/kubepeers/py.typed"))
