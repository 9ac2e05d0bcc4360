"""Reports of the doctor."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from fake_server import FakeServer
from fixtures import run_command

STEPS = [
    "configuration", "credentials", "API server", "TLS", "login", "list", "watch", "labels",
    "ports", "this pod", "answer",
]  # fmt: skip
#: Options for a fake server, with time for a busy machine.
OPTIONS = ("-n", "ns", "-l", "app=demo", "-p", "gossip", "--timeout", "60")
#: Steps that the examination finds whether or not those before them are wrong.
INDEPENDENT = ("labels", "ports", "this pod", "answer")


class Report:
    """A report that was printed as JSON."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        assert done.stderr == "", done.stderr
        self.json: dict[str, Any] = json.loads(done.stdout)
        self.steps = {step["name"]: step for step in self.json["steps"]}
        assert list(self.steps) == STEPS
        #: The text without the breaks of lines.
        self.text = " ".join(self.json["text"].split())
        #: The steps that are wrong or a warning.
        self.flaws = {
            name: step["state"]
            for name, step in self.steps.items()
            if step["state"] not in ("ok", "not-reached")
        }
        assert all(self.steps[name]["fix"] for name in self.flaws)
        wrong = [name for name, state in self.flaws.items() if state == "wrong"]
        assert done.returncode == (2 if "configuration" in wrong else bool(wrong))
        if wrong and wrong[0] not in INDEPENDENT:
            later = STEPS[STEPS.index(wrong[0]) + 1 :]
            states = {self.steps[name]["state"] for name in later}
            assert "wrong" not in states

    def assert_has(self, *words: str) -> None:
        missing = [word for word in words if word not in self.text]
        assert missing == [], self.json["text"]

    def fix_of(self, step: str) -> str:
        return " ".join(self.steps[step]["fix"].split())


def report_of_server(server: FakeServer, folder: Path, *arguments: str, user: str = "") -> Report:
    """Examine a fake server."""
    kubeconfig = server.kubeconfig(folder, user) if user else server.kubeconfig(folder)
    done = run_command("doctor", "--json", *OPTIONS, "--kubeconfig", kubeconfig, *arguments)
    assert "se-cr-et" not in done.stdout
    return Report(done)
