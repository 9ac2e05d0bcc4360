"""What is known at one moment, and what has changed since another one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kubepeers import KubepeersError, NoResultError

if TYPE_CHECKING:
    from kubepeers import ExplainedPod, Explanation, Health, Provider


@dataclass(frozen=True)
class Picture:
    """What is known at one moment."""

    now: float
    #: None if nothing has been read yet.
    explanation: Explanation | None
    health: Health
    #: Why there is no answer, if there is none.
    refusal: KubepeersError | None

    @property
    def pods(self) -> dict[str, ExplainedPod]:
        """The pods by uid, in the order of their names."""
        return {pod.uid: pod for pod in self.explanation.pods} if self.explanation else {}

    @property
    def problem(self) -> str:
        """What is wrong; "" if nothing."""
        error = self.refusal or self.health.error
        if error is None and self.explanation and not self.explanation.pods:
            return f"no pod has labels {self.explanation.selector} in namespace {self.explanation.namespace}"
        if error is None:
            return ""
        return (
            f"{error.message} (`kubepeers doctor` prints what allows it)"
            if error.manifest
            else error.message
        )


def look(provider: Provider) -> Picture:
    """Take a picture."""
    # First: once there are pods to tell of, "not read yet" is no refusal any more.
    try:
        explanation = provider.explain()
    except NoResultError:
        explanation = None
    refusal = None
    try:
        provider.discover_peers(timeout=0)
    except KubepeersError as error:
        refusal = error
    return Picture(time.time(), explanation, provider.health(), refusal)


class Change(NamedTuple):
    """What happened to a pod."""

    #: "+" it is there, "-" it is not any more, "~" it is another.
    mark: str
    pod: ExplainedPod
    #: What is another now: what it was and what it is.
    differences: tuple[tuple[str, str], ...] = ()


def changes(before: dict[str, ExplainedPod], after: dict[str, ExplainedPod]) -> list[Change]:
    """Tell what happened from one picture to the next, those that went first."""
    gone = [Change("-", pod) for uid, pod in before.items() if uid not in after]
    come = [Change("+", pod) for uid, pod in after.items() if uid not in before]
    other = [_difference(before[uid], pod) for uid, pod in after.items() if uid in before]
    return gone + come + [change for change in other if change.differences]


def _difference(before: ExplainedPod, after: ExplainedPod) -> Change:
    pairs = zip(_told(before), _told(after))
    return Change("~", after, tuple((was, now) for was, now in pairs if was != now))


def _told(pod: ExplainedPod) -> tuple[str, ...]:
    return (pod.verdict, pod.phase, readiness(pod), where(pod), ports(pod))


def readiness(pod: ExplainedPod) -> str:
    """Say whether a pod is ready."""
    return "ready" if pod.ready else "not ready"


def where(pod: ExplainedPod) -> str:
    """Say where a pod is: a peer's address, or the addresses of another one."""
    return pod.address or ",".join(pod.ips) or "-"


def ports(pod: ExplainedPod) -> str:
    """List a pod's named ports."""
    return " ".join(f"{port.name}={port.number}" for port in pod.ports) or "-"
