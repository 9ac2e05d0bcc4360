"""A copy of the package without a library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import kubepeers

SONAME = "libkubepeers.so.0"


class Installation:
    """The copy of one test."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "kubepeers"
        ignored = shutil.ignore_patterns("*.so*", "__pycache__")
        shutil.copytree(Path(kubepeers.__file__).parent, self.package, ignore=ignored)

    def load(self, **environment: str) -> tuple[int, str]:
        """Load the library in a new process.

        Return the exit status, and the path of the library or the error.
        """
        done = self.run(
            "-c",
            "import kubepeers; kubepeers.library_version(); print(kubepeers._library.lib._name)",
            **environment,
        )
        return done.returncode, (done.stdout or done.stderr.splitlines()[-1]).strip()

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python without the variables of this process that configure a library."""
        prefixes = ("KUBE", "LD_LIBRARY_PATH", "PYTHONPATH")
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(prefixes)
        }
        return subprocess.run(
            [sys.executable, *arguments],
            env={**inherited, "PYTHONPATH": str(self.package.parent), **environment},
            cwd=self.package.parent.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
