"""The order of calls: each wrong one has its own status and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from member import Member, required

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes import Probes


#: What needs a registration.
ASKING = [
    *("discover", "nodes", "wait 0 0", "settle 0 0 0", "refresh 0"),
    *("health", "metrics", "explain json", "explain table", "deregister"),
]


def test_before_init(start: Callable[..., Probes]) -> None:
    probes = start(required("default"))
    for command in ("register", *ASKING):
        line = probes.ask(command)
        assert line[1:4] == ("NOT_INITIALIZED", False, 0)
        assert "init" in line.message


def test_init_twice(member: Member) -> None:
    probes = member.start()
    assert probes.ask("init").status == "OK"
    assert probes.ask("init")[:4] == ("init", "ALREADY_INITIALIZED", False, 0)
    # The first one is as good as before.
    assert probes.ask("register").status == "OK"
    assert probes.ask("init").status == "ALREADY_INITIALIZED"
    assert probes.ask("discover").status == "OK"


def test_before_register(member: Member) -> None:
    probes = member.start()
    assert probes.ask("init").status == "OK"
    for command in ASKING:
        line = probes.ask(command)
        assert line[1:4] == ("NOT_REGISTERED", False, 0)
    assert "register" in probes.ask("discover").message
    assert probes.ask("register").status == "OK"


def test_register_twice(member: Member) -> None:
    probes = member.registered()
    assert probes.ask("register")[:4] == ("register", "ALREADY_REGISTERED", False, 0)
    assert probes.ask("discover").status == "OK"


def test_register_again(member: Member) -> None:
    probes = member.registered()
    first, *_ = probes.ask("wait 0 0").payload.split()
    assert probes.ask("deregister") == ("deregister", "OK", False, 0, "")
    for command in ASKING:
        assert probes.ask(command)[1:4] == ("NOT_REGISTERED", False, 0)
    member.namespace.pod("other", "10.0.0.2")
    assert probes.ask("register").status == "OK"
    again, *peers = probes.ask("wait 0 0").payload.split()
    assert peers == ["10.0.0.2:3322"]
    assert int(again) > int(first)


def test_close(member: Member) -> None:
    probes = member.registered()
    assert probes.ask("close") == ("close", "OK", False, 0, "")
    for command in ("register", *ASKING):
        line = probes.ask(command)
        assert line[1:4] == ("CLOSED", False, 0)
        assert "closed" in line.message
    assert probes.ask("close") == ("close", "OK", False, 0, "")


def test_init_after_close(member: Member) -> None:
    probes = member.registered()
    assert probes.statuses("close", "init", "discover", "register", "discover") == [
        "OK",
        "OK",
        "NOT_REGISTERED",
        "OK",
        "OK",
    ]


def test_close_before_init(start: Callable[..., Probes]) -> None:
    probes = start(required("default"))
    assert probes.statuses("close", "discover", "init") == ["OK", "NOT_INITIALIZED", "OK"]


def test_close_without_register(member: Member) -> None:
    probes = member.start()
    assert probes.ask("init").status == "OK"
    assert probes.ask("close").status == "OK"
    assert probes.statuses("register") == ["CLOSED"]


def test_the_end_of_the_process_needs_no_goodbye(member: Member) -> None:
    # The probes end well while registered: the fixture looks at their exit status.
    assert member.registered().ask("discover").status == "OK"
