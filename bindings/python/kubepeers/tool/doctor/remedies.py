"""What mends each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubepeers.tool import account

from .steps import Remedy

if TYPE_CHECKING:
    from kubepeers import KubepeersError
    from kubepeers.tool.settings import Settings

_MOUNT = """\
Have the token mounted. In the pod template, and in the service account where the template says nothing:
    spec:
      automountServiceAccountToken: true"""

_IDENTITY = """\
Tell the process which pod it is, in the container of the pod template:
    env:
    - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: POD_UID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}
A process that is not one of the pods is run with --self none."""


def configuration(settings: Settings) -> Remedy | None:
    """Say where the namespace would have come from."""
    if "namespace" in settings.values or "kubeconfig" in settings.values:
        return None
    return Remedy(f"{settings.folder}/namespace cannot be read: give --namespace.\n{_MOUNT}")


def credentials(settings: Settings) -> Remedy:
    """Say where credentials come from."""
    if "kubeconfig" in settings.values:
        return Remedy("See whether kubectl can use it:\n    kubectl --kubeconfig PATH get pods")
    return Remedy(f"Outside a cluster give --kubeconfig.\n{_MOUNT}")


def permission(manifest: str) -> Remedy | None:
    """Give the manifest that the library made, if it made one."""
    if not manifest:
        return None
    if "THE-USER" in manifest:
        return Remedy("Put the name that the API server says in the place of THE-USER.", manifest)
    return Remedy("Somebody who may do so applies this, or pipes it from `kubepeers doctor --manifest`.", manifest)


def access(name: str, settings: Settings, host: str) -> Remedy | None:
    """Say what to look at where a request does not come through."""
    namespace = settings.values["namespace"]
    advice = {
        "credentials": _MOUNT,
        "DNS": "See whether the name is known here, and whether the cluster's DNS runs:\n"
        f"    getent hosts {host}\n"
        "    kubectl get pods -n kube-system -l k8s-app=kube-dns",
        "connection": "See whether the API server runs, and whether a NetworkPolicy keeps this pod from it:\n"
        "    kubectl get --raw /readyz\n"
        f"    kubectl get networkpolicy -n {namespace}",
        "TLS": "Compare the CA at hand with the cluster's own, which every namespace has a copy of:\n"
        f"    kubectl get configmap kube-root-ca.crt -n {namespace} -o 'jsonpath={{.data.ca\\.crt}}'",
        "login": _login(settings),
    }
    return Remedy(advice[name]) if name in advice else None


def _login(settings: Settings) -> str:
    if "kubeconfig" in settings.values:
        return "Log in anew, in the way that made the kubeconfig."
    said = account.claims(settings.folder)
    if said is None:
        return f"What is in {settings.folder}/token is not a service account's token of the usual form."
    return (
        "In a pod the token renews itself: one that has expired is a copy, or its service account or pod is gone. See\n"
        f'    kubectl auth whoami --token="$(cat {settings.folder}/token)"\n'
        f"    kubectl get serviceaccount -n {settings.values['namespace']}"
    )


def selector(settings: Settings) -> Remedy:
    """Show the labels that there are."""
    return Remedy(
        f"See what labels the pods have, and set `pod_labels`, or those of the pod template:\n"
        f"    kubectl get pods -n {settings.values['namespace']} --show-labels"
    )


def ports(name: str) -> Remedy:
    """Say how a port gets its name."""
    return Remedy(
        "Name the port in the container of the pod template:\n"
        "    ports:\n"
        f"    - {{name: {name}, containerPort: NUMBER}}\n"
        "or give the name that they have (--discovery-port-name), or a number for pods that declare no port "
        "(--set default_discovery_port=NUMBER)."
    )


def own_pod(error: KubepeersError, settings: Settings) -> Remedy | None:
    """Say how the own pod becomes known, or one of the peers."""
    if error.status.name == "NO_IDENTITY":
        return Remedy(_IDENTITY)
    if error.status.name == "SELF_EXCLUDED":
        return None
    return Remedy(
        "If this lasts, see how the pod is:\n"
        f"    kubectl get pods -n {settings.values['namespace']} --show-labels -o wide\n"
        "A process in a native sidecar, whose pod is Pending until its main containers start, needs "
        "--set pending=include."
    )
