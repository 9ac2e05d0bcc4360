"""Runs Python programs that use the package, each in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import kubepeers
from configuration import Options


def run(code: str, options: Options, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program that uses `provider` (registered), `options` and `new_provider(**options)`."""
    prologue = (
        "from kubepeers import *\n"
        f"options = {options!r}\n"
        "def new_provider(**more): return Provider(**{**options, **more})\n"
        "provider = new_provider().__enter__()\n"
    )
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", prologue + code],
        env={**os.environ, "PYTHONPATH": str(Path(kubepeers.__file__).parents[1]), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_succeeds(code: str, options: Options, **environment: str) -> None:
    """Run a program, which must exit with status 0 and print nothing."""
    done = run(code, options, **environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr
