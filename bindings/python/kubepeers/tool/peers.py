"""`kubepeers peers`: the list, for scripts."""

from __future__ import annotations

import dataclasses
import json
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from kubepeers import KubepeersError

from . import exits
from .options import explained
from .session import patiently, registered

if TYPE_CHECKING:
    from kubepeers import Node, Provider

    from .settings import Settings


#: How long the library may take, in seconds, to know that a refusal (403) is permanently. It takes
#: about three.
_REFUSED = 10.0


def run(settings: Settings, *, as_json: bool, timeout: float) -> int:
    """Print the peers."""
    cause = None
    try:
        with registered(settings.values) as provider:
            try:
                nodes = _asked(provider, timeout)
            except KubepeersError:
                cause = provider.health().error_class or None
                raise
    except KubepeersError as error:
        if as_json:
            print(
                json.dumps(
                    {"error": {**_failure(error, cause), "message": explained(error, settings)}}
                )
            )
        raise
    if as_json:
        print(json.dumps({"peers": [_described(node) for node in nodes]}))
    else:
        sys.stdout.writelines(f"{node.address}\n" for node in nodes)
    return exits.WELL


def _asked(provider: Provider, timeout: float) -> list[Node]:
    try:
        return patiently(provider.nodes, timeout)
    except KubepeersError as error:
        if error.http_status != HTTPStatus.FORBIDDEN or not error.retryable:
            raise
    # The server may still be starting, or refuse permanently. A script gets the same error however
    # long it waits.
    return patiently(provider.nodes, _REFUSED)


def _described(node: Node) -> dict[str, Any]:
    return {"address": node.address, **dataclasses.asdict(node)}


def _failure(error: KubepeersError, cause: str | None) -> dict[str, Any]:
    """Describe it.

    What keeps the pods from being read is the cause; the status is NOT_SYNCED whatever it is.
    """
    return {
        "status": error.status.name,
        "cause": cause,
        "retryable": error.retryable,
        "http_status": error.http_status,
    }
