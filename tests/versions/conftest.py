"""Fixtures for `make test-versions` and `make test-rig`.

The tests also use the modules of tests/conformance.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.append(str(Path(__file__).parent.parent / "conformance"))

from member import required_variable
from namespace import Namespace
from rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def namespace() -> Namespace:
    required_variable("KUBECONFIG")
    return Namespace(required_variable("TESTENV"))


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Three API servers. The helper creates objects at the first one, not through the balancer."""
    with Rig(required_variable("TESTENV"), tmp_path / "rig", servers=3) as rig:
        monkeypatch.setitem(os.environ, "KUBECONFIG", str(rig.kubeconfig(server=1)))
        yield rig
