"""The verbs, and how Python values become what the library takes."""

from __future__ import annotations

import copy
import inspect
import pickle
import typing
from pathlib import Path
from typing import Any

import kubepeers
import pytest
from configuration import REQUIRED, Options
from kubepeers import Provider, _numbers
from kubepeers._library import lib

#: Every verb that needs a registration.
ASKING = [
    Provider.discover_peers,
    Provider.nodes,
    lambda provider: provider.wait(0),
    lambda provider: provider.wait_for_peers(0),
    Provider.refresh,
    Provider.health,
    Provider.explain,
    Provider.explain_table,
    Provider.metrics,
    Provider.deregister,
]


def test_id(provider: Provider) -> None:
    assert provider.id == "kubernetes"


def test_life(provider: Provider) -> None:
    for early in (Provider.register, *ASKING):
        with pytest.raises(kubepeers.NotInitializedError):
            early(provider)
    provider.init()
    with pytest.raises(kubepeers.AlreadyInitializedError):
        provider.init()
    for early in ASKING:
        with pytest.raises(kubepeers.NotRegisteredError):
            early(provider)
    provider.register(timeout=0)
    with pytest.raises(kubepeers.AlreadyRegisteredError):
        provider.register()
    with pytest.raises(kubepeers.NotSyncedError):
        provider.discover_peers(timeout=0)
    provider.deregister()
    provider.register()
    provider.close()
    provider.close()
    for late in (Provider.register, *ASKING):
        with pytest.raises(kubepeers.ClosedError):
            late(provider)
    # As the message of ClosedError says.
    provider.init()
    provider.register()


def test_no_generation_is_no_error(provider: Provider) -> None:
    assert provider.generation == 0
    provider.init()
    provider.register()
    assert provider.generation == 0
    provider.close()
    assert provider.generation == 0


def test_close_before_init(provider: Provider) -> None:
    provider.close()
    provider.init()


def test_context_manager(options: Options) -> None:
    with Provider(**options) as provider, pytest.raises(kubepeers.NotSyncedError):
        provider.discover_peers()
    with pytest.raises(kubepeers.ClosedError):
        provider.discover_peers()


def test_context_manager_lets_exceptions_pass(options: Options) -> None:
    with pytest.raises(KeyError), Provider(**options) as provider:
        raise KeyError
    with pytest.raises(kubepeers.ClosedError):
        provider.discover_peers()


def test_context_manager_closes_when_register_fails(options: Options, tmp_path: Path) -> None:
    provider = Provider(**{**options, "kubeconfig": tmp_path / "missing"})
    with pytest.raises(kubepeers.NoCredentialsError), provider:
        pytest.fail("the block must not run")
    with pytest.raises(kubepeers.ClosedError):
        provider.discover_peers()


def test_context_manager_leaves_an_initialised_provider_as_it_is(registered: Provider) -> None:
    with pytest.raises(kubepeers.AlreadyInitializedError), registered:
        pytest.fail("the block must not run")
    with pytest.raises(kubepeers.NotSyncedError):
        registered.discover_peers()


def test_configuration_is_validated_by_init(options: Options) -> None:
    provider = Provider(**{**options, "namespace": "No Such"})
    with pytest.raises(kubepeers.InvalidConfigError, match="`namespace`"):
        provider.init()
    with pytest.raises(kubepeers.NotInitializedError):
        provider.register()
    with pytest.raises(kubepeers.UnknownKeyError, match="`no_such`"):
        Provider(**options, no_such="x").init()
    with pytest.raises(TypeError):
        Provider(namespace="default")  # type: ignore[call-arg]


def test_options_that_are_none_are_not_given(options: Options) -> None:
    provider = Provider(**options, pod_name=None, context=None)
    provider.init()


def test_every_option(options: Options) -> None:
    Provider(
        **options,
        pod_uid="u",
        pod_name="n",
        pod_ip="fd00::1",
        readiness="ready",
        pending="include",
        ip_family="ipv6",
        default_discovery_port=1,
        default_remoting_port=2,
        default_peers_port=65535,
        max_stale_ms=1000,
        watch="poll",
        poll_interval_ms=1000,
        request_timeout_ms=1,
        service_account_dir=Path("unused"),
        context="c",
    ).init()


def test_settings_as_they_are(options: Options) -> None:
    settings = {**options, "pod_labels": "app=test,tier="}
    pairs = [("namespace", "overruled"), *((key, str(value)) for key, value in settings.items())]
    provider = Provider.from_settings(pairs)
    provider.init()
    provider.close()
    with pytest.raises(kubepeers.InvalidConfigError, match="missing"):
        Provider.from_settings([]).init()


@pytest.mark.parametrize(
    "labels",
    [{"a": "b,c=d"}, {"a,c": "b"}, {"a=b,c": "d"}, {"a": "b="}, {"a=": "b"}, {"a=b": ""}, {"": "b"}, {}, {"a": "ü"}],
)
def test_one_label_never_becomes_two(options: Options, labels: dict[str, str]) -> None:
    with pytest.raises(kubepeers.InvalidConfigError, match="`pod_labels`"):
        Provider(**{**options, "pod_labels": labels}).init()


