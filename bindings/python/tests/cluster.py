"""Commands for the cluster that `testenv run` starts."""

from __future__ import annotations

import os
import subprocess

import pytest


def cluster(*arguments: str) -> None:
    """Run a command of the helper program testenv."""
    for variable in ("TESTENV", "KUBECONFIG"):
        if variable not in os.environ:
            pytest.fail(
                f"the environment variable {variable} is not set: run the tests with `testenv run`"
            )
    subprocess.run([os.environ["TESTENV"], *arguments], check=True, timeout=120)
