"""What doctor says of this pod if it cannot be a peer, and of other pods and results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from place import environment
from pretender import Does, Pretender, pod, pods
from test_states import found_states, unmended

OPTIONS = ("-n", "ns", "-l", "app=demo", "-p", "gossip", "--set", "pod_name=me")
LABELS = "kubectl --kubeconfig={} get pods -n ns --show-labels"


def ported(name: str, port: str) -> dict[str, Any]:
    """Give a pod whose only port has that name."""
    made = pod(name)
    made["spec"]["containers"][0]["ports"][0]["name"] = port
    return made


def labelled(name: str, label: str) -> dict[str, Any]:
    made = pod(name)
    made["metadata"]["labels"] = {"app": label}
    return made


def asked_for(listed: list[dict[str, Any]], own: dict[str, Any]) -> Does:
    """Give one to who asks for it by name, and a list of others to who asks for labels."""

    def answer(request: Any) -> None:
        pods(*([own] if "fieldSelector" in request.path else listed))(request)

    return answer


def examined(server: Pretender, folder: Path, *arguments: str) -> tuple[dict[str, str], str]:
    """Give the steps that are not well, and all that is said."""
    command = [sys.executable, "-W", "error", "-m", "kubepeers", "doctor", *OPTIONS]
    done = subprocess.run(
        [*command, "--kubeconfig", server.kubeconfig(folder), *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    assert unmended(done.stdout) == set()
    found = found_states(done.stdout)
    return {
        name: state for name, state in found.items() if state not in ("ok", "not reached")
    }, done.stdout


@pytest.mark.parametrize("others", [(), ("a",)], ids=["alone", "beside one that has it"])
def test_without_the_port(tmp_path: Path, others: tuple[str, ...]) -> None:
    with Pretender(pods(*map(pod, others), ported("me", "http"))) as server:
        flaws, said = examined(server, tmp_path)
    assert flaws == {"ports": "wrong", "self": "wrong"}
    assert "no port named gossip: me (has http=3322)" in said
    assert "none lacks" not in said
    # Once, as it is one thing that is wrong.
    assert said.count("- {name: gossip, containerPort: NUMBER}") == 1
    assert "To fix `ports`, `self`:" in said


def test_with_a_number_instead_of_the_port(tmp_path: Path) -> None:
    with Pretender(pods(ported("me", "http"))) as server:
        assert examined(server, tmp_path, "--set", "default_discovery_port=1")[0] == {}


def test_ended(tmp_path: Path) -> None:
    with Pretender(pods(pod("me", "Failed"))) as server:
        flaws, said = examined(server, tmp_path, "--set", "pod_uid=me")
        assert flaws == {"self": "wrong"}
        assert f"kubectl --kubeconfig={tmp_path}/kubeconfig describe pod -n ns me" in said


def test_ended_with_a_number_instead_of_the_port(tmp_path: Path) -> None:
    ended = ported("me", "http")
    ended["status"]["phase"] = "Failed"
    with Pretender(pods(ended)) as server:
        flaws, said = examined(
            server, tmp_path, "--set", "pod_uid=me", "--set", "default_discovery_port=1"
        )
        assert flaws == {"self": "wrong"}
        assert "describe pod" in said


def test_without_an_address_of_the_family(tmp_path: Path) -> None:
    with Pretender(pods(pod("me"))) as server:
        flaws, said = examined(server, tmp_path, "--set", "ip_family=ipv6")
        assert flaws == {"self": "wrong"}
        assert "--set ip_family=" in said


@pytest.mark.parametrize("others", [(), ("a",)], ids=["alone", "beside others"])
def test_with_other_labels(tmp_path: Path, others: tuple[str, ...]) -> None:
    with Pretender(asked_for([*map(pod, others)], labelled("me", "other"))) as server:
        flaws, said = examined(server, tmp_path)
    assert flaws == {"self": "wrong"} if others else {"selector": "wrong", "self": "wrong"}
    assert LABELS.format(tmp_path / "kubeconfig") in said.partition("To fix `self`:")[2]
    assert "-l/--pod-labels or the variable KUBEPEERS_POD_LABELS" in said


def test_other_ports_of_peers(tmp_path: Path) -> None:
    options = ("--membership=observer", "--remoting-port-name=r", "--peers-port-name=p")
    with Pretender(pods(pod("a"))) as server:
        flaws, said = examined(server, tmp_path, *options)
    assert flaws == {"ports": "warning"}
    for words in (
        "- {name: r, containerPort: NUMBER}",
        "--remoting-port-name",
        "--set default_remoting_port=",
        "- {name: p, containerPort: NUMBER}",
        "--peers-port-name",
        "--set default_peers_port=",
    ):
        assert words in said


def test_pods_that_are_no_peers_are_to_be_looked_at(tmp_path: Path) -> None:
    unready = pod("b")
    unready["status"]["conditions"][0]["status"] = "False"
    unready["status"]["podIP"], unready["status"]["podIPs"] = "10.0.0.3", [{"ip": "10.0.0.3"}]
    with Pretender(pods(pod("c", "Pending"), unready)) as server:
        flaws, said = examined(server, tmp_path, "--membership=observer")
    assert flaws == {"peers": "warning"}
    assert f"kubectl --kubeconfig={tmp_path}/kubeconfig describe pod -n ns c b" in said


def test_no_proposed_command_contains_a_name_that_kubernetes_does_not_allow(tmp_path: Path) -> None:
    with Pretender(pods(pod("$(boom)", "Pending"))) as server:
        assert "boom" not in examined(server, tmp_path, "--membership=observer")[1]
