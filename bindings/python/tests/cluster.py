"""The cluster of `cluster run`."""

from __future__ import annotations

import os
import subprocess

import pytest


def cluster(*arguments: str) -> None:
    """Run the helper program."""
    for variable in ("CLUSTER_TOOL", "KUBECONFIG"):
        if variable not in os.environ:
            pytest.fail(f"the environment variable {variable} is not set: run the tests with `cluster run`")
    subprocess.run([os.environ["CLUSTER_TOOL"], *arguments], check=True, timeout=120)
