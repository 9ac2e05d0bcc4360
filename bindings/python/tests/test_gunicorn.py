"""gunicorn with an application that it loads before it forks the workers."""

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


def request(address: str) -> dict[str, Any]:
    """Make one request on a new connection."""
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(address)
    connection.request("GET", "/")
    response: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return response


@pytest.fixture
def server(
    cluster_options: Options, pod: tuple[str, ...], tmp_path: Path
) -> Iterator[subprocess.Popen[str]]:
    """A master with two workers. It listens on the socket `address` in the folder."""
    cluster(*pod, "--phase=Running", "--ip=10.0.0.2", "a")
    (tmp_path / "conf.py").write_text("from gunicorn_app import on_exit\n")
    # On a busy machine, gunicorn must not kill a slow worker.
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers=2", "--timeout=300"]
    with subprocess.Popen(
        [
            *command,
            f"--bind=unix:{tmp_path}/address",
            f"--config={tmp_path}/conf.py",
            "gunicorn_app:application",
        ],
        env={
            **os.environ,
            "PROVIDER": json.dumps(cluster_options),
            "PYTHONPATH": f"{HERE}:{HERE.parent}",
        },
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


def test_preloaded_provider_works_in_the_master_and_raises_forked_error_in_workers(
    server: subprocess.Popen[str], tmp_path: Path
) -> None:
    responses: dict[int, dict[str, Any]] = {}
    while len(responses) < 2:
        response = request(f"{tmp_path}/address")
        assert response == responses.setdefault(response["pid"], response)
    for response in responses.values():
        assert (response["inherited"], response["own"]) == ("FORKED", ["10.0.0.2:3322"])
    assert server.pid not in responses
    server.send_signal(signal.SIGTERM)
    output, errors = server.communicate(timeout=60)
    assert output == "master: ['10.0.0.2:3322']\n", errors
    assert server.returncode == 0
    assert "Traceback" not in errors
