"""How each configuration key is given, and what to say where one is missing or wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubepeers import ConfigError, Status

from .settings import KEYS, variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubepeers import KubepeersError

    from .settings import Settings

#: The keys that have an option of their own, and what argparse takes. All others are given with
#: --set.
OPTIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "namespace": (("-n", "--namespace"), {"metavar": "NAME", "help": "whose pods are the peers"}),
    "pod_labels": (
        ("-l", "--pod-labels"),
        {"metavar": "K=V,…", "help": "labels that every peer has"},
    ),
    "discovery_port_name": (
        ("-p", "--discovery-port-name"),
        {"metavar": "NAME", "help": "of the container port that peers listen at"},
    ),
    "remoting_port_name": (
        ("--remoting-port-name",),
        {"metavar": "NAME", "help": "of the remoting port"},
    ),
    "peers_port_name": (("--peers-port-name",), {"metavar": "NAME", "help": "of the peers port"}),
    "kubeconfig": (
        ("--kubeconfig",),
        {"metavar": "PATH", "help": "instead of the pod's service account"},
    ),
    "context": (
        ("--context",),
        {"metavar": "NAME", "help": "of the kubeconfig; default: its current one"},
    ),
    "membership": (
        ("--membership",),
        {
            "choices": ("member", "observer"),
            "help": "observer: this process is not one of the pods",
        },
    ),
}

#: The errors that are fixed by giving another value.
MISCONFIGURED = ConfigError

#: The keys that a message is about. It may quote values too, and they may look like keys.
_ABOUT = re.compile(r"(?:^|: set | and )`(\w+)`")


def option(key: str) -> str:
    """Give the option by which a key is given."""
    return "/".join(OPTIONS[key][0]) if key in OPTIONS else f"--set {key}=VALUE"


def ways(key: str) -> str:
    """Give the option and the variable by which a key is given."""
    return f"{option(key)} or the variable {variable(key)}"


def hint(error: KubepeersError, values: Mapping[str, str]) -> str:
    """Say how what is missing or wrong is given."""
    keys = [key for key in _about(error, values) if key in KEYS]
    if not keys:
        return "`kubepeers --help` has the keys, and the options that stand for them"
    return "; ".join(f"`{key}` is the option {ways(key)}" for key in keys)


def explained(error: KubepeersError, settings: Settings) -> str:
    """Put before an error what may be its cause, and after it how to give what it misses."""
    lines = [*settings.doubts, error.message]
    if isinstance(error, MISCONFIGURED):
        lines.append(f"({hint(error, settings.values)})")
    return "\n".join(lines)


def _about(error: KubepeersError, values: Mapping[str, str]) -> Iterable[str]:
    if error.status is Status.INVALID_UTF8:
        # Such a message does not name the key.
        return [key for key, value in values.items() if not _is_text(value)]
    return _ABOUT.findall(error.message)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
