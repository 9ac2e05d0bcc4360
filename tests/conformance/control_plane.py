"""A control plane that tests disturb with the helper in $TESTENV."""

from __future__ import annotations

import contextlib
import http.client
import ssl
from typing import TYPE_CHECKING

from namespace import run_tool
from probes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

# Counters of the API server since its start: requests without authorization, requests without
# authentication, and connections of clients that do not trust its certificate.
FORBIDDEN = 'authorization_attempts_total{result="no-opinion"}'
UNAUTHORIZED = 'authentication_attempts{result="error"}'
UNTRUSTED = "apiserver_tls_handshake_errors_total"

#: After this many failed attempts every probe has made one, because all probes back off.
ATTEMPTS = 12


class ControlPlane:
    """An API server and its etcd, which run inside the `with` block."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._is_serving = False

    def __enter__(self) -> ControlPlane:
        self._run("up")
        self._is_serving = True
        return self

    def __exit__(self, *_: object) -> None:
        self._run("down")

    @property
    def kubeconfig(self) -> Path:
        return self._folder / "kubeconfig"

    def endpoint(self) -> dict[str, str]:
        """Return the variables that contain the address of the API server in a pod."""
        return dict(line.split("=", 1) for line in run_tool(self._program, "endpoint").splitlines())

    def stop_server(self) -> None:
        """Kill the API server."""
        self._is_serving = False
        self._run("stop-server")

    def start_server(self, *options: str) -> None:
        self._run("start-server", *options)
        self._is_serving = True

    def ensure_server(self) -> None:
        """Start the API server if a failed test has left it stopped."""
        if not self._is_serving:
            self.start_server()

    def restart_server(self) -> None:
        """Restart the API server, which ends all watches and empties its caches."""
        self.stop_server()
        self.start_server()

    def compact(self) -> None:
        """Compact etcd to the current revision."""
        self._run("compact")

    def get(self, path: str) -> str:
        """Return the API server's response to an administrator."""
        return run_tool(self._program, "get", path)

    def accepts(self, token: str) -> bool:
        """Return whether the API server accepts this token."""
        endpoint, unverified = self.endpoint(), ssl._create_unverified_context()
        address = endpoint["KUBERNETES_SERVICE_HOST"], int(endpoint["KUBERNETES_SERVICE_PORT"])
        with contextlib.closing(
            http.client.HTTPSConnection(*address, context=unverified)
        ) as connection:
            connection.request("GET", "/version", headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status != http.HTTPStatus.UNAUTHORIZED

    def wait_for_attempts(self, counter: str) -> None:
        """Wait until a counter shows that all probes have tried and failed."""
        wait_until(lambda: self._count(counter), lambda count: count >= ATTEMPTS, counter)

    def _count(self, counter: str) -> int:
        lines = (line.rpartition(" ") for line in self.get("/metrics").splitlines())
        return sum(int(value) for name, _, value in lines if name == counter)

    def _run(self, command: str, *options: str) -> None:
        run_tool(self._program, command, "--dir", str(self._folder), *options)
