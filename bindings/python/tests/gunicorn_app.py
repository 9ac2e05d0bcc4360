"""A WSGI application that creates a provider at import.

With --preload, this happens before the workers are forked.
"""

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
worker_provider: Provider | None = None
_lock = threading.Lock()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Respond with the results of the inherited provider and of a provider of this worker."""
    global worker_provider
    response = {"pid": os.getpid(), "inherited": peers_or_status(provider)}
    with _lock:
        if worker_provider is None:
            worker_provider = Provider(**json.loads(os.environ["PROVIDER"]))
            worker_provider.register()
    response["own"] = peers_or_status(worker_provider)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(response).encode()]


def peers_or_status(provider: Provider) -> Any:
    """Return the peers, or the status of the error."""
    try:
        return provider.discover_peers(60)
    except KubepeersError as e:
        return e.status.name


def on_exit(server: Any) -> None:
    """Print the peers in the master."""
    print("master:", peers_or_status(provider), flush=True)
