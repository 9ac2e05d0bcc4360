"""The process that the probes are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from namespace import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from namespace import Namespace
    from probes import Probes

OWN = "me"


def needed(variable: str) -> str:
    """Give an environment variable. Without it the tests fail: a skipped test would look like a good one."""
    return os.environ.get(variable) or pytest.fail(f"the environment variable {variable} is not set: see README.md")


def required(namespace: str) -> dict[str, str | bytes]:
    """Give the required configuration."""
    return {
        "namespace": namespace,
        "discovery_port_name": "gossip",
        "remoting_port_name": "remoting",
        "peers_port_name": "peers",
        "pod_labels": ",".join(LABELS),
    }


class Member:
    """A process in the pod `me` of a namespace."""

    def __init__(self, namespace: Namespace, mount: Path, start: Callable[..., Probes]) -> None:
        self.namespace = namespace
        self.mount = mount
        self.settings: dict[str, str | bytes] = {
            **required(namespace.name),
            "service_account_dir": str(mount),
            # Long where a good answer ends it early, short where nothing will come.
            "register_timeout_ms": "60000",
            "discover_timeout_ms": "100",
            # An API server on a busy machine is late, which is no trouble.
            "request_timeout_ms": "60000",
        }
        self.environment = {name: needed(name) for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")}
        self._start = start

    def start(self, /, environment: Mapping[str, str | None] | None = None, **settings: str | bytes | None) -> Probes:
        """Start the probes with the usual configuration, and what is said here. They are not initialised yet."""
        return self._start({**self.settings, **settings}, {**self.environment, **(environment or {})})

    def registered(self, /, environment: Mapping[str, str] | None = None, **settings: str | bytes) -> Probes:
        probes = self.start(environment, **settings)
        probes.register()
        return probes
