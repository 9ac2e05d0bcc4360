"""What the API server says of a pod, as explain is to tell it."""

from __future__ import annotations

from typing import Any

Pod = dict[str, Any]


def facts(pod: Pod) -> dict[str, Any]:
    """Give all that explain tells of a pod, but what it makes of that."""
    labels = pod["metadata"].get("labels", {})
    return {
        "name": name(pod),
        "uid": pod["metadata"]["uid"],
        "ips": [entry["ip"] for entry in pod["status"].get("podIPs", [])],
        "phase": pod["status"]["phase"],
        "ready": ready(pod),
        "terminating": "deletionTimestamp" in pod["metadata"],
        "node_name": pod["spec"].get("nodeName", ""),
        "revision": labels.get("controller-revision-hash") or labels.get("pod-template-hash", ""),
        "started": pod["status"].get("startTime") or pod["metadata"]["creationTimestamp"],
        "ports": [[port["name"], port["containerPort"]] for port in ports(pod)],
    }


def name(pod: Pod) -> str:
    text: str = pod["metadata"]["name"]
    return text


def ports(pod: Pod) -> list[dict[str, Any]]:
    """Give the ports that have a name."""
    return [port for container in pod["spec"]["containers"] for port in container.get("ports", []) if "name" in port]


def ready(pod: Pod) -> bool:
    return any((c["type"], c["status"]) == ("Ready", "True") for c in pod["status"].get("conditions", []))
