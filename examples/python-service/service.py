"""A service that knows its peers, in Kubernetes. deploy/python-service.yaml runs it.

Over HTTP it tells what it knows: /peers, /ready, /nodes, /explain, /health, /metrics. What it needs to be told it takes
from the environment: the variables are those of the command `kubepeers`, which then needs no options in this pod.
"""

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kubepeers import KubepeersError, Provider


def health(provider):
    """Give how sure the answers are."""
    found = provider.health()
    return {"age": found.age, "stale": found.stale, "error": found.error and str(found.error)}


#: What each path tells. Nothing of it waits.
TOLD = {
    "/peers": lambda provider: json.dumps({"addresses": provider.discover_peers(timeout=0)}),
    # Ready once it is known who the peers are; that there are none counts too.
    "/ready": lambda provider: f"{len(provider.discover_peers(timeout=0))} peers\n",
    "/nodes": lambda provider: json.dumps([asdict(node) for node in provider.nodes(timeout=0)]),
    "/explain": Provider.explain_table,
    "/health": lambda provider: json.dumps(health(provider)),
    "/metrics": Provider.metrics,
}


class Page(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        """Tell what the path asks for; 503 and the reason while it is not known."""
        try:
            status, text = 200, TOLD[self.path](self.server.provider)
        except KeyError:
            status, text = 404, "no such page\n"
        except KubepeersError as e:
            status, text = 503, f"{e}\n"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Say nothing: probes ask each second."""


class Server(ThreadingHTTPServer):
    """An HTTP server at the pod's address, of either family."""

    daemon_threads = True

    def __init__(self, host, port, provider):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.provider = provider
        super().__init__((host, port), Page)


def follow(provider):
    """Write down who the peers are at each change; and where nobody can tell, why."""
    failure = ""
    while True:
        try:
            for peers in provider.changes():
                logging.info("peers: %s", " ".join(peers.addresses) or "none, alone")
                failure = ""
        except KubepeersError as e:
            # The library goes on asking. Who ends here instead is started again and again, and cannot be looked at.
            if failure != str(e):
                failure = str(e)
                logging.error("%s", failure)
            time.sleep(1)


def main():
    """Serve until told to stop."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    # As the first process of a container it would not be ended by the signal alone.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with Provider(
        namespace=os.environ["KUBEPEERS_NAMESPACE"],
        discovery_port_name=os.environ["KUBEPEERS_DISCOVERY_PORT_NAME"],
        remoting_port_name=os.environ["KUBEPEERS_REMOTING_PORT_NAME"],
        peers_port_name=os.environ["KUBEPEERS_PEERS_PORT_NAME"],
        pod_labels=os.environ["KUBEPEERS_POD_LABELS"],
        # Pages tell why nothing is known yet.
        register_timeout_ms=0,
        log="info",
    ) as provider:
        server = Server(os.environ["POD_IP"], 8080, provider)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        follow(provider)


if __name__ == "__main__":
    main()
