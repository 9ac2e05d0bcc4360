"""What a case describes, made: pods and their changes, files, the process's configuration and environment."""

from __future__ import annotations

import contextlib
import fcntl
import re
import shutil
import socket
import struct
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from member import OWN, Member, needed
from namespace import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cases import Case
    from namespace import Namespace
    from probes import Probes

GET_ADDRESS = 0x8915  # SIOCGIFADDR

T = TypeVar("T", str, bytes, None)


class Arrangement:
    """The surroundings of one case. Use it as a context."""

    def __init__(self, case: Case, member: Member, namespace: Namespace, folder: Path) -> None:
        self.namespace = namespace
        self._case = case
        self._member = member
        self._folder = folder
        self._sockets = contextlib.ExitStack()

    def __enter__(self) -> Arrangement:
        return self

    def __exit__(self, *_: object) -> None:
        self._sockets.close()

    def start(self) -> Probes:
        """Make it all, and start the probes."""
        bound = self._case.data.get("token", "bound") == "bound"
        self.namespace.account(verbs=self._case.data.get("allow", "list,watch"))
        pods = self._case.part("pods")
        if bound and OWN not in pods:
            pods = {OWN: {"ips": ["10.0.0.1"]}, **pods}
        self._create(pods)
        self.namespace.mount(self._member.mount, pod=OWN if bound else None)
        self._write(self._case.part("files"))
        return self._member.start(
            {name: self._filled(value) for name, value in self._case.part("environment").items()},
            **{key: self._filled(value) for key, value in self._case.part("configuration").items()},
        )

    @property
    def namespace_asked(self) -> str:
        return self._filled(self._case.part("configuration").get("namespace")) or self.namespace.name

    @property
    def selector(self) -> str:
        selector: str = self._case.part("configuration").get("pod_labels", LABELS[0])
        return selector

    @property
    def has_generations(self) -> bool:
        """Whether the library tells at once which generation it would give."""
        return "max_stale_ms" not in self._case.part("configuration")

    def pods(self) -> list[dict[str, Any]]:
        """Give the pods that are looked at, as the API server has them."""
        return self.namespace.pods(self.selector) if self.namespace_asked == self.namespace.name else []

    def change(self, actions: list[dict[str, Any]]) -> None:
        """Do what a step says."""
        for action in actions:
            ((what, to),) = action.items()
            getattr(self, f"_{what}")(to)

    def _create(self, pods: dict[str, Any]) -> None:
        for name, pod in pods.items():
            described = {key: value for key, value in pod.items() if key not in ("ips", "terminating")}
            self.namespace.pod(name, *addresses(self.words(pod.get("ips", []))), **described)
            if pod.get("terminating"):
                self.namespace.terminate(name)

    def _update(self, pods: dict[str, Any]) -> None:
        for name, state in pods.items():
            described = {key: value for key, value in state.items() if key != "ips"}
            ips = addresses(state["ips"]) if "ips" in state else []
            self.namespace.status(name, *ips, **described)

    def _relabel(self, pods: dict[str, list[str]]) -> None:
        for name, labels in pods.items():
            self.namespace.relabel(name, *labels)

    def _terminate(self, pods: list[str]) -> None:
        for name in pods:
            self.namespace.terminate(name)

    def _delete(self, pods: list[str]) -> None:
        for name in pods:
            self.namespace.delete(name)

    def _allow(self, verbs: str) -> None:
        self.namespace.account(verbs=verbs)

    def _write(self, files: dict[str, str | bytes | None]) -> None:
        """Write files; where there is no content, take away what is there."""
        for name, content in files.items():
            file = self._folder / name
            # It may say what was in it.
            content = self._filled(content)
            if file.is_dir():
                shutil.rmtree(file)
            elif content is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def words(self, texts: list[str]) -> list[str]:
        """Give texts with what ${NAME} stands for in them."""
        return [self._filled(text) for text in texts]

    def _filled(self, text: T) -> T:
        if not isinstance(text, str):
            return text
        return re.sub(r"\$\{([^}]*)\}", lambda match: self._named(match.group(1)), text)

    def _named(self, name: str) -> str:
        if name.startswith("uid of "):
            return self.namespace.uid(name.removeprefix("uid of "))
        return {
            "namespace": lambda: self.namespace.name,
            "folder": lambda: str(self._folder),
            "token": lambda: (self._member.mount / "token").read_text().strip(),
            "kubeconfig": lambda: needed("KUBECONFIG"),
            "other CA": lambda: Path(__file__).with_name("other-ca.crt").read_text(),
            "beginning of other CA": lambda: Path(__file__).with_name("other-ca.crt").read_text()[:200],
            "this machine": address_of_this_machine,
            "refusing port": self._refusing_port,
            "silent port": self._silent_port,
        }[name]()

    def _refusing_port(self) -> str:
        # Bound, so that nobody else gets the port, but not listening.
        closed = self._sockets.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))
        return str(closed.getsockname()[1])

    def _silent_port(self) -> str:
        silent = self._sockets.enter_context(socket.create_server(("127.0.0.1", 0)))
        return str(silent.getsockname()[1])


def addresses(ips: list[str]) -> list[str]:
    """Give what the helper is to be told: none at all would leave a pod those that it has."""
    return ips or [""]


def address_of_this_machine() -> str:
    """Give an address that others could know."""
    for ip in own_addresses():
        if not ip_address(ip).is_loopback and not ip_address(ip).is_link_local:
            return ip
    pytest.fail("this machine has no address of its own, which a pod always has")


def own_addresses() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode())
            with contextlib.suppress(OSError):  # it has none
                yield socket.inet_ntoa(fcntl.ioctl(any_socket, GET_ADDRESS, request)[20:24])
