"""The options of the constructors, and the conversion of times and numbers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from configuration import REQUIRED, Options
from kubepeers import AsyncProvider, ConfigError, Provider, Status, _config

#: Values for all options that `options` does not have.
MORE_OPTIONS: Options = {
    "pod_uid": "u",
    "pod_name": "n",
    "pod_ip": "fd00::1",
    "readiness": "ready",
    "pending": "include",
    "ip_family": "ipv6",
    "default_discovery_port": 1,
    "default_remoting_port": 2,
    "default_peers_port": 65535,
    "max_stale": 1,
    "watch": "poll",
    "poll_interval": 86400,
    "request_timeout": 0.001,
    "service_account_dir": Path("unused"),
    "context": "c",
    "log": "off",
}


@pytest.mark.parametrize("kind", [Provider, AsyncProvider])
def test_all_options_are_accepted(options: Options, kind: Any) -> None:
    kind(**{**options, **MORE_OPTIONS, "membership": "member"})
    kind(**options, **dict.fromkeys(MORE_OPTIONS))


def test_options_are_converted_to_keys_of_the_library() -> None:
    assert _config.pairs(
        {**REQUIRED, "max_stale": 1.5, "log": None, "kubeconfig": Path("a/b"), "pod_ip": None}
    ) == [
        ("namespace", "default"),
        ("discovery_port_name", "gossip"),
        ("remoting_port_name", "remoting"),
        ("peers_port_name", "peers"),
        ("pod_labels", "app=test"),
        ("max_stale_ms", "1500"),
        ("kubeconfig", "a/b"),
    ]


def test_labels_are_sorted() -> None:
    assert _config.pairs({"pod_labels": {"b": "1", "a": ""}}) == [("pod_labels", "a=,b=1")]


@pytest.mark.parametrize(
    "labels",
    [
        {"a": "b,c=d"},
        {"a,c": "b"},
        {"a=b,c": "d"},
        {"a": "b="},
        {"a=": "b"},
        {"a=b": ""},
        {"": "b"},
        {},
        {"a": "ü"},
    ],
)
def test_separator_in_a_label_is_rejected(options: Options, labels: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="`pod_labels`") as raised:
        Provider(**{**options, "pod_labels": labels})
    has_separator = any(
        separator in text for label in labels.items() for text in label for separator in ",="
    )
    assert ("must not contain a comma" in raised.value.message) == has_separator


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("namespace", 1.5, "expected a str, not float"),
        ("namespace", b"x", "expected a str, not bytes"),
        ("namespace", "", "empty"),
        ("namespace", "a\0b", "NUL"),
        ("kubeconfig", ["x"], "expected a str or os.PathLike"),
        ("kubeconfig", "a\0b", "NUL"),
        ("pod_labels", {"a": 1}, "must map a str to a str"),
        ("pod_labels", {1: "a"}, "must map a str to a str"),
        ("pod_labels", "app=demo", "expected a mapping"),
        ("pod_labels", [("a", "b")], "expected a mapping"),
        ("pod_labels", {"a": "b\0"}, "NUL"),
        ("register_timeout", True, "expected seconds as a float, not bool"),
        ("register_timeout", "5", "expected seconds as a float, not str"),
        ("register_timeout", -1, "-1 must be between 0 and 86400 seconds"),
        ("discover_timeout", math.nan, "nan must be between"),
        ("discover_timeout", math.inf, "inf must be between"),
        ("request_timeout", 0, "must be between 0.001 and"),
        ("max_stale", 0.999, "must be between 1 and"),
        ("poll_interval", 86401, "must be between 1 and"),
        ("default_discovery_port", "1", "expected an int, not str"),
        ("default_discovery_port", True, "expected an int, not bool"),
        ("default_discovery_port", 65536, "65536"),
        ("watch", "Poll", "expected one of `auto`, `poll`"),
        ("membership", "none", "expected one of `member`, `observer`"),
    ],
)
@pytest.mark.parametrize("kind", [Provider, AsyncProvider])
def test_error_names_the_invalid_option(
    options: Options, kind: Any, name: str, value: Any, words: str
) -> None:
    with pytest.raises(ConfigError, match=f"^`{name}`: ") as raised:
        kind(**{**options, name: value})
    assert words in raised.value.message
    assert raised.value.status is Status.INVALID_CONFIG
    assert isinstance(raised.value, ValueError)


def test_error_names_all_options_of_invalid_types(options: Options) -> None:
    with pytest.raises(ConfigError, match=r"`namespace`.*; `max_stale`"):
        Provider(**{**options, "namespace": 1, "max_stale": -1})


@pytest.mark.parametrize("text", ["\ud800", "a\udcff", "\udfff\ud800"])
def test_lone_surrogates_are_rejected(options: Options, text: str) -> None:
    for invalid in ({"namespace": text}, {"pod_labels": {"a": text}}):
        with pytest.raises(ConfigError, match="UTF-8") as raised:
            Provider(**{**options, **invalid})
        assert raised.value.status is Status.INVALID_UTF8


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("port", "discovery_port_name"),
        ("label", "pod_labels"),
        ("max_stale_ms", "max_stale"),
        ("Namespace", "namespace"),
        ("readyness", "readiness"),
        ("uid", "pod_uid"),
    ],
)
def test_error_for_an_unknown_option_suggests_the_nearest(
    options: Options, name: str, nearest: str
) -> None:
    with pytest.raises(
        ConfigError, match=f"^unknown option `{name}`: did you mean `{nearest}`\\?$"
    ) as raised:
        Provider(**options, **{name: "x"})
    assert raised.value.status is Status.UNKNOWN_KEY


def test_error_for_an_unknown_option_lists_all(options: Options) -> None:
    with pytest.raises(ConfigError, match=r"expected one of pod_labels, .*, log$"):
        Provider(**options, xyzzy=1)  # type: ignore[arg-type]


def test_missing_required_option_is_a_type_error() -> None:
    for name in ("pod_labels", "discovery_port_name"):
        with pytest.raises(TypeError, match=name):
            Provider(**{other: value for other, value in REQUIRED.items() if other != name})


def test_messages_use_the_names_of_options() -> None:
    assert _config.python_words("set `max_stale_ms`; call init in this one") == (
        "set `max_stale`; create one in this process"
    )


@pytest.mark.parametrize(
    ("seconds", "milliseconds"),
    [
        *[
            (0, 0),
            (0.0, 0),
            (1, 1000),
            (0.25, 250),
            (0.1 + 0.2, 300),
            (1.001, 1001),
            (1e-9, 1),
            (0.0001, 1),
        ],
        *[(1e9, 2**31 - 1), (float("inf"), 2**31 - 1), (2**31 / 1000, 2**31 - 1)],
    ],
)
def test_milliseconds_are_rounded_up(seconds: float, milliseconds: int) -> None:
    assert _config.milliseconds(seconds) == milliseconds


@pytest.mark.parametrize("number", [-1, 2**64])
def test_numbers_out_of_range_are_rejected(number: int) -> None:
    with pytest.raises(ValueError, match=f"min is {number}"):
        _config.unsigned("min", number)


@pytest.mark.parametrize("number", [1.0, "1", None])
def test_numbers_of_other_types_are_rejected(number: Any) -> None:
    with pytest.raises(TypeError):
        _config.unsigned("min", number)


@pytest.mark.parametrize("seconds", [-1, -1e-9, math.nan])
def test_negative_times_are_rejected(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"timeout is .*: must not be negative"):
        _config.seconds("timeout", seconds)


@pytest.mark.parametrize("seconds", [True, "1", None])
def test_times_of_other_types_are_rejected(seconds: Any) -> None:
    with pytest.raises(TypeError, match="timeout must be seconds"):
        _config.seconds("timeout", seconds)
