"""What a test needs of a cluster, by way of the helper in $TESTENV; and what the peers are, reckoned anew."""

from __future__ import annotations

import json
import subprocess
import uuid
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LABELS = ("app=conformance",)
PORTS = ("gossip=3322", "remoting=3320", "peers=3321")
ACCOUNT = "member"


class Namespace:
    """A namespace of one test's own."""

    def __init__(self, program: str) -> None:
        self._program = program
        self.name = f"conformance-{uuid.uuid4().hex[:12]}"
        #: The tokens of this namespace. None of them may ever be printed.
        self.tokens: list[str] = []
        self.create()

    def create(self) -> None:
        """Make the namespace, again if it was destroyed."""
        self._run("namespace", self.name)

    def destroy(self) -> None:
        """Delete the namespace and all that is in it."""
        self._run("delete-namespace", "--finalize", self.name)

    def account(self, name: str = ACCOUNT, verbs: str = "list,watch") -> None:
        """Make a service account that may do this with pods."""
        self._run("account", "--namespace", self.name, "--verbs", verbs, name)

    def renew_account(self) -> None:
        """Make another service account of the same name and with the same role. The tokens of the former one end."""
        self._run("delete-account", "--namespace", self.name, ACCOUNT)
        self.account()

    def pod(
        self,
        name: str,
        *ips: str,
        phase: str = "Running",
        labels: Iterable[str] = LABELS,
        ports: Iterable[str] = PORTS,
        ready: bool | None = False,
        node: str | None = None,
        started: str | None = None,
    ) -> None:
        """Make a pod. Without a time it has started now; with an empty one it is not said when.

        None for `ready` is for a pod that does not say so, which takes the helper twice as long.
        """
        described = [f"--label={label}" for label in labels] + [f"--port={port}" for port in ports]
        described += [f"--node={node}"] if node is not None else []
        described += [f"--service-account={ACCOUNT}"]
        if ready is None:
            self._run("pod", "--namespace", self.name, *described, name)
        described += state(*ips, phase=phase, ready=ready, started=started)
        self._run("pod", "--namespace", self.name, *described, name)

    def status(self, name: str, *ips: str, **described: Any) -> None:
        """Set what a kubelet would set."""
        self._run("pod", "--namespace", self.name, *state(*ips, **described), name)

    def relabel(self, name: str, *labels: str) -> None:
        """Give a pod these labels and no others."""
        self._run("relabel", "--namespace", self.name, *(f"--label={label}" for label in labels), name)

    def terminate(self, name: str) -> None:
        """Delete a pod, which stays, with its deletionTimestamp."""
        self._run("terminate", "--namespace", self.name, name)

    def delete(self, name: str) -> None:
        """Delete a pod, which is gone at once."""
        self._run("delete", "--namespace", self.name, name)

    def mount(self, folder: Path, pod: str | None = None) -> Path:
        """Make a service account's folder, its token bound to the pod, if any."""
        bound = ["--pod", pod] if pod else []
        self._run("mount", "--namespace", self.name, "--service-account", ACCOUNT, *bound, str(folder))
        self.tokens.append((folder / "token").read_text().strip())
        return folder

    def pods(self, selector: str = LABELS[0]) -> list[dict[str, Any]]:
        """Give the pods as the API server has them."""
        items: list[dict[str, Any]] = self._list(selector)["items"]
        return items

    def resource_version(self) -> str:
        """Give the moment that the API server's store is at."""
        version: str = self._list("")["metadata"]["resourceVersion"]
        return version

    def _list(self, selector: str) -> dict[str, Any]:
        pods: dict[str, Any] = json.loads(self._run("pods", "--namespace", self.name, "--selector", selector))
        return pods

    def peers(self, own: str | None) -> list[str]:
        """Give what the answer must be, reckoned from the pods that the API server has now."""
        return addresses(self.pods(), own)

    def uid(self, name: str) -> str:
        """Give a pod's uid."""
        return next(pod["metadata"]["uid"] for pod in self.pods() if pod["metadata"]["name"] == name)

    def _run(self, *arguments: str) -> str:
        return run(self._program, *arguments)


def state(*ips: str, phase: str | None = None, ready: bool | None = None, started: str | None = None) -> list[str]:
    """Give the options of the helper for a pod's state; None leaves what there is."""
    options = [f"--ip={ip}" for ip in ips]
    options += [f"--phase={phase}"] if phase else []
    options += [f"--ready={str(ready).lower()}"] if ready is not None else []
    options += [f"--started={started}"] if started is not None else []
    return options


def run(program: str, *arguments: str) -> str:
    """Run the helper, and give what it prints."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def addresses(pods: list[dict[str, Any]], own: str | None, port_name: str = "gossip") -> list[str]:
    """Give the addresses of the peers among the pods, in order: made from the specification, not from the code."""
    found = set()
    for pod in pods:
        metadata, status = pod["metadata"], pod["status"]
        if metadata["name"] == own or "deletionTimestamp" in metadata:
            continue
        if status.get("phase") != "Running" or not status.get("podIP"):
            continue
        ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
        numbers = [port["containerPort"] for port in ports if port.get("name") == port_name]
        if numbers:
            found.add((ip_address(status["podIP"]), numbers[0]))
    return [
        f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}"
        for ip, port in sorted(found, key=lambda peer: (peer[0].version, int(peer[0]), peer[1]))
    ]
