"""The two things that kubectl takes from a kubeconfig without being told: where it is, and the namespace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def usual(environment: Mapping[str, str]) -> str | None:
    """Give the kubeconfig that kubectl would use, if there is one."""
    listed = [path for path in environment.get("KUBECONFIG", "").split(os.pathsep) if path]
    for path in listed or [os.path.expanduser("~/.kube/config")]:
        if Path(path).is_file():
            return path
    return None


def namespace(path: str, context: str | None) -> str | None:
    """Give the namespace of a context, as kubectl understands it. None if the file or a YAML parser is wanting."""
    try:
        import yaml
    except ImportError:
        return None
    try:
        document: Any = yaml.safe_load(Path(path).read_text())
        chosen = context or document["current-context"]
        found = [entry["context"] for entry in document["contexts"] if entry["name"] == chosen]
        return str(found[0].get("namespace") or "default")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError):
        # What is wrong with the file the library says.
        return None
