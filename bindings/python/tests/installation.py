"""A copy of the package, without a library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import kubepeers

SONAME = "libkubepeers.so.0"


class Installation:
    """One of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "kubepeers"
        ignored = shutil.ignore_patterns("*.so*", "__pycache__")
        shutil.copytree(Path(kubepeers.__file__).parent, self.package, ignore=ignored)

    def use(self, **environment: str) -> tuple[int, str]:
        """Import it in a new process: its exit status, and what it loaded or the error."""
        done = self.run(
            "-c", "import kubepeers; kubepeers.library_version(); print(kubepeers._library.lib._name)", **environment
        )
        return done.returncode, (done.stdout or done.stderr.splitlines()[-1]).strip()

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python where nothing else says where a library is."""
        ours = ("KUBE", "LD_LIBRARY_PATH", "PYTHONPATH")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        return subprocess.run(
            [sys.executable, *arguments],
            env={**kept, "PYTHONPATH": str(self.package.parent), **environment},
            cwd=self.package.parent.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
