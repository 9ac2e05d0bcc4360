"""The examination of every step of discovery."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from pathlib import Path
from typing import Any

import kubepeers
import pytest
from cluster import cluster
from configuration import REQUIRED, Options
from kubepeers import ConfigError, Report, Step, doctor

#: Bounds what would otherwise hang. No test expects anything to happen within it.
HANG_TIMEOUT_S = 300


def step(report: Report, name: str) -> Step:
    (found,) = (step for step in report.steps if step.name == name)
    return found


def states(report: Report) -> dict[str, str]:
    """Return the states of the steps that are neither ok nor not reached."""
    return {
        step.name: step.state for step in report.steps if step.state not in ("ok", "not-reached")
    }


def test_all_is_well_for_an_observer(cluster_options: Options, pod: tuple[str, ...]) -> None:
    cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "--port=remoting=1", "--port=peers=2", "a")
    report = doctor(**cluster_options, timeout=HANG_TIMEOUT_S)
    assert (report.outcome, states(report)) == ("ok", {}), report.text
    assert report.summary == "OK: 1 peer"
    lines = str(report).splitlines()
    assert lines[0] == lines[-1] == report.summary
    assert all(step.facts and not step.fix and step.manifest is None for step in report.steps)


def test_tasks_examine_in_a_thread(cluster_options: Options) -> None:
    async def main() -> Report:
        return await asyncio.to_thread(doctor, **cluster_options, timeout=HANG_TIMEOUT_S)

    report = asyncio.run(main())
    assert states(report) == {"labels": "wrong"}, report.text


@pytest.fixture
def in_pod(namespace: str, pod: tuple[str, ...], tmp_path: Path) -> Options:
    """Options of a process in the pod `me`."""
    cluster(*pod, "--phase=Running", "--ip=10.0.0.1", "me")
    mount = tmp_path / "mount"
    cluster("mount", "--namespace", namespace, "--service-account=member", "--pod=me", str(mount))
    return {**REQUIRED, "namespace": namespace, "service_account_dir": mount}


def test_manifest_of_the_missing_role_fixes_it(namespace: str, in_pod: Options) -> None:
    cluster("account", "--namespace", namespace, "--verbs=", "member")
    report = doctor(**in_pod, timeout=HANG_TIMEOUT_S)
    assert states(report) == {"list": "wrong"}, report.text
    account = f"{namespace}/member"
    assert (
        report.summary
        == f"WRONG list: service account {account} may not list pods in namespace {namespace}"
    )
    assert report.manifest
    assert report.manifest == step(report, "list").manifest
    assert f"END'\n{report.manifest}END\n" in report.text
    token = (in_pod["service_account_dir"] / "token").read_text()
    assert not any(part in repr(report) for part in token.strip().split("."))

    cluster("account", "--namespace", namespace, "member")
    report = doctor(**in_pod, timeout=HANG_TIMEOUT_S)
    assert step(report, "this pod").facts == ("this pod is me at 10.0.0.1:3322",)
    assert report.manifest is None


def test_unreachable_server_is_reported_in_time(options: Options) -> None:
    report = doctor(**options, timeout=3)
    assert states(report) == {"API server": "wrong"}, report.text
    assert step(report, "TLS") == Step("TLS", "not-reached", (), "", None)


def test_missing_options_are_a_step() -> None:
    report = doctor()
    assert states(report) == {"configuration": "wrong"}
    assert "`pod_labels` and `discovery_port_name`" in report.summary


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pod_label": {}}, "did you mean `pod_labels`?"),
        ({"max_stale": 0.1}, "`max_stale`"),
        ({"namespace": "No Such"}, "`namespace`"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        doctor(**options)


def test_child_process_can_examine(options: Options) -> None:
    doctor(**options, timeout=0)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, doctor(**options, timeout=0).outcome.encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as stream:
        assert stream.read() == "wrong"


def test_timeout_must_be_a_time(options: Options) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        doctor(**options, timeout=-1)


def test_report_is_an_immutable_value() -> None:
    report = doctor()
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.outcome = "ok"  # type: ignore[misc]
    assert kubepeers.Report is Report
    assert {report: 1}[dataclasses.replace(report)] == 1