@pytest.mark.parametrize("labels", [{"a": "b", "c": ""}, "a=b,c="])
def test_labels(options: Options, labels: Any) -> None:
    provider = Provider(**{**options, "pod_labels": labels})
    assert dict(provider._settings)["pod_labels"] == "a=b,c="
    provider.init()


@pytest.mark.parametrize("name", ["namespace", "kubeconfig"])
def test_nul_is_no_end(options: Options, name: str) -> None:
    with pytest.raises(kubepeers.InvalidConfigError, match=f"`{name}`.*NUL"):
        Provider(**{**options, name: "default\0x"}).init()
    with pytest.raises(kubepeers.InvalidConfigError, match="NUL"):
        Provider(**options, **{"context\0": "x"}).init()  # type: ignore[misc]


@pytest.mark.parametrize("text", ["\ud800", "a\udcff", "\udfff\ud800"])
def test_lone_surrogates_are_not_utf8(options: Options, text: str) -> None:
    with pytest.raises(kubepeers.InvalidUtf8Error):
        Provider(**{**options, "namespace": text}).init()
    with pytest.raises(kubepeers.InvalidUtf8Error):
        Provider(**{**options, "pod_labels": {"a": text}}).init()


@pytest.mark.parametrize(
    "wrong",
    [
        {"namespace": 1.5},
        {"namespace": b"x"},
        {"register_timeout_ms": True},
        {"kubeconfig": ["x"]},
        {"pod_labels": {"a": 1}},
        {"pod_labels": None},
        {"pod_labels": [("a", "b")]},
    ],
)
def test_other_types_are_refused(options: Options, wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(wrong))):
        Provider(**{**options, **wrong})


@pytest.mark.parametrize("wrong", [{"namespace": "x"}, {"ab": "x"}, [("namespace", 1)], [("namespace",)], ["ab"]])
def test_settings_are_pairs_of_texts(wrong: Any) -> None:
    with pytest.raises(TypeError, match="settings must be pairs of str"):
        Provider.from_settings(wrong)


def test_frameworks_can_read_the_annotations() -> None:
    for method in vars(Provider).values():
        if inspect.isfunction(method) and method.__module__ == Provider.__module__:
            typing.get_type_hints(method)
    typing.get_type_hints(Provider.from_settings)
    typing.get_type_hints(kubepeers.Health)


@pytest.mark.parametrize(
    ("seconds", "milliseconds"),
    [
        *[
            (None, -1),
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
def test_timeouts(seconds: float | None, milliseconds: int) -> None:
    assert _numbers.timeout(seconds) == milliseconds


@pytest.mark.parametrize("seconds", [-1, -1e-9, float("nan")])
def test_timeouts_that_are_none(registered: Provider, seconds: float) -> None:
    for waiting in (
        registered.register,
        registered.discover_peers,
        registered.nodes,
        registered.refresh,
        lambda timeout: registered.wait(0, timeout),
        lambda timeout: registered.wait_for_peers(0, timeout=timeout),
    ):
        with pytest.raises(ValueError, match="timeout"):
            waiting(seconds)
    with pytest.raises(ValueError, match="stable_for"):
        registered.wait_for_peers(0, stable_for=seconds)


@pytest.mark.parametrize("number", [-1, 2**64])
def test_numbers_are_not_wrapped_round(registered: Provider, number: int) -> None:
    with pytest.raises(ValueError, match="after_generation"):
        registered.wait(number)
    with pytest.raises(ValueError, match="min"):
        registered.wait_for_peers(number)


@pytest.mark.parametrize("number", [1.0, "1", None])
def test_numbers_are_not_guessed(registered: Provider, number: Any) -> None:
    with pytest.raises(TypeError):
        registered.wait(number)
    with pytest.raises(TypeError):
        registered.wait_for_peers(number)


def test_a_provider_cannot_be_copied(registered: Provider) -> None:
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="copied"):
            duplicate(registered)


def test_configurations_are_freed(monkeypatch: pytest.MonkeyPatch, options: Options) -> None:
    freed = []
    free = lib.kubepeers_config_free
    monkeypatch.setattr(lib, "kubepeers_config_free", lambda config: (freed.append(config.value), free(config)))
    with pytest.raises(kubepeers.InvalidConfigError):
        Provider(**{**options, "namespace": ""}).init()
    provider = Provider(**options)
    provider.init()
    provider.close()
    assert len(freed) == 2
    assert all(freed)


def test_required_is_what_the_constructor_requires() -> None:
    for key in ("pod_labels", "discovery_port_name"):
        with pytest.raises(TypeError, match=key):
            Provider(**{other: value for other, value in REQUIRED.items() if other != key})
