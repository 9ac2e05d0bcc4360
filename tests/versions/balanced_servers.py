"""Several API servers behind a balancer that can disturb their connections."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from namespace import run_tool

if TYPE_CHECKING:
    from pathlib import Path


class BalancedServers:
    """API servers and their balancer, which run inside the `with` block."""

    def __init__(self, program: str, folder: Path, servers: int) -> None:
        self._program = program
        self._folder = folder
        self._servers = servers

    def __enter__(self) -> BalancedServers:
        run_tool(self._program, "up", "--dir", str(self._folder), "--servers", str(self._servers))
        return self

    def __exit__(self, *_: object) -> None:
        run_tool(self._program, "down", "--dir", str(self._folder))

    def kubeconfig(self, server: int) -> Path:
        """Return the kubeconfig of one server, which bypasses the balancer."""
        return self._folder / f"server-{server}.kubeconfig"

    def disturb(self, *order: object) -> str:
        """Run `testenv disturb` with an order and return its output. See `testenv help`."""
        return run_tool(
            self._program, "disturb", "--dir", str(self._folder), *(str(word) for word in order)
        )

    def run(self, *command: str) -> None:
        """Run a command of testenv such as `stop-server`."""
        run_tool(self._program, *command, "--dir", str(self._folder))

    def open_port(self) -> Port:
        """Open another port of the balancer, for one client."""
        return Port(self, int(self.disturb("open")))

    def connections(self, server: int) -> int:
        """Return the number of connections that the balancer forwards to a server."""
        found = re.search(rf"^{server} .*connections=(\d+)", self.disturb("status"), re.MULTILINE)
        assert found
        return int(found[1])


class Port:
    """A port of the balancer. It can be pinned to one server."""

    def __init__(self, servers: BalancedServers, port: int) -> None:
        self._servers = servers
        self._port = port

    def pin(self, server: int) -> None:
        self._servers.disturb("pin", self._port, server)

    def unpin(self) -> None:
        self._servers.disturb("unpin", self._port)

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig for this port."""
        direct = self._servers.kubeconfig(server=1).read_text()
        path.write_text(
            re.sub(r"(server: https://127\.0\.0\.1:)\d+", rf"\g<1>{self._port}", direct)
        )
        return path
