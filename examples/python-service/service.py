"""Serve the peers of this pod over HTTP. deploy/python-service.yaml runs this service.

The paths are /peers, /ready, /nodes, /explain, /health, /metrics and /doctor. The service is
configured by environment variables, which the command `kubepeers` also reads, so that it needs no
options in this pod.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from kubepeers import InternalError, KubepeersError, LifecycleError, Provider, Status, doctor

JSON, TEXT = "application/json", "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def options() -> dict[str, Any]:
    """Return which pods are peers."""
    return {
        "namespace": os.environ["KUBEPEERS_NAMESPACE"],
        "discovery_port_name": os.environ["KUBEPEERS_DISCOVERY_PORT_NAME"],
        "remoting_port_name": os.environ["KUBEPEERS_REMOTING_PORT_NAME"],
        "peers_port_name": os.environ["KUBEPEERS_PEERS_PORT_NAME"],
        "pod_labels": dict(
            label.split("=", 1) for label in os.environ["KUBEPEERS_POD_LABELS"].split(",")
        ),
    }


def health(provider: Provider) -> dict[str, Any]:
    """Return how reliable the results are."""
    found = provider.health()
    # Before the first list, the age is infinite, which JSON cannot represent.
    return {
        "age": found.age if found.synced else None,
        "stale": found.stale,
        "error": found.error and str(found.error),
    }


#: What each path returns. Only /doctor waits, for at most 8 s.
PAGES: dict[str, tuple[str, Callable[[Provider], str]]] = {
    "/peers": (
        JSON,
        lambda provider: json.dumps({"addresses": provider.discover_peers(timeout=0)}),
    ),
    # Ready once there is a result, even if it contains no peers.
    "/ready": (TEXT, lambda provider: f"{len(provider.discover_peers(timeout=0))} peers\n"),
    "/nodes": (
        JSON,
        lambda provider: json.dumps([asdict(node) for node in provider.nodes(timeout=0)]),
    ),
    "/explain": (TEXT, Provider.explain_table),
    "/health": (JSON, lambda provider: json.dumps(health(provider))),
    "/metrics": (PROMETHEUS, Provider.metrics),
    # What is wrong with discovery in this pod, and how to fix it.
    "/doctor": (TEXT, lambda _: str(doctor(**options()))),
}


class Page(BaseHTTPRequestHandler):
    """The handler of one request."""

    #: Seconds to wait for a client that sends nothing.
    timeout = 10
    server: Server

    def do_GET(self) -> None:
        """Respond with the page, or with 503 and the reason while there is no result."""
        kind, page = PAGES.get(urlsplit(self.path).path, (TEXT, None))
        try:
            status, text = (200, page(self.server.provider)) if page else (404, "no such page\n")
        except KubepeersError as e:
            status, kind, text = 503, TEXT, f"{self.server.failure or e}\n"
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing, because probes send a request every second."""


class Server(socketserver.ThreadingTCPServer):
    """An HTTP server at the pod's address, which may be IPv4 or IPv6."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, provider: Provider) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.provider = provider
        #: Why there is no result, or "".
        self.failure = ""
        super().__init__((host, port), Page)

    def handle_error(self, *_: object) -> None:
        """Log errors of this program, but not of clients that hang up."""
        if not isinstance(sys.exc_info()[1], OSError):
            logging.exception("a page failed")


def register(provider: Provider) -> None:
    """Register, unless the provider is registered."""
    try:
        provider.register()
    except LifecycleError as e:
        if e.status is not Status.ALREADY_REGISTERED:
            raise


def follow(server: Server) -> None:
    """Log the peers now and after every change."""
    register(server.provider)
    for peers in server.provider.changes():
        server.failure = ""
        logging.info("peers: %s", " ".join(peers) or "none, alone")


def main() -> None:
    """Serve until SIGTERM."""
    # By default, SIGTERM does not end the first process of a container. The exception ends a wait
    # at once. The provider is closed when the interpreter exits.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    # `register` does not wait: /ready returns the reason while there is no result.
    provider = Provider(**options(), register_timeout=0, log="info")
    server = Server(os.environ["POD_IP"], 8080, provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        try:
            follow(server)
        except InternalError:
            raise  # Kubernetes restarts the container.
        except KubepeersError as e:
            # For example a missing Role or token. The process keeps running, because a container
            # that restarts again and again cannot be examined.
            if server.failure != str(e):
                server.failure = str(e)
                logging.error("%s", e)
            time.sleep(1)


if __name__ == "__main__":
    main()
