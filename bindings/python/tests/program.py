"""A Python program that uses the package, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import kubepeers
from configuration import Options


def run(code: str, options: Options, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program that has a registered `provider`, the `options`, and `new_provider(**options)`."""
    start = (
        "from kubepeers import *\n"
        f"options = {options!r}\n"
        "def new_provider(**more): return Provider(**{**options, **more})\n"
        "provider = new_provider().__enter__()\n"
    )
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", start + code],
        env={**os.environ, "PYTHONPATH": str(Path(kubepeers.__file__).parents[1]), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def succeeds(code: str, options: Options, **environment: str) -> None:
    """Run such a program, which must succeed and print nothing."""
    done = run(code, options, **environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr
