"""A configuration whose API server is a loopback port that refuses connections: enough for all but real peers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from configuration import REQUIRED, Options
from kubepeers import Provider


@pytest.fixture
def options(tmp_path: Path) -> Iterator[Options]:
    """What a Provider takes."""
    # Bound, so that nobody else gets the port, but not listening.
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(
            "{apiVersion: v1, kind: Config, current-context: c,\n"
            "contexts: [{name: c, context: {cluster: c, user: u}}],\n"
            f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port.getsockname()[1]}'}}}}],\n"
            "users: [{name: u, user: {token: t}}]}\n"
        )
        yield {**REQUIRED, "self": "none", "kubeconfig": kubeconfig, "register_timeout_ms": 0, "discover_timeout_ms": 0}


@pytest.fixture
def provider(options: Options) -> Iterator[Provider]:
    """A provider that is not initialised."""
    provider = Provider(**options)
    yield provider
    provider.close()


@pytest.fixture
def registered(provider: Provider) -> Provider:
    """A provider that watches in vain."""
    provider.init()
    provider.register()
    return provider
