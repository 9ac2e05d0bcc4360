"""The results of a provider. All are immutable and can be pickled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from ._errors import KubepeersError


@dataclass(frozen=True, slots=True)
class Snapshot(Sequence[str]):
    """The peers at one moment, as a sequence of their addresses.

    An empty snapshot always means that no other pod is a peer. A snapshot remains valid after
    `Provider.close()`. Two snapshots are equal if their generations and addresses are equal. A
    snapshot never equals a list: compare `addresses`, which is a tuple, with a tuple.

    Attributes:
        generation: The number of the snapshot. Within one provider it starts at 1 and grows
            whenever a peer is added or removed, when the record of a peer or of this pod changes,
            and with every `Provider.register()`. Snapshots of one provider with the same generation
            are equal.
        addresses: The addresses of the peers, each as "ip:port" or "[ip]:port". They are sorted by
            family, address and port, without duplicates. The same peers are in the same order in
            every process.
    """

    __module__ = "kubepeers"

    generation: int
    addresses: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.addresses)

    def __iter__(self) -> Iterator[str]:
        return iter(self.addresses)

    def __contains__(self, address: object) -> bool:
        return address in self.addresses

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self.addresses[index]


@dataclass(frozen=True, slots=True)
class Node:
    """The record of a peer or of this pod.

    Attributes:
        name: The name of the pod.
        uid: The uid of the pod. Unlike a name, it is never reused.
        host: The IP address of the pod, without brackets.
        discovery_port: The port named by the option `discovery_port_name`. If the pod has none:
            `default_discovery_port`.
        remoting_port: The port named by the option `remoting_port_name`. If the pod has none:
            `default_remoting_port`, or 0 without a default.
        peers_port: The port named by the option `peers_port_name`. If the pod has none:
            `default_peers_port`, or 0 without a default.
        ready: Whether the pod is Ready.
        node_name: The name of the Kubernetes node that the pod runs on.
        revision: The revision of the pod's template: the value of the label
            controller-revision-hash (StatefulSet, DaemonSet) or pod-template-hash (Deployment), or
            "" if the pod has neither.
    """

    __module__ = "kubepeers"

    name: str
    uid: str
    host: str
    discovery_port: int
    remoting_port: int
    peers_port: int
    ready: bool
    node_name: str
    revision: str

    @property
    def address(self) -> str:
        """The address of the pod, as in `Snapshot.addresses`: "ip:port" or "[ip]:port"."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.discovery_port}"


