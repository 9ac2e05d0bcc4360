"""Fixtures: options and providers for a server that refuses connections, and for a real one."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import cluster
from configuration import REQUIRED, Options
from kubepeers import Provider


@pytest.fixture
def options(tmp_path: Path) -> Iterator[Options]:
    """Options whose API server refuses connections."""
    # Bound, so that no other process gets the port, but not listening.
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(
            "{apiVersion: v1, kind: Config, current-context: c,\n"
            "contexts: [{name: c, context: {cluster: c, user: u}}],\n"
            f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port.getsockname()[1]}'}}}}],\n"
            "users: [{name: u, user: {token: t}}]}\n"
        )
        yield {
            **REQUIRED,
            "membership": "observer",
            "kubeconfig": str(kubeconfig),
            "register_timeout": 0,
            "discover_timeout": 0,
        }


@pytest.fixture
def provider(options: Options) -> Iterator[Provider]:
    """A provider that is not registered."""
    provider = Provider(**options)
    yield provider
    provider.close()


@pytest.fixture
def registered(provider: Provider) -> Provider:
    """A registered provider, whose watcher keeps retrying."""
    provider.register()
    return provider


@pytest.fixture
def namespace() -> str:
    """The name of a new namespace in the cluster, with a service account `member`."""
    name = f"python-{uuid.uuid4().hex[:12]}"
    cluster("namespace", name)
    cluster("account", "--namespace", name, "member")
    return name


@pytest.fixture
def cluster_options(namespace: str) -> Options:
    """Options of an observer of the namespace."""
    return {
        **REQUIRED,
        "namespace": namespace,
        "kubeconfig": os.environ["KUBECONFIG"],
        "membership": "observer",
    }


@pytest.fixture
def pod(namespace: str) -> tuple[str, ...]:
    """The first arguments of a command that creates a pod in the namespace."""
    return (
        "pod",
        "--namespace",
        namespace,
        "--service-account=member",
        "--label=app=test",
        "--port=gossip=3322",
    )
