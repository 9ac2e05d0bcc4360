"""What may be the matter, and what each command has to say of it."""

from __future__ import annotations

import base64
import json
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from place import Place

OTHER_CA = Path(__file__).parents[4] / "tests/conformance/other-ca.crt"

#: It stays bound, so that no other program gets the port, but does not listen.
REFUSING = socket.socket()
REFUSING.bind(("127.0.0.1", 0))


@dataclass(frozen=True)
class State:
    """One of them."""

    arrange: Callable[[Place], object]
    #: What `peers` ends with, and what it prints: the list if it ends well, else words on stderr.
    peers: tuple[int, tuple[str, ...]]
    #: The steps that are not ok, but for those that are not reached, and words that doctor prints.
    doctor: tuple[dict[str, str], tuple[str, ...]]
    #: Words of one line that `watch` prints; None: it ends as `peers` does.
    watch: tuple[str, ...] | None
    #: It is not over before the time is.
    lasts: bool = False
    #: Because nothing is ever read.
    unread: bool = False


def _set(**variables: str) -> Callable[[Place], object]:
    return lambda place: place.environment.update(variables)


def _well(place: Place) -> None:
    place.pod("b", "10.0.0.3")
    place.pod("a", "fd00::2")


def _no_token(place: Place) -> None:
    (place.mount / "token").unlink()


def _garbage_for_a_ca(place: Place) -> None:
    (place.mount / "ca.crt").write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )


def _expired(place: Place) -> None:
    head, payload, signature = place.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    old = (
        base64.urlsafe_b64encode(json.dumps({**claims, "exp": 1_700_000_000}).encode())
        .decode()
        .rstrip("=")
    )
    (place.mount / "token").write_text(f"{head}.{old}.{signature}")


def _others_lack_the_port(place: Place) -> None:
    place.pod("b", "10.0.0.3", port="http=80")
    place.pod("c", "10.0.0.4", port="gossipp=3322")


def _self_lacks_the_port(place: Place) -> None:
    _well(place)
    place.tell("delete", "me")
    place.pod("me", "10.0.0.1", port="http=80")
    place.tell("mount", "--service-account=member", "--pod=me", str(place.mount))
    place.token = (place.mount / "token").read_text().strip()


def _self_is_pending(place: Place) -> None:
    place.tell("pod", "--phase=Pending", "me")


def _no_identity(place: Place) -> None:
    _well(place)
    place.tell("mount", "--service-account=member", str(place.mount))
    place.token = (place.mount / "token").read_text().strip()
    # Both are at this address, each with a port of its own: as on a host's network.
    for name, port in (("x", "gossip=1"), ("y", "gossip=2")):
        place.pod(name, "10.9.9.9", port=port)
    place.environment["KUBEPEERS_POD_IP"] = "10.9.9.9"


