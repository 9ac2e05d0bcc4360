"""The package against a real API server: `cluster run -- pytest`. The many cases are in tests/conformance."""

from __future__ import annotations

import os
import subprocess
import uuid

import pytest
from configuration import REQUIRED
from kubepeers import Provider, TimeoutError


def cluster(*arguments: str) -> None:
    """Run the helper program."""
    subprocess.run([os.environ["CLUSTER_TOOL"], *arguments], check=True, timeout=120)


@pytest.fixture
def namespace() -> str:
    for variable in ("CLUSTER_TOOL", "KUBECONFIG"):
        if variable not in os.environ:
            pytest.fail(f"the environment variable {variable} is not set: run the tests with `cluster run`")
    name = f"python-{uuid.uuid4().hex[:12]}"
    cluster("namespace", name)
    cluster("account", "--namespace", name, "member")
    return name


def test_peers_come_and_go(namespace: str) -> None:
    options = {**REQUIRED, "namespace": namespace, "kubeconfig": os.environ["KUBECONFIG"], "self": "none"}
    pod = ("pod", "--namespace", namespace, "--service-account=member", "--label=app=test", "--port=gossip=3322")
    with Provider(**options) as provider:
        assert provider.discover_peers(timeout=60) == []
        alone = provider.wait(0)
        assert alone == (1, ())
        with pytest.raises(TimeoutError, match="generation 1"):
            provider.wait(alone.generation, timeout=0)

        cluster(*pod, "--phase", "Running", "--ip", "fd00::1", "a")
        first = provider.wait(alone.generation, timeout=60)
        assert first.addresses == ("[fd00::1]:3322",)
        assert first.generation > alone.generation
        assert provider.discover_peers() == ["[fd00::1]:3322"]

        cluster("delete", "--namespace", namespace, "a")
        assert provider.wait(first.generation, timeout=60).addresses == ()
