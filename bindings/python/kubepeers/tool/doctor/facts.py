"""What the library knows, once it has read the pods."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubepeers import KubepeersError
from kubepeers.tool.session import patiently, registered

if TYPE_CHECKING:
    from kubepeers import Explanation, Node, Provider
    from kubepeers.tool.settings import Settings

#: How long the own pod is waited for.
_PATIENCE = 3.0
#: How long another, wider selector may take.
_WIDER = 3.0


@dataclass(frozen=True)
class Facts:
    """All that the findings are made of."""

    settings: Settings
    explanation: Explanation
    #: The answer; None if there is none.
    nodes: list[Node] | None
    #: Why there is none.
    refusal: KubepeersError | None
    #: How many pods have all labels but one, by that one: where no pod has all of them.
    near: dict[str, int]
    now: float


def gather(provider: Provider, settings: Settings, nobody: KubepeersError | None) -> Facts:
    """Ask for them. `nobody`: it is not known which pod this process runs in."""
    nodes, refusal = None, nobody
    if refusal is None:
        try:
            nodes = patiently(provider.nodes, _PATIENCE)
        except KubepeersError as error:
            refusal = error
    explanation = provider.explain()
    near = {} if explanation["pods"] else _near(settings)
    return Facts(settings, explanation, nodes, refusal, near, time.time())


def _near(settings: Settings) -> dict[str, int]:
    """See which label it is that no pod has."""
    labels = settings.values["pod_labels"].split(",")
    counts = {label: _count(settings, [other for other in labels if other != label]) for label in labels}
    return {label: count for label, count in counts.items() if count}


def _count(settings: Settings, labels: list[str]) -> int:
    if not labels:
        return 0
    values = {**settings.values, "pod_labels": ",".join(labels), "self": "none"}
    try:
        with registered(values) as provider:
            patiently(provider.discover_peers, _WIDER)
            return len(provider.explain()["pods"])
    except KubepeersError:
        return 0
