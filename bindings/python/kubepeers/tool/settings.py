"""The library's configuration keys, from options, the environment and defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import account, kubeconfig

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = (
    *(
        "pod_labels",
        "discovery_port_name",
        "namespace",
        "remoting_port_name",
        "peers_port_name",
        "membership",
    ),
    *("pod_uid", "pod_name", "pod_ip", "readiness", "pending", "ip_family"),
    *("default_discovery_port", "default_remoting_port", "default_peers_port"),
    *(
        "max_stale_ms",
        "watch",
        "poll_interval_ms",
        "register_timeout_ms",
        "discover_timeout_ms",
        "request_timeout_ms",
    ),
    *("service_account_dir", "kubeconfig", "context", "log"),
)


@dataclass
class Settings:
    """What a provider is made of."""

    values: dict[str, str]
    #: What was not said but taken from somewhere: sentences for people.
    notes: list[str] = field(default_factory=list)
    #: What could not be found out: sentences that belong before an error, of which it may be the
    #: cause.
    doubts: list[str] = field(default_factory=list)
    #: Kubernetes says where the API server is, as it does in every container: the library goes by
    #: that too.
    in_cluster: bool = False

    @property
    def folder(self) -> str:
        """Where the service account is."""
        return self.values.get("service_account_dir", account.FOLDER)

    def take(self, key: str, value: str | None, note: str) -> None:
        """Take a value that was not said."""
        if value is not None and key not in self.values:
            self.values[key] = value
            self.notes.append(note)

    def doubt(self, sentence: str) -> None:
        """Keep what may be the cause of an error."""
        self.doubts.append(sentence)
        self.notes.append(sentence)


def variable(key: str) -> str:
    """Give the environment variable that stands for a key."""
    return f"KUBEPEERS_{key.upper()}"


def settings(given: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    """Complete what was given."""
    said = {key: environment[variable(key)] for key in KEYS if environment.get(variable(key))}
    made = Settings({**said, **given}, in_cluster=bool(environment.get("KUBERNETES_SERVICE_HOST")))
    _take_credentials(made, environment)
    _take_namespace(made, environment)
    _take_self(made, environment)
    return made


def _take_credentials(made: Settings, environment: Mapping[str, str]) -> None:
    in_pod = made.in_cluster or "service_account_dir" in made.values
    if "kubeconfig" in made.values or (in_pod and "context" not in made.values):
        return
    listed = kubeconfig.listed(environment)
    paths = [path for path in listed if os.path.isfile(path)]
    if not paths:
        source = (
            "KUBECONFIG names no file"
            if environment.get("KUBECONFIG")
            else "there is no kubeconfig"
        )
        made.doubt(f"{'' if in_pod else 'not in a pod, and '}{source}: {', '.join(listed)}")
    elif len(paths) == 1:
        _take_kubeconfig(made, paths[0])
    else:
        path, context = kubeconfig.chosen(paths, made.values.get("context"))
        _take_kubeconfig(made, path)
        made.take("context", context, f"the context is {context}")
        made.doubt(f"of the files in KUBECONFIG only {path} is used: they are not merged")


def _take_kubeconfig(made: Settings, path: str) -> None:
    made.take("kubeconfig", path, f"not in a pod: the kubeconfig {path}")


def _take_namespace(made: Settings, environment: Mapping[str, str]) -> None:
    if "namespace" in made.values:
        return
    if "kubeconfig" in made.values:
        try:
            found = kubeconfig.read(made.values["kubeconfig"]).namespace(made.values.get("context"))
            made.take("namespace", found, "the namespace is the one of the kubeconfig")
        except kubeconfig.UnusableError as why:
            made.doubt(str(why))
    else:
        own = environment.get("POD_NAMESPACE") or account.namespace(made.folder)
        made.take("namespace", own, "the namespace is this pod's own")


def _take_self(made: Settings, environment: Mapping[str, str]) -> None:
    known = {"membership", "pod_uid", "pod_name", "pod_ip"} & made.values.keys()
    known |= {"POD_UID", "POD_NAME"} & environment.keys()
    if "kubeconfig" in made.values and not known:
        made.take(
            "membership",
            "observer",
            "with a kubeconfig, this process is an observer: membership = observer",
        )
