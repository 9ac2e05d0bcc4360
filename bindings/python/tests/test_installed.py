"""The package as pip installs it: from a wheel for this machine that contains the library, in a clean environment.

`make test-wheel` does the same with the wheels of a release.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import venv
from pathlib import Path

import kubepeers
import pytest
from cluster import cluster
from packages import build, run, source_with_library

CONSUMER = Path(__file__).with_name("consumer.py")

PROGRAM = """
import json, kubepeers, sys

with kubepeers.Provider(**json.loads(sys.argv[1])) as provider:
    print(*provider.discover_peers(60))
print({line.split()[-1] for line in open("/proc/self/maps") if "libkubepeers" in line})
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of an environment in which nothing else is installed."""
    work = tmp_path_factory.mktemp("wheel")
    platform = "linux_" + os.uname().machine
    wheel = build("wheel", source_with_library(work / "source"), work / "built", KUBEPEERS_WHEEL_PLATFORM=platform)
    venv.create(work / "venv", with_pip=True)
    run(work / "venv/bin/pip", "install", "--no-index", wheel)
    return work / "venv/bin"


def test_an_installed_wheel_finds_peers(environment: Path, namespace: str, pod: tuple[str, ...]) -> None:
    for number in (1, 2):
        cluster(*pod, "--phase=Running", f"--ip=10.0.0.{number}", f"pod-{number}")
    kubeconfig = os.environ["KUBECONFIG"]
    settings = {
        **{"namespace": namespace, "pod_labels": {"app": "test"}, "kubeconfig": kubeconfig, "membership": "observer"},
        **{f"{port}_port_name": "gossip" for port in ("discovery", "remoting", "peers")},
    }
    printed = run(environment / "python", "-c", PROGRAM, json.dumps(settings))
    (library,) = environment.parent.glob("lib/*/site-packages/kubepeers/libkubepeers.so.0")
    assert printed.splitlines() == ["10.0.0.1:3322 10.0.0.2:3322", str({str(library)})]

    options = ("-n", namespace, "-l", "app=test", "-p", "gossip", "--kubeconfig", kubeconfig, "--timeout", "60")
    assert run(environment / "kubepeers", "peers", *options) == "10.0.0.1:3322\n10.0.0.2:3322\n"
    assert run(environment / "kubepeers", "--version").split()[-1] == kubepeers.__version__


# mypy must not find the sources.
def test_users_of_an_installed_wheel_have_types(environment: Path, tmp_path: Path) -> None:
    python = environment / "python"
    options = ("--strict", "--config-file=", "--cache-dir", tmp_path / "cache", "--python-executable", python)
    run(sys.executable, "-m", "mypy", *options, shutil.copy(CONSUMER, tmp_path), cwd=tmp_path)


def test_that_program_uses_all_public_names() -> None:
    used = set(re.findall(r"\w+", CONSUMER.read_text()))
    assert {name for name in dir(kubepeers.Provider) if not name.startswith("_")} <= used
    assert set(kubepeers.__all__) <= used
