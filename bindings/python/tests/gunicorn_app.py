"""A WSGI application that creates a provider when it is imported: with --preload, before the workers are forked."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

from kubepeers import KubepeersError, Provider

provider = Provider(**json.loads(os.environ["PROVIDER"]))
provider.register()
provider.discover_peers()
own: Provider | None = None
_opening = threading.Lock()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Return the outcome of the inherited provider, and that of the worker's own one."""
    global own
    answer = {"pid": os.getpid(), "inherited": outcome(provider)}
    with _opening:
        if own is None:
            own = Provider(**json.loads(os.environ["PROVIDER"]))
            own.register()
    answer["own"] = outcome(own)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


def outcome(provider: Provider) -> Any:
    """Return the peers, or the status of the error."""
    try:
        return provider.discover_peers(60)
    except KubepeersError as e:
        return e.status.name


def on_exit(server: Any) -> None:
    """Print the outcome in the master, whose provider the workers have not disturbed."""
    print("master:", outcome(provider), flush=True)
