"""The configuration and environment of a process in a pod, which the probes run as."""

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

    Fail if it is not set: a skipped test would look like one that passed.
    """
    return os.environ.get(name) or pytest.fail(
        f"the environment variable {name} is not set: see README.md"
    )


def required_settings(namespace: str) -> dict[str, str | bytes]:
    """Return the required keys and their values."""
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
            # Long if a result ends the wait, and short if the wait is expected to time out.
            "register_timeout_ms": "60000",
            "discover_timeout_ms": "100",
            # On a busy machine, the API server may be slow.
            "request_timeout_ms": "60000",
        }
        variables = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
        self.environment = {name: required_variable(name) for name in variables}
        self._start = start

    def start(
        self, /, environment: Mapping[str, str | None] | None = None, **settings: str | bytes | None
    ) -> Probes:
        """Start the probes with additional settings, without initializing them.

        The value None removes a setting or a variable.
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
