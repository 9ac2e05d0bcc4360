"""What discover_peers guarantees of any two members, with processes and pods that begin at random moments."""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from member import needed, required
from probes import PATIENCE, Line, Probe, base_environment

if TYPE_CHECKING:
    from pathlib import Path

    from namespace import Namespace

MEMBERS = 8
ROUNDS = 6
#: Seconds in which all of them begin: short, so that they come upon each other.
BUSTLE = 1.0

SERVER = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")

# A round has its seed in its name. With GUARANTEE_SEED set to that of one that failed, the first has its moments again.
# All workers of one run must choose the same one; without workers it is any.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID")
FIRST_SEED = int(os.environ.get("GUARANTEE_SEED") or random.Random(RUN).randrange(2**32))


def address(number: int) -> str:
    return f"10.0.0.{number + 1}:3322"


def run_pod(namespace: Namespace, number: int, moments: list[float]) -> None:
    """Make the pod of a member, and make it Running after a while."""
    ip, _ = address(number).split(":")
    pending, running = sorted(moments)
    time.sleep(pending)
    namespace.pod(f"pod-{number}", "", phase="Pending")
    time.sleep(running - pending)
    namespace.status(f"pod-{number}", ip, phase="Running")


def first_answer(language: str, command: list[str | bytes], moments: list[float]) -> Line:
    """Start the process of a member, register after a while, and give the first answer of discover."""
    start, register = sorted(moments)
    time.sleep(start)
    probe = Probe(language, command, {**base_environment(), **{name: needed(name) for name in SERVER}})
    try:
        assert probe.ask("init").status == "OK"
        time.sleep(register - start)
        assert probe.ask("register").status == "OK"
        return probe.ask("discover")
    finally:
        assert probe.end() == (0, ""), language


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + ROUNDS))
def test_of_any_two_one_sees_the_other(
    namespace: Namespace, languages: dict[str, list[str]], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    namespace.account()
    settings = {
        **required(namespace.name),
        "service_account_dir": str(namespace.mount(tmp_path / "mount")),
        "register_timeout_ms": "0",
        "discover_timeout_ms": str(int(PATIENCE * 1000) // 2),
    }
    pods: list[Future[None]] = []
    answers: list[Future[Line]] = []
    with ThreadPoolExecutor(2 * MEMBERS) as pool:
        for number in range(MEMBERS):
            language = chance.choice(list(languages))
            arguments = [f"{key}={value}" for key, value in {**settings, "pod_name": f"pod-{number}"}.items()]
            moments = [chance.uniform(0, BUSTLE) for _ in range(4)]
            pods.append(pool.submit(run_pod, namespace, number, moments[:2]))
            answers.append(pool.submit(first_answer, language, [*languages[language], *arguments], moments[2:]))
    for pod in pods:
        pod.result()
    lines = [answer.result() for answer in answers]
    assert [line.status for line in lines] == ["OK"] * MEMBERS, lines
    seen = [line.payload.split() for line in lines]
    for a, b in combinations(range(MEMBERS), 2):
        assert address(b) in seen[a] or address(a) in seen[b], f"{address(a)} and {address(b)}, seed {seed}: {seen}"
