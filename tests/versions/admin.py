"""Creates pods over HTTP as an administrator, for tests that need exact times.

The helper program testenv is slower.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

if TYPE_CHECKING:
    from pathlib import Path


class Admin:
    """A client for the cluster of a kubeconfig.

    Threads may share it, because every call opens its own connection.
    """

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        url = urlsplit(cluster["server"])
        self._address = (url.hostname or "", url.port or 443)
        self._tls = ssl.create_default_context(cadata=authority)
        self._token = config["users"][0]["user"]["token"]

    def create_pod(
        self, namespace: str, name: str, labels: dict[str, str], port: tuple[str, int]
    ) -> str:
        """Create a Pending pod and return its uid."""
        container = {
            "name": "main",
            "image": "none",
            "ports": [{"name": port[0], "containerPort": port[1]}],
        }
        pod = {
            "metadata": {"name": name, "labels": labels},
            "spec": {"nodeName": "node-1", "containers": [container]},
        }
        created = self._call("POST", f"/api/v1/namespaces/{namespace}/pods", pod)
        uid: str = created["metadata"]["uid"]
        return uid

    def run_pod(self, namespace: str, name: str, ip: str) -> None:
        """Set the phase of a pod to Running, and its address."""
        status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}
        self._call(
            "PATCH", f"/api/v1/namespaces/{namespace}/pods/{name}/status", {"status": status}
        )

    def _call(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        connection = http.client.HTTPSConnection(*self._address, context=self._tls)
        try:
            headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
            connection.request(method, path, json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read().decode()
            assert response.status < 300, f"{method} {path}: {response.status} {text}"
            decoded: dict[str, Any] = json.loads(text)
            return decoded
        finally:
            connection.close()