STATES = {
    "all is well": State(
        _well,
        (0, ("10.0.0.3:3322", "[fd00::2]:3322")),
        ({}, ("may list and watch pods", "2 peers: b, a", "pod `me`", "all is well")),
        ("+ a peer [fd00::2]:3322 Running ready gossip=3322",),
    ),
    "alone": State(
        lambda place: None,
        (0, ()),
        ({}, ("no peers: alone, confirmed", "all is well")),
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
        lambda place: place.environment.pop("KUBERNETES_SERVICE_PORT"),
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
        _garbage_for_a_ca,
        (1, ("holds no usable certificate",)),
        ({"credentials": "wrong"}, ("no usable", "the token and the CA mounted")),
        None,
    ),
    "role missing": State(
        lambda place: place.account(""),
        (1, ("may not list pods", "`list` and `watch`")),
        (
            {"permission": "wrong"},
            ("may not list", "kind: Role", "kubectl apply -f - <<'END'", "kubepeers-member"),
        ),
        ("! ", "may not list pods", "`kubepeers doctor`"),
    ),
    "only list is allowed": State(
        lambda place: place.account("list"),
        (0, ()),
        (
            {"permission": "warning"},
            ("may not watch", "kind: Role", "well, but look at: permission"),
        ),
        ("! ", "may not watch pods"),
    ),
    "wrong CA": State(
        lambda place: shutil.copy(OTHER_CA, place.mount / "ca.crt"),
        (1, ("certificate", "ca.crt")),
        ({"TLS": "wrong"}, ("not signed by the CA", "kube-root-ca.crt")),
        ("! ", "certificate"),
    ),
    "token wrong": State(
        lambda place: (place.mount / "token").write_text("garbage"),
        (1, ("does not accept the credentials",)),
        ({"login": "wrong"}, ("does not accept", "not a service account's token")),
        ("! ", "does not accept the credentials"),
    ),
    "token expired": State(
        _expired,
        (1, ("does not accept the credentials",)),
        ({"credentials": "warning", "login": "wrong"}, ("its token expired", "d ago", "is a copy")),
        ("! ", "does not accept the credentials"),
    ),
    "server unreachable": State(
        _set(
            KUBERNETES_SERVICE_HOST="127.0.0.1",
            KUBERNETES_SERVICE_PORT=str(REFUSING.getsockname()[1]),
        ),
        (3, ("not been listed yet",)),
        ({"connection": "wrong"}, ("refused", "get networkpolicy")),
        ("! ", "refused"),
        lasts=True,
        unread=True,
    ),
    "name not resolvable": State(
        # Name resolution may be slow.
        _set(KUBERNETES_SERVICE_HOST="kubernetes.invalid", KUBEPEERS_REQUEST_TIMEOUT_MS="60000"),
        (3, ("not been listed yet",)),
        ({"DNS": "wrong"}, ("cannot be resolved", "getent hosts kubernetes.invalid")),
        ("! ", "cannot be resolved"),
        lasts=True,
        unread=True,
    ),
    "no pod matches": State(
        _set(KUBEPEERS_POD_LABELS="app=demo,tier=x", KUBEPEERS_MEMBERSHIP="observer"),
        (0, ()),
        (
            {"selector": "wrong"},
            (
                "looked for alone: app=demo: 1 pod, tier=x: none",
                "answer ok no peers To fix",
                "get namespace",
            ),
        ),
        ("! no pod has labels app=demo,tier=x",),
    ),
    "self has other labels": State(
        _set(KUBEPEERS_POD_LABELS="app=other"),
        (1, ("cannot be a peer", "`app=demo`")),
        (
            {"selector": "wrong", "self": "wrong"},
            ("its labels are `app=demo`", "-l/--pod-labels or the variable KUBEPEERS_POD_LABELS"),
        ),
        ("! ", "its labels are `app=demo`"),
    ),
    "port missing": State(
        _others_lack_the_port,
        (0, ()),
        (
            {"ports": "wrong"},
            ("b (has http=80)", "c (has gossipp=3322)", "- {name: gossip, containerPort: NUMBER}"),
        ),
        ("+ b no-discovery-port 10.0.0.3 Running ready http=80",),
    ),
    "self excluded": State(
        _self_lacks_the_port,
        (1, ("cannot be a peer", "`gossip`")),
        (
            {"ports": "wrong", "self": "wrong"},
            (
                "no port named gossip: me (has http=80)",
                "container ports has the name `gossip`",
                "To fix `ports`, `self`: Name the port",
            ),
        ),
        ("! ", "cannot be a peer"),
    ),
    "self pending": State(
        _self_is_pending,
        (3, ("is not Running",)),
        ({"self": "wrong"}, ("is not Running", "pending=include")),
        ("! ", "is not Running"),
        lasts=True,
    ),
    "another pod's name": State(
        _set(KUBEPEERS_POD_NAME="nosuch"),
        (3, ("is not among the pods",)),
        ({"self": "wrong"}, ("is not among the pods", "belongs to another one: `pod_name`")),
        ("! ", "is not among the pods"),
        lasts=True,
    ),
    "self unclear": State(
        _no_identity,
        (1, ("cannot identify the pod",)),
        (
            {"self": "wrong"},
            ("cannot identify the pod", "does not tell: x, y", "fieldPath: metadata.uid"),
        ),
        ("! ", "cannot identify the pod"),
    ),
}
