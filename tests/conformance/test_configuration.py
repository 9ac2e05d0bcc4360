"""What init refuses. No cluster is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from member import required

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes import Probes

REQUIRED = list(required("default"))
OPTIONAL = [
    *("self", "pod_name", "pod_uid", "pod_ip", "register_timeout_ms", "discover_timeout_ms", "request_timeout_ms"),
    *("service_account_dir", "kubeconfig", "context", "readiness", "pending", "ip_family", "default_discovery_port"),
    *("default_remoting_port", "default_peers_port", "max_stale_ms", "watch", "poll_interval_ms"),
]

MALFORMED = [
    *[("namespace", value) for value in ("Default", "a.b", "-a", "a/../b", "a b", "a" * 64, "ä")],
    *[(key, value) for key in REQUIRED[1:4] for value in ("Gossip", "a--b", "-a", "1", "a_b", "a" * 16)],
    *[
        ("pod_labels", value)
        for value in ("app", "=x", "a=b,", "a=b,,c=d", "a=b=c", "a=b c", "a in (b)", "a=b,a=c", "a!=b")
    ],
    *[("pod_labels", value) for value in ("a=" + "b" * 64, "a/b/c=d", "a=ü", "a=\t\\n\n")],
    *[("self", value) for value in ("NONE", "no", " none")],
    *[("pod_name", value) for value in ("A", "a..b", "a/b", "a.b" * 85 + "c")],
    *[("register_timeout_ms", value) for value in ("-1", "+1", "1s", "1.5", "86400001", "99999999999999999999", " 1")],
    *[("discover_timeout_ms", value) for value in ("x", "-0.1")],
    *[("request_timeout_ms", value) for value in ("0", "86400001")],
    *[("readiness", value) for value in ("true", "Ready")],
    *[("pending", value) for value in ("true", "Include")],
    *[("ip_family", value) for value in ("IPv6", "6", "dual")],
    *[
        (f"default_{port}_port", value)
        for port in ("discovery", "remoting", "peers")
        for value in ("0", "65536", "-1", "+1", "gossip")
    ],
    *[("pod_ip", value) for value in ("10.0.0", "10.0.0.1:1", "10.0.0.1/8", "[fd00::1]", "fd00::1%eth0", "me")],
    *[("watch", value) for value in ("Poll", "none", "true")],
    *[(key, value) for key in ("max_stale_ms", "poll_interval_ms") for value in ("0", "999", "86400001", "1s")],
    # A context of nothing.
    ("context", "prod"),
]


def refused(start: Callable[..., Probes], settings: dict[str, str | bytes], status: str, *words: str) -> None:
    probes = start(settings)
    line = probes.ask("init")
    assert line[:4] == ("init", status, False, 0)
    for word in words:
        assert word in line.message
    # Nothing was left half done.
    assert probes.statuses("register", "discover", "wait 0 0", "deregister") == ["NOT_INITIALIZED"] * 4


@pytest.mark.parametrize("key", REQUIRED)
def test_missing(start: Callable[..., Probes], key: str) -> None:
    settings = required("default")
    del settings[key]
    refused(start, settings, "INVALID_CONFIG", f"`{key}`", "missing")


@pytest.mark.parametrize("key", REQUIRED + OPTIONAL)
def test_empty(start: Callable[..., Probes], key: str) -> None:
    refused(start, {**required("default"), key: ""}, "INVALID_CONFIG", f"`{key}`", "empty")


@pytest.mark.parametrize(("key", "value"), MALFORMED)
def test_malformed(start: Callable[..., Probes], key: str, value: str) -> None:
    refused(start, {**required("default"), key: value}, "INVALID_CONFIG", f"`{key}`")


@pytest.mark.parametrize("key", ["name_space", "", "Namespace", " namespace", "ключ"])
def test_unknown_key(start: Callable[..., Probes], key: str) -> None:
    refused(start, {**required("default"), key: "x"}, "UNKNOWN_KEY", f"`{key}`", *REQUIRED, *OPTIONAL)


@pytest.mark.parametrize("value", [b"\xff", b"a\xc3", b"\xed\xa0\x80", b"default\x80", b"\xc3\xa4\xff"])
def test_not_utf8(start: Callable[..., Probes], value: bytes) -> None:
    refused(start, {**required("default"), "namespace": value}, "INVALID_UTF8", "`namespace`", "UTF-8")


@pytest.mark.parametrize(
    "settings",
    [
        {"namespace": "a" * 63},
        {"pod_labels": "example.com/app_1.x=V-1,b="},
        {"register_timeout_ms": "0", "discover_timeout_ms": "86400000", "request_timeout_ms": "1"},
        {"self": "auto", "pod_name": "web-0.web", "pod_uid": "x"},
        {"pod_ip": "fd00::1", "watch": "poll", "poll_interval_ms": "1000", "max_stale_ms": "1000"},
        {"pod_ip": "10.0.0.1", "watch": "auto", "poll_interval_ms": "86400000", "max_stale_ms": "86400000"},
        {"default_discovery_port": "1", "default_remoting_port": "65535", "default_peers_port": "1"},
        {"kubeconfig": "there is none", "context": "prod"},
        {"service_account_dir": "there is none"},
    ],
)
def test_good(start: Callable[..., Probes], settings: dict[str, str | bytes]) -> None:
    assert start({**required("default"), **settings}).ask("init") == ("init", "OK", False, 0, "")
