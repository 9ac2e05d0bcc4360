"""What is to be said of the pods, of the own one, and of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubepeers.tool.text import count, some

from . import own_pod, remedies
from .steps import ENDED, not_reached, ok, warning, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubepeers import ExplainedPod

    from .facts import Facts
    from .steps import Step

#: What there is to say of pods with a verdict, where it is worth a warning.
_LEFT_OUT = {
    "not-running": "not Running",
    "terminating": "terminating",
    "no-ip": "without an address yet",
    "no-ip-of-family": "without an address of the family that `ip_family` asks for",
    "not-ready": "not ready, and `readiness` = `ready` asks for ready ones",
    "address-taken": "at the address and port of another pod, which started later or is the own one",
}


def steps(facts: Facts) -> Iterator[Step]:
    """Tell of all that comes after the pods were read."""
    yield _selector(facts)
    if facts.explanation.pods:
        yield _ports(facts)
        yield _peers(facts)
    else:
        yield not_reached("ports")
        yield not_reached("peers")
    yield own_pod.step(facts)
    yield _answer(facts)


def _selector(facts: Facts) -> Step:
    pods, values = facts.explanation.pods, facts.settings.values
    if pods:
        return ok("selector", f"{count(len(pods), 'pod')}: {some([pod.name for pod in pods])}")
    labels, namespace = values["pod_labels"], values["namespace"]
    says = [f"no pod of namespace {namespace} has labels {labels}"]
    if facts.alone:
        have = [
            f"{label}: {count(number, 'pod') if number else 'none'}"
            for label, number in facts.alone.items()
        ]
        says.append(f"looked for alone: {', '.join(have)}")
    return wrong("selector", *says, remedy=remedies.selector(facts.settings))


def _ports(facts: Facts) -> Step:
    name = facts.settings.values["discovery_port_name"]
    lacks = {"no-discovery-port": True, "self": own_pod.lacks_port(facts)}
    lacking = [pod for pod in facts.explanation.pods if lacks.get(pod.verdict)]
    if not lacking:
        return _other_ports(facts, name)
    others = [pod for pod in facts.explanation.pods if pod.verdict not in lacks]
    # If this pod lacks it, there is no answer, whatever the others have.
    state = warning if others and not lacks["self"] else wrong
    says = f"no port named {name}: {some([_with_ports(pod) for pod in lacking])}"
    return state("ports", says, remedy=remedies.ports({"discovery_port_name": name}))


def _with_ports(pod: ExplainedPod) -> str:
    ports = " ".join(f"{port.name}={port.number}" for port in pod.ports)
    return f"{pod.name} (has {ports or 'no named port'})"


def _other_ports(facts: Facts, name: str) -> Step:
    values, says, names = facts.settings.values, [], {}
    for key, port in (("remoting_port_name", "remoting_port"), ("peers_port_name", "peers_port")):
        lacking = [node.name for node in facts.nodes or [] if not getattr(node, port)]
        if key in values and lacking:
            says.append(f"no port named {values[key]} (`{key}`): {some(lacking)}")
            names[key] = values[key]
    if not says:
        return ok("ports", f"none lacks a port named {name}")
    return warning("ports", *says, remedy=remedies.ports(names))


def _peers(facts: Facts) -> Step:
    pods = facts.explanation.pods
    peers = [pod for pod in pods if pod.verdict == "peer"]
    says = [count(len(peers), "peer")]
    ended = [pod.name for pod in pods if pod.phase in ENDED]
    if ended:
        says.append(f"ended, which is nothing to worry about: {some(ended)}")
    well, odd = len(says), []
    for verdict, meaning in _LEFT_OUT.items():
        named = [pod.name for pod in pods if pod.verdict == verdict and pod.name not in ended]
        if named:
            says.append(f"{meaning}: {some(named)}")
            odd += named
    unready = [pod.name for pod in peers if not pod.ready]
    if unready:
        says.append(f"peers, but not ready: {some(unready)}")
    if not says[well:]:
        return ok("peers", *says)
    return warning("peers", *says, remedy=remedies.described(facts.settings, odd + unready))


def _answer(facts: Facts) -> Step:
    if facts.refusal is not None and facts.refusal.status.name == "STALE":
        return wrong("answer", facts.refusal.message, remedy=remedies.stale(facts.settings))
    if facts.nodes is None:
        return not_reached("answer")
    if not facts.nodes:
        # Who is no pod is not one of them, alone or not.
        nobody = facts.settings.values.get("membership") == "observer"
        return ok("answer", "no peers" if nobody else "no peers: alone, confirmed")
    return ok(
        "answer", f"{count(len(facts.nodes), 'peer')}: {some([node.name for node in facts.nodes])}"
    )
