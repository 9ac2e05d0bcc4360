"""Fixtures of the tests that `make test-versions` and `make test-rig` run, with the modules of tests/conformance."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.append(str(Path(__file__).parent.parent / "conformance"))

from member import needed
from namespace import Namespace
from rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def namespace() -> Namespace:
    needed("KUBECONFIG")
    return Namespace(needed("TESTENV"))


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Three API servers. The helper's objects go to the first, past the balancer."""
    with Rig(needed("TESTENV"), tmp_path / "rig", servers=3) as rig:
        monkeypatch.setitem(os.environ, "KUBECONFIG", str(rig.kubeconfig(server=1)))
        yield rig
