"""What the doctor finds about pods that are probably not as intended."""

from __future__ import annotations

import socket

import pytest
from fixtures import Namespace
from reports import Report


def examine(namespace: Namespace, *arguments: str) -> Report:
    return Report(namespace.run("doctor", "--json", "--timeout", "60", *arguments))


def test_pods_that_are_no_peers_or_not_ready(namespace: Namespace) -> None:
    namespace.pod("pending", phase="Pending")
    namespace.pod("leaving", "10.0.0.3")
    namespace.testenv("terminate", "leaving")
    namespace.pod("unready", "10.0.0.4")
    namespace.testenv("pod", "--ready=false", "unready")
    namespace.pod("first", "10.0.0.5")
    namespace.testenv("pod", "--started=2026-01-31T12:00:00Z", "first")
    namespace.pod("second", "10.0.0.5")
    namespace.pod("good", "10.0.0.6", port="http=80")
    report = examine(namespace)
    assert "wrong" not in report.flaws.values() or report.flaws["ports"] == "wrong"
    report.assert_has("2 peers", "pending", "leaving", "unready", "first", "good (http=80)")


def test_other_ports(namespace: Namespace) -> None:
    namespace.pod("a", "10.0.0.3")
    report = examine(namespace, "--remoting-port-name=remoting")
    assert report.flaws == {"ports": "warning"}
    report.assert_has("remoting_port_name", "a")


def test_this_pod_is_terminating(namespace: Namespace) -> None:
    namespace.testenv("terminate", "me")
    assert examine(namespace).flaws == {"this pod": "warning"}


def test_polling_that_is_configured(namespace: Namespace) -> None:
    report = examine(namespace, "--set", "watch=poll")
    assert report.flaws == {}
    assert report.steps["watch"]["state"] == "ok"
    report.assert_has("lists the pods every 15s")


def test_kubeconfig_of_a_workstation(namespace: Namespace, cluster_kubeconfig: str) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "KUBEPEERS_SERVICE_ACCOUNT_DIR"):
        del namespace.environment[name]
    namespace.environment["KUBECONFIG"] = cluster_kubeconfig
    report = examine(namespace, "-n", namespace.name)
    assert report.flaws == {}
    report.assert_has(
        f"not in a pod: using the kubeconfig {cluster_kubeconfig}",
        "`membership` is `observer`",
        "1 peer: me",
    )
    assert examine(namespace).flaws == {"labels": "wrong"}


def test_everything_else_is_examined_without_an_identity(
    namespace: Namespace, cluster_kubeconfig: str
) -> None:
    options = ("--kubeconfig", cluster_kubeconfig, "--membership=member", "-n", namespace.name)
    report = examine(namespace, *options)
    assert report.flaws == {"this pod": "wrong"}
    assert report.steps["labels"]["state"] == "ok"
    report.assert_has("cannot identify the pod")


@pytest.mark.parametrize("accepts", [True, False])
def test_silent_server(namespace: Namespace, accepts: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64 if accepts else 0) as silent:
        address = silent.getsockname()
        # As many connections as the kernel accepts for a server that accepts none.
        fill = [] if accepts else [_connecting(address) for _ in range(8)]
        namespace.environment.update(
            KUBERNETES_SERVICE_HOST=address[0], KUBERNETES_SERVICE_PORT=str(address[1])
        )
        report = Report(
            namespace.run("doctor", "--json", "--set", "request_timeout_ms=300", "--timeout", "6")
        )
        for connection in fill:
            connection.close()
    assert report.flaws == {"API server": "wrong"}


def _connecting(address: tuple[str, int]) -> socket.socket:
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(address)
    return connection
