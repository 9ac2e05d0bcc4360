"""What the doctor advises if there is neither a pod nor a kubeconfig, or an invalid option."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from pathlib import Path

import pytest
from fixtures import base_environment, command_line, run_command
from states import OTHER_CA

IN_A_POD = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
REQUIRED = ("-l", "app=demo", "-p", "gossip")
with_and_without_namespace = pytest.mark.parametrize(
    "namespace", [[], ["-n", "default"]], ids=["no namespace", "namespace"]
)


def doctor(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    done = run_command("doctor", *REQUIRED, *arguments, **variables)
    assert done.stderr == ""
    return done


def advice(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join(done.stdout.partition("\nFix ")[2].split())


@with_and_without_namespace
def test_workstation_needs_a_kubeconfig(namespace: list[str]) -> None:
    done = doctor(*namespace)
    assert done.returncode == (1 if namespace else 2)
    assert "with --kubeconfig or KUBEPEERS_KUBECONFIG" in advice(done)
    assert "automountServiceAccountToken" not in advice(done)
    assert "there is no kubeconfig: /nonexistent/.kube/config" in " ".join(done.stdout.split())


@with_and_without_namespace
def test_pod_needs_a_service_account(namespace: list[str]) -> None:
    done = doctor(*namespace, "--set", "service_account_dir=/nowhere", **IN_A_POD)
    assert done.returncode == 1
    first = "WRONG credentials: no service account token is mounted at /nowhere"
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == (first, first)
    assert "automountServiceAccountToken: true" in advice(done)


@with_and_without_namespace
def test_variable_that_names_no_file(namespace: list[str]) -> None:
    done = doctor(*namespace, KUBECONFIG="/typo")
    assert done.returncode == (1 if namespace else 2)
    assert "KUBECONFIG names no file: /typo" in " ".join(done.stdout.split())


def test_unusable_kubeconfig(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text("[")
    done = doctor("--kubeconfig", str(path))
    assert done.returncode == 2
    text = " ".join(done.stdout.split())
    assert text.startswith(f"WRONG credentials: the kubeconfig {path} cannot be used: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "nix=1"], "`nix` is not a key"),
        (["--set", "readiness=maybe"], "with --set readiness=VALUE or KUBEPEERS_READINESS"),
        (["--set", "default_peers_port=1"], "set `peers_port_name` too"),
    ],
)
def test_invalid_configuration(arguments: list[str], words: str) -> None:
    done = doctor(*arguments, **IN_A_POD)
    assert done.returncode == 2
    assert done.stdout.startswith("WRONG configuration: ")
    assert words in " ".join(done.stdout.split())


@pytest.mark.parametrize("limit", [5, 6, 8])
def test_few_descriptors(tmp_path: Path, limit: int) -> None:
    """The cluster is not to blame."""
    shutil.copy(OTHER_CA, tmp_path / "ca.crt")
    (tmp_path / "token").write_text("a.b.c")
    done = subprocess.run(
        command_line(
            "doctor", *REQUIRED, "-n", "default", "--set", f"service_account_dir={tmp_path}"
        ),
        env={**base_environment(), **IN_A_POD},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "more open files" in advice(done)
    assert "kubectl" not in advice(done)


def test_incomplete_configuration() -> None:
    done = run_command("doctor", "--json", **IN_A_POD)
    assert done.returncode == 2
    report = json.loads(done.stdout)
    assert report["summary"].startswith("WRONG configuration: missing required configuration: set")
    assert "-l/--pod-labels or KUBEPEERS_POD_LABELS" in report["steps"][0]["fix"]
