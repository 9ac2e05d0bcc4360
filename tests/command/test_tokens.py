"""Tokens that an HTTP header cannot carry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_server import FakeServer, pod, pods
from reports import report_of_server

#: A YAML value of a token, with a second line that is no token.
MALFORMED = '"se-cr-et\\nse-cr-et"'
EXPECTED = "expected one word of printable ASCII"


def plugin(folder: Path, token: str) -> str:
    """Write a login plugin that prints a token. Return the user of a kubeconfig."""
    path = folder / "plugin"
    printed = {"kind": "ExecCredential", "status": {"token": token}}
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(printed)}\nEND\n")
    path.chmod(0o700)
    version = "client.authentication.k8s.io/v1"
    return json.dumps({"exec": {"apiVersion": version, "command": str(path)}})


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (f"{{token: {MALFORMED}}}", "its `token` is not a token"),
        (
            f"{{auth-provider: {{name: oidc, config: {{id-token: {MALFORMED}}}}}}}",
            "its `id-token` is not a token",
        ),
        ("", "its login plugin returned a `token` that is not one"),
    ],
    ids=["kubeconfig", "auth-provider", "login plugin"],
)
def test_malformed_token_is_a_credentials_error(tmp_path: Path, user: str, words: str) -> None:
    with FakeServer(pods(pod("a"))) as server:
        user = user or plugin(tmp_path, "se-cr-et\nse-cr-et")
        report = report_of_server(server, tmp_path, user=user)
    assert report.flaws == {"credentials": "wrong"}
    report.assert_has("WRONG credentials: ", words, EXPECTED)


@pytest.mark.parametrize("source", ["kubeconfig", "login plugin"])
def test_space_around_a_token_is_removed(tmp_path: Path, source: str) -> None:
    with FakeServer(pods(pod("a"))) as server:
        user = '{token: "se-cr-et\\n"}'
        if source == "login plugin":
            user = plugin(tmp_path, "se-cr-et\r\n")
        report = report_of_server(server, tmp_path, user=user)
    assert "wrong" not in report.flaws.values()
