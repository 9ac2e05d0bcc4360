"""The states of a cluster and a configuration, and what each command prints in them."""

from __future__ import annotations

import base64
import json
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fixtures import Namespace

OTHER_CA = Path(__file__).parents[1] / "conformance/other-ca.crt"

#: The port is bound, so that no other process gets it, but no one listens.
REFUSING = socket.socket()
REFUSING.bind(("127.0.0.1", 0))


@dataclass(frozen=True)
class State:
    """A state."""

    arrange: Callable[[Namespace], object]
    #: The exit status of `peers`, and the list, or words on stderr.
    peers: tuple[int, tuple[str, ...]]
    #: The steps that `doctor` finds wrong or suspicious, and words that it prints.
    doctor: tuple[dict[str, str], tuple[str, ...]]
    #: Words of one line that `watch` prints. None: it fails like `peers`.
    watch: tuple[str, ...] | None
    #: The error is retryable, so that `peers` waits for its whole timeout.
    is_retryable: bool = False
    #: Nothing is ever read.
    is_unread: bool = False


def _set(**variables: str) -> Callable[[Namespace], object]:
    return lambda namespace: namespace.environment.update(variables)


def _well(namespace: Namespace) -> None:
    namespace.pod("b", "10.0.0.3")
    namespace.pod("a", "fd00::2")


def _no_token(namespace: Namespace) -> None:
    (namespace.mount / "token").unlink()


def _invalid_ca(namespace: Namespace) -> None:
    (namespace.mount / "ca.crt").write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )


def _expired(namespace: Namespace) -> None:
    head, payload, signature = namespace.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    old = (
        base64.urlsafe_b64encode(json.dumps({**claims, "exp": 1_700_000_000}).encode())
        .decode()
        .rstrip("=")
    )
    (namespace.mount / "token").write_text(f"{head}.{old}.{signature}")


def _others_lack_the_port(namespace: Namespace) -> None:
    namespace.pod("b", "10.0.0.3", port="http=80")
    namespace.pod("c", "10.0.0.4", port="gossipp=3322")


def _self_lacks_the_port(namespace: Namespace) -> None:
    _well(namespace)
    namespace.testenv("delete", "me")
    namespace.pod("me", "10.0.0.1", port="http=80")
    namespace.mount_account("--pod=me")


def _self_is_pending(namespace: Namespace) -> None:
    namespace.testenv("pod", "--phase=Pending", "me")


def _no_identity(namespace: Namespace) -> None:
    _well(namespace)
    namespace.mount_account()
    # Both have this address, and different ports, as on a host's network.
    for name, port in (("x", "gossip=1"), ("y", "gossip=2")):
        namespace.pod(name, "10.9.9.9", port=port)
    namespace.environment["KUBEPEERS_POD_IP"] = "10.9.9.9"


