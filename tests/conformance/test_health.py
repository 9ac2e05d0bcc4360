"""How sure the answers are, and what is wrong if they are not."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from member import OWN, Member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probes import Probes

GOOD = "1 0 0 - -"


def becomes(probes: Probes, payload: str) -> None:
    """Wait until health is this: READ STALE POLLING STATUS CLASS."""
    line = probes.eventually("health", lambda line: line.payload == payload)
    assert line == ("health", "OK", False, 0, payload)


def test_good(member: Member) -> None:
    probes = member.registered()
    becomes(probes, GOOD)
    member.namespace.pod("a", "10.0.0.2")
    probes.follow(["10.0.0.2:3322"])
    assert probes.ask("health") == ("health", "OK", False, 0, GOOD)


def test_self_need_not_be_seen(process: Member) -> None:
    becomes(process.registered(pod_name=OWN), GOOD)


def unheard(member: Member, host: str, port: int | None = None) -> Probes:
    """Start with another server, and register: that nothing is heard of it is no error yet."""
    server = {"KUBERNETES_SERVICE_HOST": host}
    if port is not None:
        server["KUBERNETES_SERVICE_PORT"] = str(port)
    # Long enough to fail before it is over.
    return member.registered(server, register_timeout_ms="1000", request_timeout_ms="200")


def is_unavailable(probes: Probes, kind: str) -> None:
    """See that nothing is known, and why."""
    becomes(probes, f"0 1 0 UNAVAILABLE {kind}")
    for command in ("discover", "wait 0 0", "settle 0 0 0", "refresh 0", "explain json", "explain table", "nodes"):
        assert probes.ask(command)[1:4] == ("NOT_SYNCED", True, 0)


def test_refused(member: Member) -> None:
    # Bound, so that nobody else gets the port, but not listening.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        is_unavailable(unheard(member, "127.0.0.1", closed.getsockname()[1]), "unreachable")


def test_no_answer(member: Member) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        is_unavailable(unheard(member, "127.0.0.1", silent.getsockname()[1]), "timed-out")


def test_no_such_host(member: Member) -> None:
    probes = unheard(member, "no-such-host.invalid")
    is_unavailable(probes, "no-such-host")
    assert "no-such-host.invalid" in probes.ask("discover").message


@contextmanager
def replaced(file: Path, content: bytes | None) -> Iterator[None]:
    """Have a file hold something else for a while, or not be there."""
    before = file.read_bytes()
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    yield
    file.write_bytes(before)


@contextmanager
def another_ca(member: Member) -> Iterator[None]:
    with replaced(member.mount / "ca.crt", Path(__file__).with_name("other-ca.crt").read_bytes()):
        yield


@contextmanager
def garbage(member: Member) -> Iterator[None]:
    with replaced(member.mount / "token", b"garbage"):
        yield


@contextmanager
def no_token(member: Member) -> Iterator[None]:
    with replaced(member.mount / "token", None):
        yield


@contextmanager
def no_role(member: Member) -> Iterator[None]:
    member.namespace.account(verbs="")
    yield
    member.namespace.account()


#: What goes wrong later, and what health says of it. A request that is needed then fails.
TROUBLE = {
    "another CA": (another_ca, "TLS tls"),
    "another token": (garbage, "UNAUTHORIZED unauthorized"),
    "no token": (no_token, "NO_CREDENTIALS credentials"),
    "no Role": (no_role, "FORBIDDEN forbidden"),
}


@pytest.mark.parametrize(("trouble", "said"), TROUBLE.values(), ids=TROUBLE)
def test_trouble(member: Member, trouble: Callable[[Member], Iterator[None]], said: str) -> None:
    member.namespace.pod("a", "10.0.0.2")
    probes = member.registered()
    becomes(probes, GOOD)
    with trouble(member):
        # A watch is not ended by any of these, a list is asked for anew.
        assert {line.status for line in probes.each("refresh 100")} == {"STALE"}
        becomes(probes, f"1 0 0 {said}")
        # What is known stands.
        assert probes.ask("discover") == ("discover", "OK", False, 0, "10.0.0.2:3322")
        # But nobody knows whether it lasts.
        assert {line.status for line in probes.each("settle 1 0 100")} == {"TIMEOUT"}
    becomes(probes, GOOD)
    assert probes.ask("refresh 60000").status == "OK"
    assert probes.ask("settle 1 0 0").status == "OK"


def test_watching_is_forbidden(member: Member) -> None:
    member.namespace.account(verbs="list")
    probes = member.registered(poll_interval_ms="1000")
    assert probes.ask("discover") == ("discover", "OK", False, 0, "")
    # It is said why the pods are polled, though nothing is wrong with the answers.
    becomes(probes, "1 0 1 FORBIDDEN forbidden")
    member.namespace.pod("a", "10.0.0.2")
    probes.follow(["10.0.0.2:3322"])
    assert probes.ask("health").payload == "1 0 1 FORBIDDEN forbidden"


def test_polling(member: Member) -> None:
    # With watching forbidden it is seen that nobody tries.
    member.namespace.account(verbs="list")
    probes = member.registered(watch="poll", poll_interval_ms="1000")
    becomes(probes, "1 0 1 - -")
    for number in (2, 3):
        member.namespace.pod(f"pod-{number}", f"10.0.0.{number}")
        probes.follow(member.namespace.peers(OWN))
    assert probes.ask("health").payload == "1 0 1 - -"


def test_what_is_too_old_is_not_given_out(member: Member) -> None:
    member.namespace.pod("a", "10.0.0.2")
    probes = member.registered(max_stale_ms="1000", discover_timeout_ms="60000")
    # However quiet it is: the pods are listed anew.
    for _ in range(3):
        time.sleep(1.1)
        assert probes.ask("discover").payload == "10.0.0.2:3322"
