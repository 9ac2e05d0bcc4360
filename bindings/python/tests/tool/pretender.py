"""What pretends to be an API server, by plain HTTP, and does each thing as it is told."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

JSON = "application/json"


def pod(name: str, phase: str = "Running") -> dict[str, Any]:
    container = {"name": "c", "ports": [{"name": "gossip", "containerPort": 3322}]}
    return {
        "metadata": {
            "name": name,
            "uid": name,
            "namespace": "ns",
            "resourceVersion": "9",
            "labels": {"app": "demo"},
        },
        "spec": {"containers": [container]},
        "status": {
            "phase": phase,
            "podIP": "10.0.0.2",
            "podIPs": [{"ip": "10.0.0.2"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


class Request(http.server.BaseHTTPRequestHandler):
    """One of the client."""

    protocol_version = "HTTP/1.1"
    pretender: Pretender

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.pretender.dead:
            self.break_off()
        elif "watch=" in self.path:
            self.pretender.watch(self)
        else:
            self.pretender.list(self)

    def answer(self, code: int, body: str, form: str = JSON) -> None:
        self.send_response(code)
        self.send_header("Content-Type", form)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def status(self, code: int, message: str) -> None:
        self.answer(
            code,
            json.dumps({"kind": "Status", "apiVersion": "v1", "message": message, "code": code}),
        )

    def break_off(self) -> None:
        self.close_connection = True

    def wait(self, seconds: float = 60) -> None:
        """Say nothing, until the test is over or for some time."""
        self.pretender.over.wait(seconds)
        self.close_connection = True


Does = Callable[[Request], object]


def pods(*names: dict[str, Any]) -> Does:
    listed = {
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": "10"},
        "items": names,
    }
    return lambda request: request.answer(200, json.dumps(listed))


def watched(request: Request) -> None:
    """Grant it, and tell nothing."""
    request.send_response(200)
    request.send_header("Content-Type", JSON)
    request.end_headers()
    request.wfile.flush()
    request.wait()


def dies(request: Request) -> None:
    """From now on it does not answer."""
    request.pretender.dead = True
    request.break_off()


def answers(code: int, body: str, form: str = JSON) -> Does:
    return lambda request: request.answer(code, body, form)


def refuses(code: int, message: str, after: float = 0) -> Does:
    return lambda request: (request.pretender.over.wait(after), request.status(code, message))


class Pretender:
    """The server. Use it as a context."""

    def __init__(self, listing: Does, watch: Does = watched) -> None:
        self.list, self.watch = listing, watch
        self.over, self.dead = threading.Event(), False
        handler = type("Handler", (Request,), {"pretender": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Pretender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def kubeconfig(self, folder: Path, user: str = "{token: se-cr-et}") -> str:
        """Write one, and give its path."""
        path = folder / "kubeconfig"
        path.write_text(
            "{apiVersion: v1, kind: Config, current-context: c,\n"
            "contexts: [{name: c, context: {cluster: c, user: u, namespace: ns}}],\n"
            f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{self._server.server_port}'}}}}],\n"
            f"users: [{{name: u, user: {user}}}]}}\n"
        )
        return str(path)