STATES = {
    "all is well": State(
        _well,
        (0, ("10.0.0.3:3322", "[fd00::2]:3322")),
        ({}, ("may watch pods", "2 peers: b, a", "OK: 2 peers, and this pod is me")),
        ("+ a peer [fd00::2]:3322 Running ready gossip=3322",),
    ),
    "alone": State(
        lambda namespace: None,
        (0, ()),
        ({}, ("no peers: this pod is alone", "OK: no peers: this pod, me, is alone")),
        ("+ me self 10.0.0.1",),
    ),
    "self none": State(
        _set(KUBEPEERS_MEMBERSHIP="observer"),
        (0, ("10.0.0.1:3322",)),
        ({}, ("not one of the pods",)),
        ("+ me peer 10.0.0.1:3322",),
    ),
    "no credentials": State(
        _no_token,
        (1, ("token", "automountServiceAccountToken")),
        ({"credentials": "wrong"}, ("automountServiceAccountToken: true",)),
        None,
    ),
    "not in a cluster": State(
        lambda namespace: namespace.environment.pop("KUBERNETES_SERVICE_PORT"),
        (1, ("KUBERNETES_SERVICE_PORT", "kubeconfig")),
        ({"credentials": "wrong"}, ("--kubeconfig",)),
        None,
    ),
    "no port": State(
        _set(KUBERNETES_SERVICE_PORT="abc"),
        (1, ("KUBERNETES_SERVICE_PORT", "not a port")),
        ({"credentials": "wrong"}, ("not a port", "env | grep '^KUBERNETES_SERVICE_'")),
        None,
    ),
    "no CA": State(
        _invalid_ca,
        (1, ("holds no usable certificate",)),
        ({"credentials": "wrong"}, ("no usable", "Write the CA of the cluster there again")),
        None,
    ),
    "role missing": State(
        lambda namespace: namespace.account(""),
        (1, ("may not list pods", "`list` and `watch`")),
        (
            {"list": "wrong"},
            ("may not list", "kind: Role", "kubectl apply -f - <<'END'", "kubepeers-member"),
        ),
        ("! ", "may not list pods", "`kubepeers doctor`"),
    ),
    "only list is allowed": State(
        lambda namespace: namespace.account("list"),
        (0, ()),
        (
            {"watch": "warning"},
            ("may not watch", "changes are noticed late", "kind: Role", "WARNING watch: "),
        ),
        ("! ", "may not watch pods"),
    ),
    "wrong CA": State(
        lambda namespace: shutil.copy(OTHER_CA, namespace.mount / "ca.crt"),
        (1, ("certificate", "ca.crt")),
        ({"TLS": "wrong"}, ("not signed by the CA", "kube-root-ca.crt")),
        ("! ", "certificate"),
    ),
    "token wrong": State(
        lambda namespace: (namespace.mount / "token").write_text("garbage"),
        (1, ("does not accept the credentials",)),
        ({"login": "wrong"}, ("rejects the token", "kubectl get serviceaccount")),
        ("! ", "does not accept the credentials"),
    ),
    "token expired": State(
        _expired,
        (1, ("does not accept the credentials",)),
        (
            {"credentials": "warning", "login": "wrong"},
            ("the token expired", "d ago", "is a copy", "serviceaccount -n"),
        ),
        ("! ", "does not accept the credentials"),
    ),
    "server unreachable": State(
        _set(
            KUBERNETES_SERVICE_HOST="127.0.0.1",
            KUBERNETES_SERVICE_PORT=str(REFUSING.getsockname()[1]),
        ),
        (3, ("not been listed yet",)),
        ({"API server": "wrong"}, ("refused", "get networkpolicy")),
        ("! ", "refused"),
        is_retryable=True,
        is_unread=True,
    ),
    "name not resolvable": State(
        # Name resolution may be slow.
        _set(KUBERNETES_SERVICE_HOST="kubernetes.invalid", KUBEPEERS_REQUEST_TIMEOUT_MS="60000"),
        (3, ("not been listed yet",)),
        ({"API server": "wrong"}, ("cannot be resolved", "getent hosts kubernetes.invalid")),
        ("! ", "cannot be resolved"),
        is_retryable=True,
        is_unread=True,
    ),
    "no pod matches": State(
        _set(KUBEPEERS_POD_LABELS="app=demo,tier=x", KUBEPEERS_MEMBERSHIP="observer"),
        (0, ()),
        (
            {"labels": "wrong"},
            (
                "each label alone: app=demo: 1 pod, tier=x: no pod",
                "answer ok no peers",
                "get namespace",
                "(in this command, set `pod_labels` with",
            ),
        ),
        ("! no pod has labels app=demo,tier=x",),
    ),
    "self has other labels": State(
        _set(KUBEPEERS_POD_LABELS="app=other"),
        (1, ("cannot be a peer", "`app=demo`")),
        (
            {"labels": "wrong", "this pod": "wrong"},
            ("its labels are `app=demo`", "with -l/--pod-labels or KUBEPEERS_POD_LABELS"),
        ),
        ("! ", "its labels are `app=demo`"),
    ),
    "port missing": State(
        _others_lack_the_port,
        (0, ()),
        (
            {"ports": "wrong"},
            ("b (http=80), c (gossipp=3322)", "- {name: gossip, containerPort: NUMBER}"),
        ),
        ("+ b no-discovery-port 10.0.0.3 Running ready http=80",),
    ),
    "self excluded": State(
        _self_lacks_the_port,
        (1, ("cannot be a peer", "`gossip`")),
        (
            {"ports": "wrong", "this pod": "wrong"},
            (
                "pod me has no port named gossip",
                "container ports has the name `gossip`",
                "Fix ports, this pod: Name the port",
            ),
        ),
        ("! ", "cannot be a peer"),
    ),
    "self pending": State(
        _self_is_pending,
        (3, ("is not Running",)),
        ({"this pod": "wrong"}, ("pod me is not Running", "describe pod", "`pending` = `include`")),
        ("! ", "is not Running"),
        is_retryable=True,
    ),
    "another pod's name": State(
        _set(KUBEPEERS_POD_NAME="nosuch"),
        (3, ("is not among the pods",)),
        ({"this pod": "wrong"}, ("is not among the pods", "belongs to another pod: `pod_uid`")),
        ("! ", "is not among the pods"),
        is_retryable=True,
    ),
    "self unclear": State(
        _no_identity,
        (1, ("cannot identify the pod",)),
        (
            {"this pod": "wrong"},
            ("cannot identify the pod", "share an address", "x, y", "fieldPath: metadata.uid"),
        ),
        ("! ", "cannot identify the pod"),
    ),
}
