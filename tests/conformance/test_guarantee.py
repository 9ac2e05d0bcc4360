"""The guarantee for two members, with pods and processes that start at random times."""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from answers import Answer
from member import required_settings, required_variable
from probes import HANG_TIMEOUT_S, Probe, base_environment

if TYPE_CHECKING:
    from pathlib import Path

    from namespace import Namespace
    from processes import Program

MEMBERS = 8
ROUNDS = 6
#: All members start within this time, so that their starts overlap.
START_WINDOW_S = 1.0

SERVER = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")

# The name of each round contains its seed. If GUARANTEE_SEED is the seed of a failed round, the
# first round repeats its delays. All xdist workers of a run must use the same seed.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID")
FIRST_SEED = int(os.environ.get("GUARANTEE_SEED") or random.Random(RUN).randrange(2**32))


def address(number: int) -> str:
    return f"10.0.0.{number + 1}:3322"


def start_pod(namespace: Namespace, number: int, delays: list[float]) -> None:
    """Create the pod of a member after one delay, and set it to Running after another."""
    ip, _ = address(number).split(":")
    created, running = sorted(delays)
    time.sleep(created)
    namespace.pod(f"pod-{number}", "", phase="Pending")
    time.sleep(running - created)
    namespace.status(f"pod-{number}", ip, phase="Running")


def first_answer(
    language: str, program: Program, arguments: list[bytes], delays: list[float]
) -> Answer:
    """Start a member after one delay, register after another, and return its first result."""
    started, registered = sorted(delays)
    time.sleep(started)
    environment = {**base_environment(), **{name: required_variable(name) for name in SERVER}}
    probe = Probe(language, program, arguments, environment)
    try:
        assert probe.call("init").status == "OK"
        time.sleep(registered - started)
        assert probe.call("register").status == "OK"
        return probe.call("discover")
    finally:
        assert probe.end() == (0, ""), language


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + ROUNDS))
def test_at_least_one_of_any_two_members_has_the_other_in_its_first_answer(
    namespace: Namespace, languages: dict[str, Program], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    namespace.account()
    settings = {
        **required_settings(namespace.name),
        "service_account_dir": str(namespace.mount(tmp_path / "mount")),
        "register_timeout_ms": "0",
        "discover_timeout_ms": str(int(HANG_TIMEOUT_S * 1000) // 2),
    }
    pods: list[Future[None]] = []
    answers: list[Future[Answer]] = []
    with ThreadPoolExecutor(2 * MEMBERS) as pool:
        for number in range(MEMBERS):
            language = chance.choice(list(languages))
            pod_name = {"pod_name": f"pod-{number}"}
            arguments = [
                f"{key}={value}".encode() for key, value in {**settings, **pod_name}.items()
            ]
            delays = [chance.uniform(0, START_WINDOW_S) for _ in range(4)]
            pods.append(pool.submit(start_pod, namespace, number, delays[:2]))
            answers.append(
                pool.submit(first_answer, language, languages[language], arguments, delays[2:])
            )
    for pod in pods:
        pod.result()
    first_answers = [answer.result() for answer in answers]
    assert [answer.status for answer in first_answers] == ["OK"] * MEMBERS, first_answers
    peers = [answer.payload.split() for answer in first_answers]
    for a, b in combinations(range(MEMBERS), 2):
        assert address(b) in peers[a] or address(a) in peers[b], (
            f"{address(a)}, {address(b)}, seed {seed}: {peers}"
        )
