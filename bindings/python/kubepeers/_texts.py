"""What the library tells as a text: metrics, and every pod with its verdict."""

from __future__ import annotations

import ctypes
import json
from typing import TYPE_CHECKING, Any, TypedDict

from ._call import given
from ._library import EXPLAIN, Text, lib

if TYPE_CHECKING:
    from collections.abc import Callable
    from ctypes import c_uint64


class ExplainedPod(TypedDict):
    """A pod that the selector finds. Later versions may add keys."""

    name: str
    #: "peer", or why it is left out: "self", "not-running", "terminating", "no-ip", "no-ip-of-family",
    #: "no-discovery-port", "not-ready", "address-taken".
    verdict: str
    #: "ip:discovery_port" of a peer.
    address: str | None
    ips: list[str]
    phase: str
    ready: bool
    terminating: bool
    node_name: str
    uid: str
    revision: str
    #: When it did, as Kubernetes writes times.
    started: str
    #: Name and number of each named port.
    ports: list[tuple[str, int]]


class Explanation(TypedDict):
    """Every pod that the selector finds, with its verdict. Later versions may add keys."""

    namespace: str
    selector: str
    #: How this pod was identified, for humans.
    self: str
    #: "open", or what an answer waits for: "self-absent", "self-not-yet"; or why there can be none: "self-excluded",
    #: "self-unselected", "self-unclear".
    gate: str
    #: By name.
    pods: list[ExplainedPod]


def explanation(provider: c_uint64) -> Explanation:
    """Ask for the verdicts, for programs."""
    parsed: Explanation = json.loads(_text(lib.kubepeers_explain, provider, EXPLAIN["JSON"]))
    for pod in parsed["pods"]:
        pod["ports"] = [(name, number) for name, number in pod["ports"]]
    return parsed


def explanation_table(provider: c_uint64) -> str:
    """Ask for the verdicts, for people."""
    return _text(lib.kubepeers_explain, provider, EXPLAIN["TABLE"])


def metrics(provider: c_uint64) -> str:
    """Ask for the metrics."""
    return _text(lib.kubepeers_metrics, provider)


def _text(function: Callable[..., int], *arguments: Any) -> str:
    with given(Text(), lib.kubepeers_text_free, function, *arguments) as text:
        return ctypes.string_at(text).decode()
