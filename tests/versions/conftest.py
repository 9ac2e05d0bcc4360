"""Fixtures for `make test-versions` and `make test-balancer`.

The tests also use modules of tests/conformance.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.append(str(Path(__file__).parent.parent / "conformance"))

from balanced_servers import BalancedServers
from member import required_variable
from namespace import Namespace

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def namespace() -> Namespace:
    required_variable("KUBECONFIG")
    return Namespace(required_variable("TESTENV"))


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BalancedServers]:
    """Three API servers behind a balancer. `Namespace` connects to the first one directly."""
    folder = tmp_path / "servers"
    with BalancedServers(required_variable("TESTENV"), folder, servers=3) as servers:
        monkeypatch.setitem(os.environ, "KUBECONFIG", str(servers.kubeconfig(server=1)))
        yield servers
