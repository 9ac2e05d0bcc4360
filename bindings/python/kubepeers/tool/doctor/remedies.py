"""What fixes each step."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from kubepeers.tool import account
from kubepeers.tool.options import hint, option

from .steps import Remedy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubepeers import KubepeersError
    from kubepeers.tool.settings import Settings

_MOUNT = """\
Have the token and the CA mounted as Kubernetes makes them. In the pod template, and in the service
account where that says nothing:
    spec:
      automountServiceAccountToken: true"""

_DESK = "Outside a cluster give --kubeconfig: the namespace is then the one of its context."

_NOT_IN_CLUSTER = """\
Outside a cluster give --kubeconfig. In a pod Kubernetes sets these variables; see what they are,
and what sets them:
    env | grep '^KUBERNETES_SERVICE_'"""

_RESOURCES = """\
This process may have no more open files, threads or memory; see how many it may have:
    ulimit -a"""

_NAME_IT = """\
Put the name that the API server says in the place of THE-USER, and ask a cluster admin to
apply it.
As it is, it is of no use: `kubepeers doctor --manifest` does not print it to stdout."""


def configuration(error: KubepeersError, settings: Settings) -> Remedy:
    """Say how what is wrong is given, and where the namespace would have come from."""
    advice = f"{hint(error, settings.values)}."
    if "namespace" not in settings.values and "kubeconfig" not in settings.values:
        advice += f"\n{_no_namespace(settings)}"
    return Remedy(advice)


def _no_namespace(settings: Settings) -> str:
    if not settings.in_cluster:
        return _DESK
    return f"{settings.folder}/namespace cannot be read: give --namespace.\n{_MOUNT}"


def credentials(error: KubepeersError, settings: Settings) -> Remedy:
    """Say where credentials come from."""
    if error.status.name == "NO_RESOURCES":
        return Remedy(_RESOURCES)
    if error.status.name == "NOT_IN_CLUSTER":
        return Remedy(_NOT_IN_CLUSTER)
    return Remedy(_credentials(settings))


def _credentials(settings: Settings) -> str:
    if "kubeconfig" in settings.values:
        return f"See whether kubectl can use it:\n    {kubectl(settings)} get pods -n {settings.values['namespace']}"
    # The library looks for a service account only where it is told of an API server.
    return _MOUNT


def kubectl(settings: Settings) -> str:
    """Give the kubectl that asks as this process does."""
    options = [
        f"--{key}={settings.values[key]}"
        for key in ("kubeconfig", "context")
        if key in settings.values
    ]
    return shlex.join(["kubectl", *options])


def permission(manifest: str | None) -> Remedy | None:
    """Give the manifest that the library made, if it made one."""
    if not manifest:
        return None
    if "THE-USER" in manifest:
        return Remedy(_NAME_IT, manifest, complete=False)
    return Remedy(
        "Somebody who may do so applies this, or pipes it from `kubepeers doctor --manifest`.",
        manifest,
    )


def server(settings: Settings) -> Remedy:
    """Say what to look at where the answers are no use."""
    return Remedy(
        "See how the API server is, and what there is between it and this process, such as a proxy or a login portal:\n"
        f"    {kubectl(settings)} get --raw '/readyz?verbose'"
    )


def access(name: str, error_class: str, settings: Settings, host: str) -> Remedy:
    """Say what to look at where a request does not come through."""
    if error_class == "resources":
        return Remedy(_RESOURCES)
    if name == "server":
        return server(settings)
    namespace = settings.values["namespace"]
    advice = {
        "credentials": _credentials(settings),
        "DNS": "See whether the name is known here, and whether the cluster's DNS runs:\n"
        f"    getent hosts {host}\n"
        "    kubectl get pods -n kube-system -l k8s-app=kube-dns",
        "connection": _connection(error_class, settings),
        "TLS": "Compare the CA at hand with the cluster's own, which every namespace has a copy of:\n"
        f"    kubectl get configmap kube-root-ca.crt -n {namespace} -o 'jsonpath={{.data.ca\\.crt}}'",
        "login": _login(settings),
    }
    return Remedy(advice[name])


def _connection(error_class: str, settings: Settings) -> str:
    if "kubeconfig" not in settings.values:
        return (
            "See whether the API server runs, and whether a NetworkPolicy keeps this pod from it:\n"
            "    kubectl get --raw /readyz\n"
            f"    kubectl get networkpolicy -n {settings.values['namespace']}"
        )
    reaches = f"See whether kubectl reaches it:\n    {kubectl(settings)} get --raw /readyz"
    plugin = "\nIf kubectl waits, too, a login plugin (`exec` in the kubeconfig) may not end."
    return reaches + (plugin if error_class == "timed-out" else "")


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
        f"    {kubectl(settings)} get pods -n {settings.values['namespace']} --show-labels\n"
        "In a namespace that does not exist the API server finds no pods either:\n"
        f"    {kubectl(settings)} get namespace {settings.values['namespace']}"
    )


def ports(lacking: Mapping[str, str]) -> Remedy:
    """Say how ports get their names, which are given by their keys."""
    named = [
        f"    - {{name: {name}, containerPort: NUMBER}}" for name in dict.fromkeys(lacking.values())
    ]
    options = ", ".join(option(key) for key in lacking)
    numbers = ", ".join(f"--set default_{key.removesuffix('_name')}=NUMBER" for key in lacking)
    return Remedy(
        "Name the port in the container of the pod template:\n"
        "    ports:\n" + "\n".join(named) + "\n"
        f"or give the name that they have ({options}), or a number for pods that declare no port ({numbers})."
    )


def described(settings: Settings, names: list[str], most: int = 5) -> Remedy:
    """Show how some pods are."""
    shown = shlex.join(names[:most])
    return Remedy(
        "See how they are, and what has happened to them:\n"
        f"    {kubectl(settings)} describe pod -n {settings.values['namespace']} {shown}"
    )


def stale(settings: Settings) -> Remedy:
    """Say what to do about an answer that is too old."""
    return Remedy(f"{server(settings).advice}\nOr let answers be older: {option('max_stale_ms')}.")


def login(settings: Settings) -> Remedy:
    """Say what to do about credentials that are no use any more."""
    return Remedy(_login(settings))
