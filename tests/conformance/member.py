"""The configuration and the environment of the process that the probes stand for."""

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

SELF_POD = "me"


def required_variable(name: str) -> str:
    """Return an environment variable.

    Without it the test fails: a skipped test would look like one that passed.
    """
    return os.environ.get(name) or pytest.fail(
        f"the environment variable {name} is not set: see README.md"
    )


def required_settings(namespace: str) -> dict[str, str | bytes]:
    """Return the required configuration."""
    return {
        "namespace": namespace,
        "discovery_port_name": "gossip",
        "remoting_port_name": "remoting",
        "peers_port_name": "peers",
        "pod_labels": ",".join(LABELS),
    }


class Member:
    """A process in a pod of a namespace."""

    def __init__(self, namespace: Namespace, mount: Path, start: Callable[..., Probes]) -> None:
        self.namespace = namespace
        self.mount = mount
        self.settings: dict[str, str | bytes] = {
            **required_settings(namespace.name),
            "service_account_dir": str(mount),
            # Long where a result ends the wait, and short where none will come.
            "register_timeout_ms": "60000",
            "discover_timeout_ms": "100",
            # On a busy machine, the API server may be late without an error.
            "request_timeout_ms": "60000",
        }
        variables = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
        self.environment = {name: required_variable(name) for name in variables}
        self._start = start

    def start(
        self, /, environment: Mapping[str, str | None] | None = None, **settings: str | bytes | None
    ) -> Probes:
        """Start the probes with these additional settings.

        None removes one. The probes are not initialized yet.
        """
        return self._start(
            {**self.settings, **settings}, {**self.environment, **(environment or {})}
        )

    def registered(
        self, /, environment: Mapping[str, str] | None = None, **settings: str | bytes
    ) -> Probes:
        """Start, initialize and register the probes."""
        probes = self.start(environment, **settings)
        probes.register()
        return probes
