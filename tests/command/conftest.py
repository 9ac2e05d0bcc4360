"""Fixtures: a namespace with a pod, and the kubeconfig of the cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures import Namespace, required_variable


@pytest.fixture
def namespace(tmp_path: Path) -> Namespace:
    """A new namespace with a pod `me`, in which the command runs."""
    return Namespace(tmp_path)


@pytest.fixture
def cluster_kubeconfig() -> str:
    """The kubeconfig of the cluster."""
    return required_variable("KUBECONFIG")
