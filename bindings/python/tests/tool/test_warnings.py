"""What doctor says of pods that are probably not meant to be as they are."""

from __future__ import annotations

import socket

import pytest
from place import Place


def told(place: Place, *arguments: str, code: int = 0) -> str:
    done = place.run("doctor", "--timeout", "60", *arguments)
    assert done.returncode == code, done.stdout
    return " ".join(done.stdout.split())


def test_pods_that_are_no_peers_or_not_ready(place: Place) -> None:
    place.pod("pending", phase="Pending")
    place.pod("leaving", "10.0.0.3")
    place.tell("terminate", "leaving")
    place.pod("unready", "10.0.0.4")
    place.tell("pod", "--ready=false", "unready")
    place.pod("first", "10.0.0.5")
    place.tell("pod", "--started=2026-01-31T12:00:00Z", "first")
    place.pod("second", "10.0.0.5")
    place.pod("good", "10.0.0.6", port="http=80")
    said = told(place)
    assert "peers warning 2 peers" in said
    for words in (
        "not Running: pending",
        "terminating: leaving",
        "peers, but not ready: unready",
        "at the address and port of another pod, which started later or is the own one: first",
        "ports warning no port named gossip: good (has http=80)",
        "well, but look at: ports, peers",
    ):
        assert words in said


def test_other_ports(place: Place) -> None:
    place.pod("a", "10.0.0.3")
    assert "no port named remoting (`remoting_port_name`): a" in told(
        place, "--remoting-port-name=remoting"
    )


def test_the_own_pod_is_terminating(place: Place) -> None:
    place.tell("terminate", "me")
    assert "self warning this process runs in pod `me`" in told(place)


def test_polling_that_was_asked_for(place: Place) -> None:
    assert "permission ok may list pods, which are polled" in told(place, "--set", "watch=poll")


def test_a_kubeconfig_is_no_pod(place: Place, cluster_kubeconfig: str) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "KUBEPEERS_SERVICE_ACCOUNT_DIR"):
        del place.environment[name]
    place.environment["KUBECONFIG"] = cluster_kubeconfig
    said = told(place, "-n", place.name)
    for words in (
        f"not in a pod: the kubeconfig {cluster_kubeconfig}",
        "membership = observer",
        "answer ok 1 peer: me",
    ):
        assert words in said
    assert "in namespace default" in told(place, code=1)


def test_all_else_is_examined_where_nothing_says_who_self_is(
    place: Place, cluster_kubeconfig: str
) -> None:
    said = told(
        place, "--kubeconfig", cluster_kubeconfig, "--membership=member", "-n", place.name, code=1
    )
    for words in (
        "selector ok 1 pod: me",
        "self wrong cannot identify the pod",
        "answer not reached",
        "wrong: self",
    ):
        assert words in said


@pytest.mark.parametrize("accepts", [True, False])
def test_a_silent_server(place: Place, accepts: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64 if accepts else 0) as silent:
        at = silent.getsockname()
        # As many connections as are accepted without anybody who does so.
        fill = [] if accepts else [_begun(at) for _ in range(8)]
        place.environment.update(KUBERNETES_SERVICE_HOST=at[0], KUBERNETES_SERVICE_PORT=str(at[1]))
        said = told(place, "--set", "request_timeout_ms=300", "--timeout", "6", code=1)
        for connection in fill:
            connection.close()
    assert "connection wrong" in said
    assert (
        "a plain connection can be made" if accepts else "a plain connection cannot be made either"
    ) in said


def _begun(at: tuple[str, int]) -> socket.socket:
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(at)
    return connection
