"""The verdict on every pod, reckoned anew: from what the header says, not from the code."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Pod = dict[str, Any]


class Place(NamedTuple):
    """Where a pod is found, as far as it has an address and a port."""

    ip: IPv4Address | IPv6Address | None
    port: int | None

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if self.ip and self.ip.version == 6 else f"{self.ip}:{self.port}"


def reasons(pods: list[Pod], own: str, settings: Mapping[str, str]) -> dict[str, set[str]]:
    """Give all reasons there are to leave each pod out. A pod without any is a peer."""
    found = {name(pod): {"self"} if name(pod) == own else alone(pod, settings) for pod in pods}
    # The own pod's address is nobody else's. Of others that would be peers the last has it.
    taken = [place(pod, settings) for pod in pods if name(pod) == own]
    for pod in sorted(pods, key=started, reverse=True):
        if name(pod) != own and place(pod, settings) in taken:
            found[name(pod)].add("address-taken")
        elif not found[name(pod)]:
            taken.append(place(pod, settings))
    return found


def alone(pod: Pod, settings: Mapping[str, str]) -> set[str]:
    """Give the reasons that have nothing to do with other pods."""
    phases = ["Running", "Pending"] if settings.get("pending") == "include" else ["Running"]
    where = place(pod, settings)
    reasons = {
        "not-running": pod["status"]["phase"] not in phases,
        "terminating": "deletionTimestamp" in pod["metadata"],
        "no-ip": not ips(pod),
        "no-ip-of-family": bool(ips(pod)) and where.ip is None,
        "no-discovery-port": where.port is None,
        "not-ready": settings.get("readiness") == "ready" and not ready(pod),
    }
    return {reason for reason, holds in reasons.items() if holds}


def place(pod: Pod, settings: Mapping[str, str]) -> Place:
    """Give the address that counts, and the discovery port."""
    family = {"ipv4": [4], "ipv6": [6]}.get(settings.get("ip_family", "primary"), [4, 6])
    fitting = [ip for ip in map(ip_address, ips(pod)) if ip.version in family]
    default = settings.get("default_discovery_port")
    port = ports(pod).get("gossip", int(default) if default else None)
    return Place(fitting[0] if fitting else None, port)


def name(pod: Pod) -> str:
    text: str = pod["metadata"]["name"]
    return text


def ips(pod: Pod) -> list[str]:
    return [entry["ip"] for entry in pod["status"].get("podIPs", [])]


def ports(pod: Pod) -> dict[str, int]:
    """Give the named ports."""
    all_ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
    return {port["name"]: port["containerPort"] for port in all_ports if "name" in port}


def ready(pod: Pod) -> bool:
    return any((c["type"], c["status"]) == ("Ready", "True") for c in pod["status"].get("conditions", []))


def started(pod: Pod) -> str:
    """Give when it did; texts of this form sort as the times do."""
    text: str = pod["status"].get("startTime") or pod["metadata"]["creationTimestamp"]
    return text
