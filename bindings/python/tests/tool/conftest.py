"""Where the tool is tried."""

from __future__ import annotations

from pathlib import Path

import pytest
from place import Place, needed


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def cluster_kubeconfig() -> str:
    return needed("KUBECONFIG")
