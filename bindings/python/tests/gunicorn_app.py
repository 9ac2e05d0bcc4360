"""A WSGI application that makes its provider when it is imported: with --preload, before the workers are forked."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

from kubepeers import KubepeersError, Provider

provider = Provider(**json.loads(os.environ["PROVIDER"]))
provider.init()
provider.register()
provider.discover_peers()
_opening = threading.Lock()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer what the inherited provider says, and then what it says once it was opened in the worker."""
    with _opening:
        answer = {"pid": os.getpid(), "inherited": said(), "own": None}
        if answer["inherited"] == "FORKED":
            provider.init()
            provider.register()
        answer["own"] = said()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


def said() -> Any:
    """Ask for the peers."""
    try:
        return provider.discover_peers(60)
    except KubepeersError as e:
        return e.status.name


def on_exit(server: Any) -> None:
    """Tell, in the master, what the provider says there: it was not disturbed."""
    print("master:", said(), flush=True)
