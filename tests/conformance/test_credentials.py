"""How the API server is found and spoken to, and what is said when that fails."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from member import Member, needed, required
from namespace import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes import Line, Probes

OTHER_CA = Path(__file__).with_name("other-ca.crt")


def refused(probes: Probes, status: str, http_status: int, *words: str) -> Line:
    """See that register fails for good, and leaves nothing running."""
    assert probes.ask("init").status == "OK"
    line = probes.ask("register")
    assert line[:4] == ("register", status, False, http_status)
    for word in words:
        assert word in line.message
    assert probes.ask("discover").status == "NOT_REGISTERED"
    # It may be tried again, with the same outcome.
    assert probes.ask("register") == line
    return line


@pytest.mark.parametrize("missing", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
@pytest.mark.parametrize("empty", [False, True])
def test_not_in_a_cluster(member: Member, missing: str, empty: bool) -> None:
    if empty:
        member.environment[missing] = ""
    else:
        del member.environment[missing]
    refused(member.start(), "NOT_IN_CLUSTER", 0, missing, "`kubeconfig`")


@pytest.mark.parametrize("port", ["https", "0x1bb", "65536", "-1"])
def test_malformed_server(member: Member, port: str) -> None:
    refused(member.start({"KUBERNETES_SERVICE_PORT": port}), "NOT_IN_CLUSTER", 0, "KUBERNETES_SERVICE_PORT", port)


# What is written into which file; None: the file is not there.
BROKEN = {
    "no token": ("token", None),
    "empty token": ("token", b""),
    "blank token": ("token", b" \n"),
    "token of two words": ("token", b"a b"),
    "token not text": ("token", b"\xff\xfe"),
    "no CA": ("ca.crt", None),
    "empty CA": ("ca.crt", b""),
    "CA not PEM": ("ca.crt", b"this is no certificate\n"),
    "CA cut short": ("ca.crt", OTHER_CA.read_bytes()[:200]),
}


@pytest.mark.parametrize(("name", "content"), BROKEN.values(), ids=BROKEN)
def test_broken_mount(member: Member, name: str, content: bytes | None) -> None:
    file = member.mount / name
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    refused(member.start(), "NO_CREDENTIALS", 0, str(file))


def test_no_mount(member: Member) -> None:
    shutil.rmtree(member.mount)
    refused(
        member.start(), "NO_CREDENTIALS", 0, str(member.mount), "service_account_dir", "automountServiceAccountToken"
    )


def test_another_clusters_ca(member: Member) -> None:
    shutil.copy(OTHER_CA, member.mount / "ca.crt")
    refused(member.start(), "TLS", 0, "ca.crt", "certificate", "not signed by the CA")


def test_a_certificate_for_other_names(member: Member) -> None:
    # Leads to this machine, too, but the certificate is for 127.0.0.1 and for names.
    refused(member.start({"KUBERNETES_SERVICE_HOST": "0.0.0.0"}), "TLS", 0, "0.0.0.0", "certificate", "other names")


def test_another_clusters_token(member: Member) -> None:
    (member.mount / "token").write_text("garbage")
    refused(member.start(self="none"), "UNAUTHORIZED", 401, "token")


def test_a_token_may_end_with_a_newline(member: Member) -> None:
    token = member.mount / "token"
    token.write_text(token.read_text().strip() + "\n\n")
    assert member.registered().ask("discover").status == "OK"


@pytest.mark.parametrize("verbs", ["", "get", "watch"])
def test_forbidden(member: Member, verbs: str) -> None:
    member.namespace.account(verbs=verbs)
    words = (
        "may not list pods",
        "kind: Role",
        "kind: RoleBinding",
        "list, watch",
        f"`{ACCOUNT}`",
        f"name: {ACCOUNT}",
        member.namespace.name,
    )
    refused(member.start(), "FORBIDDEN", 403, *words)


def test_forbidden_but_nobody_waited_for_the_answer(member: Member) -> None:
    member.namespace.account(verbs="")
    probes = member.registered(register_timeout_ms="0")
    # At first it may be an API server that starts. Later it is not for the caller to retry, though the watcher does.
    line = probes.eventually("discover", lambda line: line.http_status != 0 and not line.retryable)
    assert line[:4] == ("discover", "NOT_SYNCED", False, 403)
    assert "kind: Role" in line.message
    member.namespace.account()
    probes.eventually("discover", lambda line: line.status == "OK")


def test_nobody_listens(member: Member) -> None:
    # Bound, so that nobody else gets the port, but not listening.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        probes = member.start(
            {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(closed.getsockname()[1])},
            # Long enough to fail before it is over.
            register_timeout_ms="1000",
        )
        probes.register()
        line = probes.eventually("discover", lambda line: "refused" in line.message)
    assert line[:4] == ("discover", "NOT_SYNCED", True, 0)
    assert f"`{member.namespace.name}`" in line.message


def test_nobody_answers(member: Member) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        probes = member.start(
            {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(silent.getsockname()[1])},
            # Long enough to fail before it is over.
            register_timeout_ms="1000",
            request_timeout_ms="200",
        )
        probes.register()
        line = probes.eventually("discover", lambda line: "does not answer" in line.message)
    assert line[:4] == ("discover", "NOT_SYNCED", True, 0)


class TestKubeconfig:
    """Outside a cluster."""

    def test_works(self, process: Member, start: Callable[..., Probes]) -> None:
        process.namespace.pod("a", "10.0.0.2")
        probes = start({**required(process.namespace.name), "kubeconfig": needed("KUBECONFIG"), "self": "none"})
        probes.register()
        assert probes.ask("discover").payload == "10.0.0.2:3322"

    def test_the_machine_is_no_pod(self, start: Callable[..., Probes]) -> None:
        probes = start({**required("default"), "kubeconfig": needed("KUBECONFIG")}, {"HOSTNAME": "laptop"})
        refused(probes, "NO_IDENTITY", 0, "`self` = `none`")

    @pytest.mark.parametrize("content", [None, b"", b"\xff", b"{", b"apiVersion: v1\nkind: Config\n"])
    def test_unusable(self, start: Callable[..., Probes], tmp_path: Path, content: bytes | None) -> None:
        file = tmp_path / "kubeconfig"
        if content is not None:
            file.write_bytes(content)
        probes = start({**required("default"), "kubeconfig": str(file), "self": "none"})
        refused(probes, "NO_CREDENTIALS", 0, str(file))

    def test_no_such_context(self, start: Callable[..., Probes]) -> None:
        settings = {**required("default"), "kubeconfig": needed("KUBECONFIG"), "context": "no-such", "self": "none"}
        refused(start(settings), "NO_CREDENTIALS", 0, os.environ["KUBECONFIG"], "no-such")
