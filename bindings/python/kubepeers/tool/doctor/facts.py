"""What the library knows, once it has read the pods."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubepeers import KubepeersError
from kubepeers.tool.session import STEP, patiently, registered

if TYPE_CHECKING:
    from kubepeers import Explanation, Node, Provider
    from kubepeers.tool.settings import Settings

#: How long to wait for this pod.
_PATIENCE = 3.0
#: How long it may take to look for each label alone.
_ALONE = 3.0


@dataclass(frozen=True)
class Facts:
    """All that the findings are made of."""

    settings: Settings
    explanation: Explanation
    #: The answer; None if there is none.
    nodes: list[Node] | None
    #: Why there is none.
    refusal: KubepeersError | None
    #: How many pods have each label, as far as that is known: where no pod has all of several.
    alone: dict[str, int]
    now: float


def gather(
    provider: Provider, settings: Settings, nobody: KubepeersError | None, deadline: float
) -> Facts:
    """Collect the facts. An error is passed if the pod that this process runs in is unknown."""
    nodes, refusal = None, nobody
    if refusal is None:
        try:
            nodes = patiently(provider.nodes, min(_PATIENCE, deadline - time.monotonic()))
        except KubepeersError as error:
            refusal = error
    explanation = provider.explain()
    alone = {} if explanation.pods else _alone(settings, min(_ALONE, deadline - time.monotonic()))
    return Facts(settings, explanation, nodes, refusal, alone, time.time())


def _alone(settings: Settings, seconds: float) -> dict[str, int]:
    """See which of several labels it is that pods lack: all are looked for at the same time."""
    labels = settings.values["pod_labels"].split(",")
    if len(labels) < 2:
        return {}
    with contextlib.suppress(KubepeersError), contextlib.ExitStack() as stack:
        found = {label: stack.enter_context(_looking(settings, label)) for label in labels}
        until = time.monotonic() + seconds
        while time.monotonic() < until and any(
            not looking.health().synced for looking in found.values()
        ):
            time.sleep(STEP)
        read = {label: looking for label, looking in found.items() if looking.health().synced}
        return {label: len(looking.explain().pods) for label, looking in read.items()}
    return {}


def _looking(settings: Settings, label: str) -> contextlib.AbstractContextManager[Provider]:
    return registered({**settings.values, "pod_labels": label, "membership": "observer"})
