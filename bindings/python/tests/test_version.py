"""Package and library have one version."""

from __future__ import annotations

import re
from pathlib import Path

import kubepeers

ROOT = Path(__file__).resolve().parents[3]


def test_the_version_is_the_one_of_the_library() -> None:
    version = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert kubepeers.__version__ == version[1]
