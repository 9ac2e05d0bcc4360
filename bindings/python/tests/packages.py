"""Builds and installs the package without the variables that configure a library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1]


def copy_source(to: Path) -> Path:
    """Copy the folder of the package without its tests and caches."""
    return Path(
        shutil.copytree(SOURCE, to, ignore=shutil.ignore_patterns("tests", "__pycache__", ".*"))
    )


def copy_source_with_library(to: Path) -> Path:
    """Copy the folder of the package, and add the library, the command and a bill of materials.

    `packaging/wheel` takes both from the tarballs of `make dist`, which take minutes to build. The
    build hook is the same.
    """
    copy_source(to)
    shutil.copy(os.environ["KUBEPEERS_LIBRARY"], to / "libkubepeers.so.0")
    (to / "bin").mkdir()
    shutil.copy(os.environ["KUBEPEERS_COMMAND"], to / "bin/kubepeers")
    (to / "kubepeers.cdx.json").write_text("{}")
    return to


def build(kind: str, folder: Path, into: Path, **environment: str) -> Path:
    """Build a wheel or an sdist, and return its path."""
    run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        kind,
        "-d",
        into,
        cwd=folder,
        **environment,
    )
    (built,) = into.iterdir()
    return built


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a program and return its output."""
    hidden = ("KUBEPEERS_LIBRARY", "LD_LIBRARY_PATH", "PYTHONPATH")
    variables = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**variables, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
