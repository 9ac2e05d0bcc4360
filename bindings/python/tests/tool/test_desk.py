"""What doctor advises where there is neither a pod nor a kubeconfig."""

from __future__ import annotations

import subprocess

import pytest
from place import command, environment

IN_A_POD = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}


@pytest.mark.parametrize("namespace", [[], ["-n", "default"]], ids=["no namespace", "namespace"])
def test_at_a_desk_it_is_a_kubeconfig_that_is_missing(namespace: list[str]) -> None:
    advice = advised(*namespace)
    assert "give --kubeconfig" in advice
    assert "automountServiceAccountToken" not in advice


@pytest.mark.parametrize("namespace", [[], ["-n", "default"]], ids=["no namespace", "namespace"])
def test_in_a_pod_it_is_the_service_account(namespace: list[str]) -> None:
    advice = advised(*namespace, "--set", "service_account_dir=/nowhere", **IN_A_POD)
    assert "automountServiceAccountToken: true" in advice
    assert "--kubeconfig" not in advice


def advised(*arguments: str, **variables: str) -> str:
    done = subprocess.run(
        command("doctor", "-l", "app=demo", "-p", "gossip", *arguments),
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    return " ".join(done.stdout.partition("To fix")[2].split())
