"""A control plane that a test may disturb, by way of the helper in $TESTENV."""

from __future__ import annotations

import contextlib
import http.client
import ssl
from typing import TYPE_CHECKING

from namespace import run
from probes import until

if TYPE_CHECKING:
    from pathlib import Path

# Counters of the API server, since it was started: whom it let in, but not to the pods; whom it did not let in; and who
# did not trust it.
FORBIDDEN = 'authorization_attempts_total{result="no-opinion"}'
UNAUTHORIZED = 'authentication_attempts{result="error"}'
UNTRUSTED = "apiserver_tls_handshake_errors_total"

# The probes try again at longer and longer intervals: among so many tries are some of each of them.
MANY = 12


class ControlPlane:
    """One of the test's own. Use it as a context."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder

    def __enter__(self) -> ControlPlane:
        self._tell("up")
        return self

    def __exit__(self, *_: object) -> None:
        self._tell("down")

    @property
    def kubeconfig(self) -> Path:
        return self._folder / "kubeconfig"

    def endpoint(self) -> dict[str, str]:
        """Give the variables by which a pod is told of the API server. $KUBECONFIG says of which."""
        return dict(line.split("=", 1) for line in run(self._program, "endpoint").splitlines())

    def stop_server(self) -> None:
        """Kill the API server. Nobody is served until it is started again."""
        self._tell("stop-server")

    def start_server(self, *options: str) -> None:
        self._tell("start-server", *options)

    def restart_server(self) -> None:
        """Have the API server forget all that is not in its store, and end all watches."""
        self.stop_server()
        self.start_server()

    def compact(self) -> None:
        """Have the store forget all but the present state."""
        self._tell("compact")

    def get(self, path: str) -> str:
        """Give what the API server answers an administrator."""
        return run(self._program, "get", path)

    def knows(self, token: str) -> bool:
        """Say whether the API server lets in who has this token."""
        endpoint, unverified = self.endpoint(), ssl._create_unverified_context()
        at = endpoint["KUBERNETES_SERVICE_HOST"], int(endpoint["KUBERNETES_SERVICE_PORT"])
        with contextlib.closing(http.client.HTTPSConnection(*at, context=unverified)) as connection:
            connection.request("GET", "/version", headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status != http.HTTPStatus.UNAUTHORIZED

    def see_many(self, counter: str) -> None:
        """Wait until the API server has counted many of something."""
        until(lambda: self._count(counter), lambda count: count >= MANY, counter)

    def _count(self, counter: str) -> int:
        lines = (line.rpartition(" ") for line in self.get("/metrics").splitlines())
        return sum(int(value) for name, _, value in lines if name == counter)

    def _tell(self, command: str, *options: str) -> None:
        run(self._program, command, "--dir", str(self._folder), *options)
