"""The package against a real API server: `cluster run -- pytest`. The many cases are in tests/conformance."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import kubepeers
import pytest
from configuration import REQUIRED
from kubepeers import Provider, TimeoutError

AGES = 60


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


@pytest.fixture
def options(namespace: str) -> dict[str, Any]:
    return {**REQUIRED, "namespace": namespace, "kubeconfig": os.environ["KUBECONFIG"], "self": "none"}


@pytest.fixture
def pod(namespace: str) -> tuple[str, ...]:
    """The beginning of a command that makes a pod."""
    return ("pod", "--namespace", namespace, "--service-account=member", "--label=app=test", "--port=gossip=3322")


def test_peers_come_and_go(namespace: str, options: dict[str, Any], pod: tuple[str, ...]) -> None:
    with Provider(**options) as provider:
        assert provider.discover_peers(AGES) == []
        alone = provider.wait(0)
        assert alone == (1, ())
        assert provider.generation == 1
        with pytest.raises(TimeoutError, match="generation 1"):
            provider.wait(alone.generation, timeout=0)

        cluster(*pod, "--phase", "Running", "--ip", "fd00::1", "a")
        first = provider.wait(alone.generation, timeout=AGES)
        assert first.addresses == ("[fd00::1]:3322",)
        assert first.generation > alone.generation
        assert provider.generation == first.generation
        assert provider.discover_peers() == ["[fd00::1]:3322"]

        cluster("delete", "--namespace", namespace, "a")
        assert provider.wait(first.generation, timeout=AGES).addresses == ()


def test_all_that_is_known(namespace: str, options: dict[str, Any], pod: tuple[str, ...]) -> None:
    cluster(
        *pod, "--port=peers=3321", "--node=n1", "--label=pod-template-hash=5d9", "--phase=Running", "--ip=fd00::1", "a"
    )
    cluster(*pod, "--phase=Pending", "b")
    with Provider(**options) as provider:
        provider.refresh(AGES)
        (node,) = provider.nodes()
        assert (node.name, node.host, node.ready, node.node_name, node.revision) == ("a", "fd00::1", True, "n1", "5d9")
        assert (node.discovery_port, node.remoting_port, node.peers_port) == (3322, 0, 3321)

        health = provider.health()
        assert (health.stale, health.polling, health.error, health.error_class) == (False, False, None, "")
        assert health.age is not None

        explanation = provider.explain()
        assert (explanation["namespace"], explanation["selector"], explanation["gate"]) == (
            namespace,
            "app=test",
            "open",
        )
        a, b = explanation["pods"]
        assert (a["name"], a["verdict"], a["address"], a["uid"]) == ("a", "peer", "[fd00::1]:3322", node.uid)
        assert (b["name"], b["verdict"], b["address"]) == ("b", "not-running", None)
        assert [line.split()[:2] for line in provider.explain_table().splitlines()[2:]] == [
            ["a", "peer"],
            ["b", "not-running"],
        ]
        assert f'kubepeers_peers{{namespace="{namespace}",selector="app=test"}} 1\n' in provider.metrics()


def test_settling(options: dict[str, Any], pod: tuple[str, ...]) -> None:
    cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "a")
    with Provider(**options) as provider:
        assert provider.wait_for_peers(1, 0.1, AGES).addresses == ("10.0.0.2:3322",)
        with pytest.raises(TimeoutError, match="1 known now"):
            provider.wait_for_peers(2, timeout=0)


def test_the_error_of_health(namespace: str, options: dict[str, Any], tmp_path: Path) -> None:
    cluster("account", "--namespace", namespace, "--verbs=list", "member")
    cluster("mount", "--namespace", namespace, "--service-account=member", str(tmp_path))
    with Provider(**{**options, "kubeconfig": None, "service_account_dir": tmp_path}) as provider:
        assert provider.discover_peers(AGES) == []
        deadline = time.monotonic() + AGES
        # It has been listed already, but not been tried to watch, perhaps.
        while not (health := provider.health()).polling:
            assert time.monotonic() < deadline
        assert health.stale is False
        assert health.error_class == "forbidden"
        assert isinstance(health.error, kubepeers.ForbiddenError)
        assert health.error.http_status == 403
        for word in ("may not watch", f"`{namespace}`", "kind: Role", "kind: RoleBinding", "list, watch"):
            assert word in health.error.message
