"""What the doctor finds if this pod cannot be a peer, and about other pods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_server import Behavior, FakeServer, Request, pod, pods
from reports import Report, report_of_server

ME = ("--set", "pod_name=me")
#: The fake server speaks http.
HTTP = {"TLS": "warning"}


def with_port(name: str, port: str) -> dict[str, Any]:
    """Return a pod whose only port has that name."""
    made = pod(name)
    made["spec"]["containers"][0]["ports"][0]["name"] = port
    return made


def with_label(name: str, label: str) -> dict[str, Any]:
    made = pod(name)
    made["metadata"]["labels"] = {"app": label}
    return made


def by_name_or_labels(listed: list[dict[str, Any]], own: dict[str, Any]) -> Behavior:
    """List one pod if it is requested by its name, and others by their labels."""

    def respond(request: Request) -> None:
        pods(*([own] if "fieldSelector" in request.path else listed))(request)

    return respond


def examine(tmp_path: Path, listing: Behavior, *arguments: str) -> Report:
    with FakeServer(listing) as server:
        return report_of_server(server, tmp_path, *arguments)


@pytest.mark.parametrize("others", [(), ("a",)], ids=["alone", "with a pod that has it"])
def test_pod_without_the_port(tmp_path: Path, others: tuple[str, ...]) -> None:
    report = examine(tmp_path, pods(*map(pod, others), with_port("me", "http")), *ME)
    assert report.flaws == {**HTTP, "ports": "wrong", "this pod": "wrong"}
    report.assert_has("me (http=3322)", "Fix ports, this pod:")
    # Both have the same fix.
    assert report.text.count("- {name: gossip, containerPort: NUMBER}") == 1


def test_pod_with_a_default_port(tmp_path: Path) -> None:
    options = (*ME, "--set", "default_discovery_port=1")
    assert examine(tmp_path, pods(with_port("me", "http")), *options).flaws == HTTP


@pytest.mark.parametrize("port", ["gossip", "http"])
def test_pod_that_has_ended(tmp_path: Path, port: str) -> None:
    ended = with_port("me", port)
    ended["status"]["phase"] = "Failed"
    options = ("--set", "pod_uid=me", "--set", "default_discovery_port=1")
    report = examine(tmp_path, pods(ended), *options)
    assert report.flaws == {**HTTP, "this pod": "wrong"}
    assert f"kubectl --kubeconfig={tmp_path}/kubeconfig" in report.fix_of("this pod")


def test_pod_without_an_address_of_the_family(tmp_path: Path) -> None:
    report = examine(tmp_path, pods(pod("me")), *ME, "--set", "ip_family=ipv6")
    assert report.flaws == {**HTTP, "this pod": "wrong"}
    assert "--set ip_family=VALUE or KUBEPEERS_IP_FAMILY" in report.fix_of("this pod")


@pytest.mark.parametrize("others", [(), ("a",)], ids=["alone", "with others"])
def test_pod_with_other_labels(tmp_path: Path, others: tuple[str, ...]) -> None:
    listing = by_name_or_labels([*map(pod, others)], with_label("me", "other"))
    report = examine(tmp_path, listing, *ME)
    labels = {} if others else {"labels": "wrong"}
    assert report.flaws == {**HTTP, **labels, "this pod": "wrong"}
    fix = report.fix_of("this pod")
    assert f"kubectl --kubeconfig={tmp_path}/kubeconfig get pods -n ns --show-labels" in fix
    assert "-l/--pod-labels or KUBEPEERS_POD_LABELS" in fix


def test_peers_without_the_other_ports(tmp_path: Path) -> None:
    options = ("--membership=observer", "--remoting-port-name=r", "--peers-port-name=p")
    report = examine(tmp_path, pods(pod("a")), *options)
    assert report.flaws == {**HTTP, "ports": "warning"}
    report.assert_has(
        "{name: r, containerPort: NUMBER}",
        "--remoting-port-name",
        "--set default_remoting_port=VALUE",
        "{name: p, containerPort: NUMBER}",
        "--peers-port-name",
        "--set default_peers_port=VALUE",
    )


def test_pods_that_are_not_running_or_not_ready(tmp_path: Path) -> None:
    unready = pod("b")
    unready["status"]["conditions"][0]["status"] = "False"
    unready["status"]["podIP"], unready["status"]["podIPs"] = "10.0.0.3", [{"ip": "10.0.0.3"}]
    listing = pods(pod("c", "Pending"), unready)
    report = examine(tmp_path, listing, "--membership=observer")
    assert set(report.flaws.values()) == {"warning"}
    report.assert_has(f"kubectl --kubeconfig={tmp_path}/kubeconfig", "describe pod")


def test_commands_have_no_names_that_kubernetes_does_not_allow(tmp_path: Path) -> None:
    report = examine(tmp_path, pods(pod("$(boom)", "Pending")), "--membership=observer")
    assert not any("boom" in step["fix"] for step in report.steps.values())
