"""Sets up the pods, files, configuration and environment of a case, and carries out its steps."""

from __future__ import annotations

import contextlib
import fcntl
import re
import shutil
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from member import SELF_POD, Member, required_variable
from namespace import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cases import Case
    from namespace import Namespace
    from probes import Probes

OTHER_CA = Path(__file__).with_name("other-ca.crt")
SIOCGIFADDR = 0x8915
#: The number of pods that are created at a time.
CONCURRENCY = 6

T = TypeVar("T", str, bytes, None)


class CaseSetup:
    """The pods, files and sockets of one case. The sockets close at the end of the `with` block."""

    def __init__(self, case: Case, member: Member, namespace: Namespace, folder: Path) -> None:
        self.namespace = namespace
        self._case = case
        self._member = member
        self._folder = folder
        self._sockets = contextlib.ExitStack()

    def __enter__(self) -> CaseSetup:
        return self

    def __exit__(self, *_: object) -> None:
        self._sockets.close()

    def start(self) -> Probes:
        """Create the pods and files, and start the probes."""
        bound = self._case.data.get("token", "bound") == "bound"
        self.namespace.account(verbs=self._case.data.get("allow", "list,watch"))
        pods = self._case.part("pods")
        if bound and SELF_POD not in pods:
            pods = {SELF_POD: {"ips": ["10.0.0.1"]}, **pods}
        self._create(pods)
        self.namespace.mount(self._member.mount, pod=SELF_POD if bound else None)
        self._write(self._case.part("files"))
        return self._member.start(
            {name: self._expand(value) for name, value in self._case.part("environment").items()},
            **{key: self._expand(value) for key, value in self._case.part("configuration").items()},
        )

    @property
    def configured_namespace(self) -> str:
        return (
            self._expand(self._case.part("configuration").get("namespace")) or self.namespace.name
        )

    @property
    def selector(self) -> str:
        selector: str = self._case.part("configuration").get("pod_labels", LABELS[0])
        return selector

    @property
    def has_generation(self) -> bool:
        """Whether kubepeers_generation returns a number other than 0."""
        return "max_stale_ms" not in self._case.part("configuration")

    def pods(self) -> list[dict[str, Any]]:
        """Return the selected pods from the API server."""
        return (
            self.namespace.pods(self.selector)
            if self.configured_namespace == self.namespace.name
            else []
        )

    def change(self, actions: list[dict[str, Any]]) -> None:
        """Carry out the actions of a step."""
        for action in actions:
            ((name, value),) = action.items()
            getattr(self, f"_{name}")(value)

    def _create(self, pods: dict[str, Any]) -> None:
        def create(name: str) -> None:
            pod = pods[name]
            fields = {key: value for key, value in pod.items() if key not in ("ips", "terminating")}
            self.namespace.pod(name, *ip_arguments(self.expand_all(pod.get("ips", []))), **fields)
            if pod.get("terminating"):
                self.namespace.terminate(name)

        with ThreadPoolExecutor(CONCURRENCY) as pool:
            list(pool.map(create, pods))

    def _update(self, pods: dict[str, Any]) -> None:
        for name, status in pods.items():
            fields = {key: value for key, value in status.items() if key != "ips"}
            ips = ip_arguments(status["ips"]) if "ips" in status else []
            self.namespace.status(name, *ips, **fields)

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
        """Write files, and remove those whose content is None."""
        for name, content in files.items():
            file = self._folder / name
            # Expanded first, because ${token} reads a file that this loop may replace.
            content = self._expand(content)
            if file.is_dir():
                shutil.rmtree(file)
            elif content is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def expand_all(self, texts: list[str]) -> list[str]:
        """Replace ${NAME} in texts."""
        return [self._expand(text) for text in texts]

    def _expand(self, text: T) -> T:
        if not isinstance(text, str):
            return text
        return re.sub(r"\$\{([^}]*)\}", lambda match: self._value_of(match.group(1)), text)

    def _value_of(self, name: str) -> str:
        if name.startswith("uid of "):
            return self.namespace.uid(name.removeprefix("uid of "))
        return {
            "namespace": lambda: self.namespace.name,
            "folder": lambda: str(self._folder),
            "token": lambda: (self._member.mount / "token").read_text().strip(),
            "kubeconfig": lambda: required_variable("KUBECONFIG"),
            "other CA": OTHER_CA.read_text,
            "beginning of other CA": lambda: OTHER_CA.read_text()[:200],
            "this machine": address_of_this_machine,
            "refusing port": self._refusing_port,
            "silent port": self._silent_port,
        }[name]()

    def _refusing_port(self) -> str:
        # Bound, so that no other process gets the port, but not listening.
        closed = self._sockets.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))
        return str(closed.getsockname()[1])

    def _silent_port(self) -> str:
        silent = self._sockets.enter_context(socket.create_server(("127.0.0.1", 0)))
        return str(silent.getsockname()[1])


def ip_arguments(ips: list[str]) -> list[str]:
    """Return arguments for the helper: an empty one removes all addresses, none keeps them."""
    return ips or [""]


def address_of_this_machine() -> str:
    """Return an address of this machine that other machines could reach."""
    for ip in interface_addresses():
        if not ip_address(ip).is_loopback and not ip_address(ip).is_link_local:
            return ip
    pytest.fail(
        "this machine has only loopback and link-local addresses; a pod always has another one"
    )


def interface_addresses() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode())
            # ioctl fails for an interface without an address.
            with contextlib.suppress(OSError):
                yield socket.inet_ntoa(fcntl.ioctl(any_socket, SIOCGIFADDR, request)[20:24])
