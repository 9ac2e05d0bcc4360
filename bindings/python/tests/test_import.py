"""The modules that an import loads, and the public names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import kubepeers
import pytest


def run_program(program: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(kubepeers.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        check=True,
        timeout=60,
        capture_output=True,
    )
    return done.stdout.decode()


#: Modules that are expensive to import.
EXPENSIVE = (
    "asyncio",
    "logging",
    "json",
    "ctypes",
    "dataclasses",
    "typing",
    "threading",
    "weakref",
    "inspect",
    "socket",
)


@pytest.mark.parametrize(
    "program", ["import kubepeers", "from kubepeers import Provider, AsyncProvider, KubepeersError"]
)
def test_import_does_not_load_expensive_modules(program: str) -> None:
    loaded = run_program(f"{program}\nimport sys; print(*sys.modules)").split()
    assert not set(EXPENSIVE) & set(loaded)
    assert "kubepeers._library" not in loaded


def test_provider_loads_neither_asyncio_nor_logging() -> None:
    program = (
        "import sys, kubepeers\n"
        "provider = kubepeers.Provider(pod_labels={'a': 'b'}, discovery_port_name='p')\n"
        "provider.close(); print(*sys.modules)"
    )
    assert not {"asyncio", "logging", "json"} & set(run_program(program).split())


def test_dir_and_star_import_contain_only_public_names() -> None:
    assert dir(kubepeers) == kubepeers.__all__
    assert sorted(kubepeers.__all__) == kubepeers.__all__
    program = """from kubepeers import *
print(*sorted(name for name in dir() if name[:2] != '__' or name == '__version__'))"""
    assert run_program(program).split() == sorted(kubepeers.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        kubepeers.Nothing  # type: ignore[attr-defined]  # noqa: B018
