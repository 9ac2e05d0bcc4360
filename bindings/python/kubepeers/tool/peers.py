"""`kubepeers peers`: the list, for scripts."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any

from kubepeers import KubepeersError

from . import exits
from .session import patiently, registered

if TYPE_CHECKING:
    from kubepeers import Node

    from .settings import Settings


def run(settings: Settings, *, as_json: bool, timeout: float) -> int:
    """Print the peers."""
    cause = None
    try:
        with registered(settings.values) as provider:
            try:
                nodes = patiently(provider.nodes, timeout)
            except KubepeersError:
                cause = provider.health().error_class or None
                raise
    except KubepeersError as error:
        if as_json:
            print(json.dumps({"error": _failure(error, cause)}))
        raise
    if as_json:
        print(json.dumps({"peers": [_described(node) for node in nodes]}))
    else:
        sys.stdout.writelines(f"{_address(node)}\n" for node in nodes)
    return exits.WELL


def _address(node: Node) -> str:
    host = f"[{node.host}]" if ":" in node.host else node.host
    return f"{host}:{node.discovery_port}"


def _described(node: Node) -> dict[str, Any]:
    return {"address": _address(node), **dataclasses.asdict(node)}


def _failure(error: KubepeersError, cause: str | None) -> dict[str, Any]:
    """Describe it. What keeps the pods from being read is the cause; the status is NOT_SYNCED whatever it is."""
    return {
        "status": error.status.name,
        "cause": cause,
        "message": error.message,
        "retryable": error.retryable,
        "http_status": error.http_status,
    }