@dataclass(frozen=True, slots=True)
class Health:
    """How reliable the results of a provider are at one moment.

    Attributes:
        synced: Whether the pods have been listed since `Provider.register()`.
        age: Seconds since the result was last confirmed by a list, an event, a bookmark or a new
            watch. Bookmarks come about once a minute, and a watch that is silent for 90 s is opened
            again, so a quiet cluster does not look old. Before the first list it is `math.inf`, so
            that any limit compares as exceeded.
        stale: Whether `age` exceeds the option `max_stale`, or the pods have not been listed yet.
            Without `max_stale` the limit is 120 s. If the pods are polled, it is 120 s or the time
            of three polls, whichever is longer.
        watching: Whether a watch is open. It is False for a moment between two watches.
        polling: Whether the pods are polled, because the option `watch` is "poll" or because the
            service account may not watch the pods. In the latter case `error` explains why.
        error: The last error since the last confirmation, or the error that causes the pods to be
            polled. None if there is no such error. Its status is UNAVAILABLE, or one that
            `Provider.register()` raises. That the pods are polled because `watch` is "poll" is no
            error.
        error_class: The class of `error`, or "" if there is none. The metrics use the same words:
            "unreachable", "no-such-host", "timed-out", "tls", "unauthorized", "forbidden", "gone",
            "not-supported", "refused", "incomplete", "malformed", "credentials", "resources". Newer
            libraries may add values. kubepeers_health_error_class in kubepeers.h explains them.
    """

    __module__ = "kubepeers"

    synced: bool
    age: float
    stale: bool
    watching: bool
    polling: bool
    error: KubepeersError | None
    error_class: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an examination.

    Attributes:
        name: The name of the step. Newer libraries may add steps.

            - "configuration": the required options are set, and fit each other
            - "credentials": the token and CA, or the kubeconfig, can be read
            - "API server": its name resolves, it accepts connections, it answers
            - "TLS": its certificate is trusted
            - "login": it accepts the credentials
            - "list", "watch": it allows to list and to watch the pods
            - "labels": pods have the labels of the option `pod_labels`
            - "ports": these pods have the named ports
            - "this pod": this pod is identified, and is one of the pods
            - "answer": what `Provider.discover_peers()` returns now
        state: "ok", "warning" (it succeeds, but probably not as intended), "wrong", or
            "not-reached" (an earlier step has to be fixed first).
        facts: Sentences that say what was observed, the most important one first. Empty if the
            step was not reached.
        fix: What to do, in paragraphs of one line each. A line that begins with four blanks is to
            be copied. "" if there is nothing to fix.
        manifest: YAML that fixes the step, or None.
    """

    __module__ = "kubepeers"

    name: str
    state: str
    facts: tuple[str, ...]
    fix: str
    manifest: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """The result of `doctor`. `str(report)` is the text for humans.

    Attributes:
        outcome: The most serious state of a step: "ok", "warning" or "wrong".
        summary: The answer as a sentence, for example "OK: 2 peers, and this pod is web-0". It
            begins with "OK", "WARNING" or "WRONG".
        steps: All steps, in the order in which each needs those before it.
        manifest: The YAML that fixes what is wrong when a cluster admin applies it as it is with
            `kubectl apply -f -`, or None.
        text: The report as text of 80 columns, whose layout may change. Only commands to copy are
            longer. The first and the last line are the answer.
    """

    __module__ = "kubepeers"

    outcome: str
    summary: str
    steps: tuple[Step, ...]
    manifest: str | None
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class NamedPort:
    """A named container port."""

    __module__ = "kubepeers"

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class ExplainedPod:
    """A pod with its verdict.

    Attributes:
        name: The name of the pod.
        verdict: Whether the pod is a peer, or why it is not one. kubepeers_explain in kubepeers.h
            says which verdict a pod has if several apply. Newer libraries may add values.

            - "peer": a peer
            - "self": this pod
            - "not-running": it is not Running (see the option `pending`)
            - "terminating": it is being deleted
            - "no-ip": it has no address yet
            - "no-ip-of-family": it has no address of the option `ip_family`
            - "no-discovery-port": it has no port named `discovery_port_name`, and
              `default_discovery_port` is not set
            - "not-ready": it is not Ready (only if the option `readiness` is "ready")
            - "address-taken": its address and port are those of this pod, or of a pod that started
              later
            - "malformed": the API server sent a field that Kubernetes does not allow
        address: The address of a peer, as in `Snapshot.addresses`. None unless the verdict is
            "peer".
        ips: All addresses of the pod.
        phase: The phase of the pod, for example "Running".
        ready: Whether the pod is Ready.
        terminating: Whether the pod is being deleted.
        node_name: The name of the Kubernetes node that the pod runs on.
        uid: The uid of the pod.
        revision: As `Node.revision`.
        started: The start time of the pod (RFC 3339, for example "2026-11-30T10:05:00Z"), or its
            creation time if it has not started. "" if the API server sent neither.
        ports: The named ports of the pod.
    """

    __module__ = "kubepeers"

    name: str
    verdict: str
    address: str | None
    ips: tuple[str, ...]
    phase: str
    ready: bool
    terminating: bool
    node_name: str
    uid: str
    revision: str
    started: str
    ports: tuple[NamedPort, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every pod that the labels select, with its verdict.

    Attributes:
        namespace: The namespace of the pods.
        selector: The option `pod_labels` as a label selector.
        self_pod: A human-readable description of this pod.
        gate: "open", or why this pod keeps `Provider.discover_peers()` from returning a result.
            Newer libraries may add values.

            - "open": this pod allows a result; always so for an observer
            - "self-absent": this pod is not among the listed pods (SELF_NOT_VISIBLE)
            - "self-not-yet": this pod is not Running yet (see the option `pending`) or has no
              address yet (SELF_NOT_VISIBLE)
            - "self-excluded": this pod has no discovery port or no address of the option
              `ip_family`, has ended, or is malformed (SELF_EXCLUDED)
            - "self-unselected": this pod exists, but lacks the labels (SELF_EXCLUDED)
            - "self-unclear": several pods match this process (NO_IDENTITY)
        pods: The pods, sorted by name.
    """

    __module__ = "kubepeers"

    namespace: str
    selector: str
    self_pod: str
    gate: str
    pods: tuple[ExplainedPod, ...]
