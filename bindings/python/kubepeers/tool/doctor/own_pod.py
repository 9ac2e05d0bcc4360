"""The pod that this process runs in: can it be one of the peers, and if not, what fixes that?"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

from kubepeers.tool.options import option, ways
from kubepeers.tool.text import some

from . import remedies
from .steps import ENDED, Remedy, ok, warning, wrong

if TYPE_CHECKING:
    from kubepeers import ExplainedPod, KubepeersError

    from .facts import Facts
    from .steps import Step

_IDENTITY = """\
Tell the process which pod it is, in the container of the pod template:
    env:
    - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: POD_UID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}
A process that is not one of the pods is run with --membership observer."""


def step(facts: Facts) -> Step:
    """Tell of it."""
    refusal = facts.refusal
    # An answer that is too old is not its fault.
    if refusal is not None and refusal.status.name != "STALE":
        return wrong(
            "self", refusal.message, *_at_one_address(facts), remedy=_remedy(facts, refusal)
        )
    if facts.settings.values.get("membership") == "observer":
        return ok("self", "this process is not one of the pods (`membership` = `observer`)")
    says = f"this process runs in pod {facts.explanation.self_pod}"
    own = _own(facts)
    if own and own.terminating:
        return warning(
            "self", says, "it is terminating: it still gets answers, but is no longer a peer"
        )
    return ok("self", says)


def lacks_port(facts: Facts) -> bool:
    """Say whether it can be no peer for want of the discovery port.

    Its verdict is `self`, whatever it lacks.
    """
    own, values = _own(facts), facts.settings.values
    if (
        own is None
        or facts.explanation.gate != "self-excluded"
        or "default_discovery_port" in values
    ):
        return False
    return values["discovery_port_name"] not in [port.name for port in own.ports]


def _own(facts: Facts) -> ExplainedPod | None:
    return next((pod for pod in facts.explanation.pods if pod.verdict == "self"), None)


def _at_one_address(facts: Facts) -> list[str]:
    """Name the pods of which any may be the own one."""
    if facts.explanation.gate != "self-unclear":
        return []
    pods = [pod for pod in facts.explanation.pods if pod.phase in ("Pending", "Running")]
    living = collections.Counter(ip for pod in pods for ip in pod.ips)
    sharing = [pod.name for pod in pods if any(living[ip] > 1 for ip in pod.ips)]
    return [
        f"they share an address, as on a host's network, where POD_IP does not tell: {some(sharing)}"
    ]


def _remedy(facts: Facts, refusal: KubepeersError) -> Remedy:
    """Say how it becomes known, or one of the peers."""
    if refusal.status.name == "NO_IDENTITY":
        return Remedy(_IDENTITY)
    if facts.explanation.gate == "self-excluded":
        return _excluded(facts)
    pods = f"    {remedies.kubectl(facts.settings)} get pods -n {facts.settings.values['namespace']} --show-labels"
    advice = {
        "self-absent": "If this lasts, see whether there is such a pod, and what its labels are:\n"
        f"{pods} -o wide\n"
        "If there is none, what says which pod this is belongs to another one: `pod_name`, `pod_uid`, `pod_ip`, the "
        "variables POD_NAME and POD_UID, or the address of this machine.",
        "self-not-yet": "If this lasts, see how the pod is:\n"
        f"{pods} -o wide\n"
        "A process in a native sidecar, whose pod is Pending until its main containers start, needs "
        "--set pending=include.",
        "self-unselected": "See what labels the pods have:\n"
        f"{pods}\n"
        "Set `pod_labels` to some that this pod and its peers have "
        f"({ways('pod_labels')}), or give the pod template those of the "
        "peers. A process that is not one of the pods is run with --membership observer.",
    }
    return Remedy(advice.get(facts.explanation.gate, f"See how the pods are:\n{pods} -o wide"))


def _excluded(facts: Facts) -> Remedy:
    """Return what fixes a pod that cannot be a peer.

    It has no port, has ended, or has no address of the family.
    """
    values, own = facts.settings.values, _own(facts)
    if lacks_port(facts):
        return remedies.ports({"discovery_port_name": values["discovery_port_name"]})
    if own and own.phase not in ENDED:
        return Remedy(
            f"Ask for a family of which the pod has an address, or for none ({option('ip_family')}). It has these:\n"
            f"    {remedies.kubectl(facts.settings)} get pods -n {values['namespace']} -o wide"
        )
    return remedies.described(facts.settings, [own.name] if own else [])
