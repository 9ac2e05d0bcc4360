"""A service that knows its peers, in Kubernetes. deploy/python-service.yaml runs it.

Over HTTP it tells what it knows: /peers, /ready, /nodes, /explain, /health, /metrics. What it needs to be told it takes
from the environment: the five variables below are the command's too, which then needs no options in this pod.
"""

from __future__ import annotations

import contextlib
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

from kubepeers import AlreadyRegisteredError, InternalError, KubepeersError, Provider

JSON, TEXT = "application/json", "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def health(provider: Provider) -> dict[str, Any]:
    """Give how sure the answers are."""
    found = provider.health()
    return {"age": found.age, "stale": found.stale, "error": found.error and str(found.error)}


#: What each path tells. Nothing of it waits.
TOLD: dict[str, tuple[str, Callable[[Provider], str]]] = {
    "/peers": (JSON, lambda provider: json.dumps({"addresses": provider.discover_peers(timeout=0)})),
    # Ready once it is known who the peers are; that there are none counts too.
    "/ready": (TEXT, lambda provider: f"{len(provider.discover_peers(timeout=0))} peers\n"),
    "/nodes": (JSON, lambda provider: json.dumps([asdict(node) for node in provider.nodes(timeout=0)])),
    "/explain": (TEXT, Provider.explain_table),
    "/health": (JSON, lambda provider: json.dumps(health(provider))),
    "/metrics": (PROMETHEUS, Provider.metrics),
}


class Page(BaseHTTPRequestHandler):
    """One request."""

    #: Seconds after which whoever says nothing is not waited for any more.
    timeout = 10
    server: Server

    def do_GET(self) -> None:
        """Tell what the path asks for; 503 and the reason while it is not known."""
        kind, tell = TOLD.get(urlsplit(self.path).path, (TEXT, None))
        try:
            status, text = (200, tell(self.server.provider)) if tell else (404, "no such page\n")
        except KubepeersError as e:
            status, kind, text = 503, TEXT, f"{self.server.failure or e}\n"
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: probes ask each second."""


class Server(socketserver.ThreadingTCPServer):
    """An HTTP server at the pod's address, of either family."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, provider: Provider) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.provider = provider
        #: Why it is not known who the peers are; "" if it is.
        self.failure = ""
        super().__init__((host, port), Page)

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up; other faults are this program's."""
        if not isinstance(sys.exc_info()[1], OSError):
            logging.exception("a page failed")


def follow(server: Server) -> None:
    """Write down who the peers are at each change."""
    with contextlib.suppress(AlreadyRegisteredError):  # by an earlier attempt
        server.provider.register()
    for peers in server.provider.changes():
        server.failure = ""
        logging.info("peers: %s", " ".join(peers.addresses) or "none, alone")


def main() -> None:
    """Serve until told to stop."""
    # As the first process of a container it would not be ended by the signal alone.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    provider = Provider(
        namespace=os.environ["KUBEPEERS_NAMESPACE"],
        discovery_port_name=os.environ["KUBEPEERS_DISCOVERY_PORT_NAME"],
        remoting_port_name=os.environ["KUBEPEERS_REMOTING_PORT_NAME"],
        peers_port_name=os.environ["KUBEPEERS_PEERS_PORT_NAME"],
        pod_labels=os.environ["KUBEPEERS_POD_LABELS"],
        # /ready tells meanwhile why nothing is known yet.
        register_timeout_ms=0,
        log="info",
    )
    provider.init()
    server = Server(os.environ["POD_IP"], 8080, provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        try:
            follow(server)
        except InternalError:
            raise  # A fault that only a new beginning mends.
        except KubepeersError as e:
            # No Role, say, or no token. Who ends here is started again and again, and cannot be looked at.
            if server.failure != str(e):
                server.failure = str(e)
                logging.error("%s", e)
            time.sleep(1)


if __name__ == "__main__":
    main()
