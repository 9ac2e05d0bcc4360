"""How to set a key that is missing or invalid, in each command."""

from __future__ import annotations

import json

import pytest
from fixtures import run_command

COMMANDS = ("peers", "watch", "explain")
COMPLETE = {
    "KUBERNETES_SERVICE_HOST": "h",
    "KUBEPEERS_NAMESPACE": "ns",
    "KUBEPEERS_POD_LABELS": "app=demo",
    "KUBEPEERS_DISCOVERY_PORT_NAME": "gossip",
}

#: What differs from that, and the hint.
HINTS = {
    "no port name": (
        {"KUBEPEERS_DISCOVERY_PORT_NAME": ""},
        "`discovery_port_name` with -p/--discovery-port-name or KUBEPEERS_DISCOVERY_PORT_NAME",
    ),
    "no labels": (
        {"KUBEPEERS_POD_LABELS": ""},
        "`pod_labels` with -l/--pod-labels or KUBEPEERS_POD_LABELS",
    ),
    "no namespace": (
        {"KUBEPEERS_NAMESPACE": "", "KUBERNETES_SERVICE_HOST": ""},
        "`namespace` with -n/--namespace or KUBEPEERS_NAMESPACE",
    ),
    "invalid port name": (
        {"KUBEPEERS_PEERS_PORT_NAME": "Bad!"},
        "`peers_port_name` with --peers-port-name or KUBEPEERS_PEERS_PORT_NAME",
    ),
    "key without an option, and a value that is another key": (
        {"KUBEPEERS_READINESS": "watch"},
        "`readiness` with --set readiness=VALUE or KUBEPEERS_READINESS",
    ),
    "default for a port without a name": (
        {"KUBEPEERS_DEFAULT_PEERS_PORT": "1"},
        "`peers_port_name` with --peers-port-name or KUBEPEERS_PEERS_PORT_NAME, and "
        "`default_peers_port` with --set default_peers_port=VALUE or KUBEPEERS_DEFAULT_PEERS_PORT",
    ),
    "not UTF-8": (
        {"KUBEPEERS_POD_LABELS": "app=\udcff"},
        "`pod_labels` with -l/--pod-labels or KUBEPEERS_POD_LABELS",
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("change", "expected"), HINTS.values(), ids=HINTS)
def test_option_and_variable_are_named(change: dict[str, str], expected: str, command: str) -> None:
    done = run_command(command, **{**COMPLETE, **change})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"(set {expected})"


def test_context_without_a_kubeconfig() -> None:
    done = run_command("peers", **COMPLETE, KUBEPEERS_CONTEXT="c")
    assert done.returncode == 2
    first, *_, last = done.stderr.splitlines()
    assert first == "kubepeers: there is no kubeconfig: /nonexistent/.kube/config"
    assert "`kubeconfig` with --kubeconfig or KUBEPEERS_KUBECONFIG" in last
    assert "`context` with --context or KUBEPEERS_CONTEXT" in last


def test_json_has_the_same_message() -> None:
    done = run_command("peers", "--json", **{**COMPLETE, "KUBEPEERS_POD_LABELS": ""})
    message = json.loads(done.stdout)["error"]["message"]
    assert done.stderr == f"kubepeers: {message}\n"
    assert HINTS["no labels"][1] in message


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_key_refers_to_the_help(command: str) -> None:
    done = run_command(command, "--set", "nix=1", **COMPLETE)
    assert (done.returncode, done.stdout) == (2, "")
    assert "`kubepeers --help` lists the keys" in done.stderr
