"""Several API servers behind a balancer that disturbs them: `testenv help` says how."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from namespace import run

if TYPE_CHECKING:
    from pathlib import Path


class Rig:
    """A rig of the test's own. Use it as a context."""

    def __init__(self, program: str, folder: Path, servers: int) -> None:
        self._program = program
        self._folder = folder
        self._servers = servers

    def __enter__(self) -> Rig:
        run(self._program, "up", "--dir", str(self._folder), "--servers", str(self._servers))
        return self

    def __exit__(self, *_: object) -> None:
        run(self._program, "down", "--dir", str(self._folder))

    def kubeconfig(self, server: int) -> Path:
        """Return the kubeconfig of one server, past the balancer and its disturbances."""
        return self._folder / f"server-{server}.kubeconfig"

    def disturb(self, *order: object) -> str:
        """Carry out an order of `testenv disturb`, and return what it prints."""
        return run(self._program, "disturb", "--dir", str(self._folder), *(str(word) for word in order))

    def order(self, *order: str) -> None:
        """Carry out an order such as `stop-server`."""
        run(self._program, *order, "--dir", str(self._folder))

    def door(self) -> Door:
        """Have the balancer listen on one more port."""
        return Door(self, int(self.disturb("open")))

    def connections(self, server: int) -> int:
        """Return how many connections the balancer forwards to a server."""
        found = re.search(rf"^{server} .*connections=(\d+)", self.disturb("status"), re.MULTILINE)
        assert found
        return int(found[1])


class Door:
    """A port of the balancer for one client, which can be pinned to a server."""

    def __init__(self, rig: Rig, port: int) -> None:
        self._rig = rig
        self._port = port

    def pin(self, server: int) -> None:
        self._rig.disturb("pin", self._port, server)

    def unpin(self) -> None:
        self._rig.disturb("unpin", self._port)

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig for this port."""
        direct = self._rig.kubeconfig(server=1).read_text()
        path.write_text(re.sub(r"(server: https://127\.0\.0\.1:)\d+", rf"\g<1>{self._port}", direct))
        return path
