"""A reference implementation: the expected results for the API server's pods.

It is written from the specification, not from the library's code.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

Pod = dict[str, Any]


def peer_addresses(pods: list[Pod], self_pod: str | None, port_name: str = "gossip") -> list[str]:
    """Return the sorted addresses of the peers of the pod `self_pod`."""
    found = set()
    for pod in pods:
        metadata, status = pod["metadata"], pod["status"]
        if metadata["name"] == self_pod or "deletionTimestamp" in metadata:
            continue
        if status.get("phase") != "Running" or not status.get("podIP"):
            continue
        numbers = [port["containerPort"] for port in named_ports(pod) if port["name"] == port_name]
        if numbers:
            found.add((ip_address(status["podIP"]), numbers[0]))
    return [
        f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}"
        for ip, port in sorted(found, key=lambda peer: (peer[0].version, int(peer[0]), peer[1]))
    ]


def explained_fields(pod: Pod) -> dict[str, Any]:
    """Return the fields of a pod in explain, without its verdict and address."""
    metadata, status = pod["metadata"], pod["status"]
    labels = metadata.get("labels", {})
    return {
        "name": metadata["name"],
        "uid": metadata["uid"],
        "ips": [entry["ip"] for entry in status.get("podIPs", [])],
        "phase": status["phase"],
        "ready": is_ready(pod),
        "terminating": "deletionTimestamp" in metadata,
        "node_name": pod["spec"].get("nodeName", ""),
        "revision": labels.get("controller-revision-hash") or labels.get("pod-template-hash", ""),
        "started": status.get("startTime") or metadata["creationTimestamp"],
        "ports": [[port["name"], port["containerPort"]] for port in named_ports(pod)],
    }


def named_ports(pod: Pod) -> list[dict[str, Any]]:
    return [
        port
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
        if "name" in port
    ]


def is_ready(pod: Pod) -> bool:
    return any(
        (c["type"], c["status"]) == ("Ready", "True") for c in pod["status"].get("conditions", [])
    )
