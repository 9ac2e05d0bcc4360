"""How a key that is missing or wrong is to be given, in each command."""

from __future__ import annotations

import json
import subprocess

import pytest
from kubepeers.tool import options
from kubepeers.tool.settings import KEYS
from place import command, environment

COMMANDS = (["peers"], ["watch"], ["doctor"])
COMPLETE = {
    "KUBEPEERS_NAMESPACE": "ns",
    "KUBEPEERS_POD_LABELS": "app=demo",
    "KUBEPEERS_DISCOVERY_PORT_NAME": "gossip",
}

#: What is changed in that, and the hints that it takes.
HINTS: dict[str, tuple[dict[str, str], list[str]]] = {
    "no port name": (
        {"KUBEPEERS_DISCOVERY_PORT_NAME": ""},
        [
            "`discovery_port_name` is the option -p/--discovery-port-name or the variable KUBEPEERS_DISCOVERY_PORT_NAME"
        ],
    ),
    "no labels": (
        {"KUBEPEERS_POD_LABELS": ""},
        ["`pod_labels` is the option -l/--pod-labels or the variable KUBEPEERS_POD_LABELS"],
    ),
    "no namespace": (
        {"KUBEPEERS_NAMESPACE": ""},
        ["`namespace` is the option -n/--namespace or the variable KUBEPEERS_NAMESPACE"],
    ),
    "a bad port name": (
        {"KUBEPEERS_PEERS_PORT_NAME": "Bad!"},
        [
            "`peers_port_name` is the option --peers-port-name or the variable KUBEPEERS_PEERS_PORT_NAME"
        ],
    ),
    "a key without an option, and a value that is the name of another": (
        {"KUBEPEERS_READINESS": "watch"},
        ["`readiness` is the option --set readiness=VALUE or the variable KUBEPEERS_READINESS"],
    ),
    "a context alone": (
        {"KUBEPEERS_CONTEXT": "c"},
        [
            "`context` is the option --context or the variable KUBEPEERS_CONTEXT",
            "`kubeconfig` is the option --kubeconfig or the variable KUBEPEERS_KUBECONFIG",
        ],
    ),
    "not UTF-8": (
        {"KUBEPEERS_POD_LABELS": "app=\udcff"},
        ["`pod_labels` is the option -l/--pod-labels or the variable KUBEPEERS_POD_LABELS"],
    ),
}


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(("change", "expected"), HINTS.values(), ids=HINTS)
def test_the_option_and_the_variable_are_named(
    change: dict[str, str], expected: list[str], arguments: list[str]
) -> None:
    done = run(*arguments, **change)
    assert done.returncode == 2
    text = " ".join((done.stderr + done.stdout).split())
    assert text.count(" is the option ") == len(expected), text
    assert all(words in text for words in expected), text


def test_the_same_in_json() -> None:
    done = run("peers", "--json", KUBEPEERS_POD_LABELS="")
    message = json.loads(done.stdout)["error"]["message"]
    assert done.stderr == f"kubepeers: {message}\n"
    assert HINTS["no labels"][1][0] in message


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_what_is_no_key_is_looked_up_in_the_help(arguments: list[str]) -> None:
    done = run(*arguments, "--set", "nix=1")
    assert "kubepeers --help" in done.stdout + done.stderr


def test_every_key_is_either_an_option_or_a_pair() -> None:
    shown = run("peers", "--help").stdout
    for key in KEYS:
        option = options.option(key)
        assert option == f"--set {key}=VALUE" or all(flag in shown for flag in option.split("/"))
    assert options.option("membership") == "--membership"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a pod of sorts."""
    return subprocess.run(
        command(*arguments),
        env={**environment(), "KUBERNETES_SERVICE_HOST": "h", **COMPLETE, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
