"""The real gunicorn, with an application that is loaded before the workers are forked."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import cluster
from configuration import Options

HERE = Path(__file__).parent


def ask(address: str) -> dict[str, Any]:
    """Make one request, on a connection of its own."""
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(address)
    connection.request("GET", "/")
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


@pytest.fixture
def server(cluster_options: Options, pod: tuple[str, ...], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A master with two workers, that listens at `address` in the folder."""
    cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "a")
    (tmp_path / "conf.py").write_text("from gunicorn_app import on_exit\n")
    # A worker that a busy machine holds up is not to be killed for that.
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers=2", "--timeout=300"]
    with subprocess.Popen(
        [*command, f"--bind=unix:{tmp_path}/address", f"--config={tmp_path}/conf.py", "gunicorn_app:application"],
        env={**os.environ, "PROVIDER": json.dumps(cluster_options), "PYTHONPATH": f"{HERE}:{HERE.parent}"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as master:
        assert master.stderr
        for line in master.stderr:
            if "Booting worker" in line:
                break
        yield master
        master.kill()


def test_preload(server: subprocess.Popen[str], tmp_path: Path) -> None:
    first: dict[int, dict[str, Any]] = {}
    while len(first) < 2:
        answer = ask(f"{tmp_path}/address")
        known = first.setdefault(answer["pid"], answer)
        if known is not answer:
            assert answer == known
    for answer in first.values():
        assert (answer["inherited"], answer["own"]) == ("FORKED", ["10.0.0.2:3322"])
    assert server.pid not in first
    server.send_signal(signal.SIGTERM)
    output, errors = server.communicate(timeout=60)
    assert output == "master: ['10.0.0.2:3322']\n", errors
    assert server.returncode == 0
    assert "Traceback" not in errors
