"""The namespace of a test, which the helper in $TESTENV changes."""

from __future__ import annotations

import json
import subprocess
import uuid
from typing import TYPE_CHECKING, Any

from reference import peer_addresses

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LABELS = ("app=conformance",)
PORTS = ("gossip=3322", "remoting=3320", "peers=3321")
ACCOUNT = "member"


class Namespace:
    """A new namespace for one test."""

    def __init__(self, program: str) -> None:
        self._program = program
        self.name = f"conformance-{uuid.uuid4().hex[:12]}"
        #: The tokens of this namespace, which no probe may print.
        self.tokens: list[str] = []
        self.create()

    def create(self) -> None:
        """Create the namespace, for the first time or after `destroy`."""
        self._run("namespace", self.name)

    def destroy(self) -> None:
        """Delete the namespace and everything in it."""
        self._run("delete-namespace", "--finalize", self.name)

    def account(self, name: str = ACCOUNT, verbs: str = "list,watch") -> None:
        """Create a service account, or change it, so that it may use these verbs on pods."""
        self._run("account", "--namespace", self.name, "--verbs", verbs, name)

    def renew_account(self) -> None:
        """Replace the service account, which invalidates its tokens."""
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
        """Create a pod.

        Args:
            name: The name of the pod.
            *ips: The addresses of the pod.
            phase: The phase of the pod.
            labels: The labels, as KEY=VALUE.
            ports: The named container ports, as NAME=NUMBER.
            ready: The condition Ready. None: the pod lacks it (takes two calls of the helper).
            node: The name of the node.
            started: The start time. None: now. "": the pod has none.
        """
        options = [f"--label={label}" for label in labels] + [f"--port={port}" for port in ports]
        options += [f"--node={node}"] if node is not None else []
        options += [f"--service-account={ACCOUNT}"]
        if ready is None:
            self._run("pod", "--namespace", self.name, *options, name)
        options += status_options(*ips, phase=phase, ready=ready, started=started)
        self._run("pod", "--namespace", self.name, *options, name)

    def status(self, name: str, *ips: str, **fields: Any) -> None:
        """Set the status of a pod, as its kubelet would."""
        self._run("pod", "--namespace", self.name, *status_options(*ips, **fields), name)

    def relabel(self, name: str, *labels: str) -> None:
        """Replace all labels of a pod."""
        self._run(
            "relabel", "--namespace", self.name, *(f"--label={label}" for label in labels), name
        )

    def terminate(self, name: str) -> None:
        """Set the deletionTimestamp of a pod without deleting it."""
        self._run("terminate", "--namespace", self.name, name)

    def delete(self, name: str) -> None:
        """Delete a pod at once."""
        self._run("delete", "--namespace", self.name, name)

    def mount(self, folder: Path, pod: str | None = None) -> Path:
        """Write a service account's folder, with a token bound to `pod` unless that is None."""
        bound = ["--pod", pod] if pod else []
        self._run(
            "mount", "--namespace", self.name, "--service-account", ACCOUNT, *bound, str(folder)
        )
        self.tokens.append((folder / "token").read_text().strip())
        return folder

    def pods(self, selector: str = LABELS[0]) -> list[dict[str, Any]]:
        """Return the pods from the API server."""
        items: list[dict[str, Any]] = self._list(selector)["items"]
        return items

    def resource_version(self) -> str:
        """Return the current resourceVersion of the API server."""
        version: str = self._list("")["metadata"]["resourceVersion"]
        return version

    def _list(self, selector: str) -> dict[str, Any]:
        pods: dict[str, Any] = json.loads(
            self._run("pods", "--namespace", self.name, "--selector", selector)
        )
        return pods

    def peers(self, self_pod: str | None) -> list[str]:
        """Return the expected addresses, computed from the API server's pods."""
        return peer_addresses(self.pods(), self_pod)

    def uid(self, name: str) -> str:
        return next(
            pod["metadata"]["uid"] for pod in self.pods() if pod["metadata"]["name"] == name
        )

    def _run(self, *arguments: str) -> str:
        return run_tool(self._program, *arguments)


def status_options(
    *ips: str, phase: str | None = None, ready: bool | None = None, started: str | None = None
) -> list[str]:
    """Return the helper's options for a pod's status. None keeps the current value."""
    options = [f"--ip={ip}" for ip in ips]
    options += [f"--phase={phase}"] if phase else []
    options += [f"--ready={str(ready).lower()}"] if ready is not None else []
    options += [f"--started={started}"] if started is not None else []
    return options


def run_tool(program: str, *arguments: str) -> str:
    """Run the helper and return its output."""
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout
