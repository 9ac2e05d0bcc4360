"""Builds and installs the package, without variables that name another library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1]


def source(to: Path) -> Path:
    """Copy the folder that pip is given, without what only lies there."""
    return Path(shutil.copytree(SOURCE, to, ignore=shutil.ignore_patterns("tests", "__pycache__", ".*")))


def source_with_library(to: Path) -> Path:
    """Copy the library to it, too.

    `packaging/wheel` does the same with the tarballs of `make dist`, which take cross compilers and minutes: too much
    for a test of this machine's Python. The hook, which makes the wheel of it, is the same one.
    """
    source(to)
    shutil.copy(os.environ["KUBEPEERS_LIBRARY"], to / "libkubepeers.so.0")
    (to / "kubepeers.cdx.json").write_text("{}")
    return to


def build(kind: str, folder: Path, into: Path, **environment: str) -> Path:
    """Make a wheel or an sdist of a folder: it is the only one in the other."""
    run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", into, cwd=folder, **environment)
    (made,) = into.iterdir()
    return made


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a program, and give what it says."""
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
