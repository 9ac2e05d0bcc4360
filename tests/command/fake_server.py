"""A fake API server, by plain HTTP, whose responses a test chooses."""

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
    """A request of the command."""

    protocol_version = "HTTP/1.1"
    server_of_test: FakeServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.server_of_test.is_down:
            self.disconnect()
        elif "watch=" in self.path:
            self.server_of_test.watch(self)
        else:
            self.server_of_test.list(self)

    def respond(self, code: int, body: str, form: str = JSON) -> None:
        self.send_response(code)
        self.send_header("Content-Type", form)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def status(self, code: int, message: str) -> None:
        self.respond(
            code,
            json.dumps({"kind": "Status", "apiVersion": "v1", "message": message, "code": code}),
        )

    def disconnect(self) -> None:
        self.close_connection = True

    def wait(self, seconds: float = 60) -> None:
        """Send nothing for some time, or until the test is over."""
        self.server_of_test.over.wait(seconds)
        self.close_connection = True


Behavior = Callable[[Request], object]


def pods(*names: dict[str, Any]) -> Behavior:
    listed = {
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": "10"},
        "items": names,
    }
    return lambda request: request.respond(200, json.dumps(listed))


def grants_watch(request: Request) -> None:
    """Grant the watch, and send no events."""
    request.send_response(200)
    request.send_header("Content-Type", JSON)
    request.end_headers()
    request.wfile.flush()
    request.wait()


def goes_down(request: Request) -> None:
    """Close every connection from now on."""
    request.server_of_test.is_down = True
    request.disconnect()


def responds(code: int, body: str, form: str = JSON) -> Behavior:
    return lambda request: request.respond(code, body, form)


def refuses(code: int, message: str, after: float = 0) -> Behavior:
    return lambda request: (request.server_of_test.over.wait(after), request.status(code, message))


class FakeServer:
    """The server. It is a context."""

    def __init__(self, listing: Behavior, watch: Behavior = grants_watch) -> None:
        self.list, self.watch = listing, watch
        self.over, self.is_down = threading.Event(), False
        handler = type("Handler", (Request,), {"server_of_test": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def kubeconfig(self, folder: Path, user: str = "{token: se-cr-et}") -> str:
        """Write a kubeconfig for the server, and return its path."""
        path = folder / "kubeconfig"
        path.write_text(
            "{apiVersion: v1, kind: Config, current-context: c,\n"
            "contexts: [{name: c, context: {cluster: c, user: u, namespace: ns}}],\n"
            f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{self._server.server_port}'}}}}],\n"
            f"users: [{{name: u, user: {user}}}]}}\n"
        )
        return str(path)
