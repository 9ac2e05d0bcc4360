"""What may be configured."""

from __future__ import annotations

import os
from typing import Literal, TypedDict

#: The library's defaults.
REGISTER_TIMEOUT_MS = 5000
DISCOVER_TIMEOUT_MS = 3000


class Options(TypedDict, total=False):
    """The optional configuration keys; None is "not given". `kubepeers_config_set` in the header explains each."""

    namespace: str | None
    remoting_port_name: str | None
    peers_port_name: str | None
    membership: Literal["member", "observer"] | None
    pod_uid: str | None
    pod_name: str | None
    pod_ip: str | None
    readiness: Literal["ignore", "ready"] | None
    pending: Literal["exclude", "include"] | None
    ip_family: Literal["primary", "ipv4", "ipv6"] | None
    default_discovery_port: int | None
    default_remoting_port: int | None
    default_peers_port: int | None
    max_stale_ms: int | None
    watch: Literal["auto", "poll"] | None
    poll_interval_ms: int | None
    register_timeout_ms: int | None
    discover_timeout_ms: int | None
    request_timeout_ms: int | None
    service_account_dir: str | os.PathLike[str] | None
    kubeconfig: str | os.PathLike[str] | None
    context: str | None
    log: Literal["off", "error", "warn", "info", "debug"] | None
