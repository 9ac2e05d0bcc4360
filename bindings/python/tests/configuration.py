"""The options that all tests need."""

from __future__ import annotations

from typing import Any

Options = dict[str, Any]

REQUIRED = {
    "namespace": "default",
    "discovery_port_name": "gossip",
    "remoting_port_name": "remoting",
    "peers_port_name": "peers",
    "pod_labels": {"app": "test"},
}
