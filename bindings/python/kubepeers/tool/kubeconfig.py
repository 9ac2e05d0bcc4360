"""What kubectl takes from a kubeconfig without being told: where it is, and the namespace."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The library reads no larger ones.
_LARGEST = 1 << 20


class UnusableError(Exception):
    """Why a kubeconfig does not tell.

    Nothing of its text is in the message: it may be the line with the token.
    """


@dataclass(frozen=True)
class Kubeconfig:
    """What one says of namespaces."""

    path: str
    #: The name of its current context, if it has one.
    current: str | None
    #: The namespace of each context, by its name.
    namespaces: Mapping[str, str]

    def namespace(self, context: str | None) -> str:
        """Give the namespace of a context, or of the current one."""
        chosen = context or self.current
        if chosen is None:
            raise UnusableError(
                f"the kubeconfig {self.path} has no current context: give --context"
            )
        if chosen not in self.namespaces:
            raise UnusableError(f"the kubeconfig {self.path} has no context `{chosen}`")
        return self.namespaces[chosen]


def listed(environment: Mapping[str, str]) -> list[str]:
    """Name the files at which kubectl would look."""
    named = [path for path in environment.get("KUBECONFIG", "").split(os.pathsep) if path]
    return named or [os.path.expanduser("~/.kube/config")]


def read(path: str) -> Kubeconfig:
    """Read one, or say in an `UnusableError` why that cannot be done."""
    document = _document(path)
    try:
        # Of two contexts of one name the library takes the first.
        contexts = {
            entry["name"]: entry["context"] or {} for entry in reversed(document["contexts"])
        }
        namespaces = {
            name: context.get("namespace") or "default" for name, context in contexts.items()
        }
        current = document.get("current-context") or None
    except (LookupError, TypeError, AttributeError):
        raise UnusableError(f"the file {path} is not a kubeconfig, or has no contexts") from None
    if not all(
        isinstance(text, str) for text in (*namespaces, *namespaces.values(), current or "")
    ):
        raise UnusableError(
            f"the kubeconfig {path} has a name in it that is not text: put it in quotes"
        )
    return Kubeconfig(path, current, namespaces)


def chosen(paths: list[str], context: str | None) -> tuple[str, str | None]:
    """Return the first file that has the context that kubectl would use, and that context.

    The files are not merged: the cluster and the user have to be in the same one.
    """
    readable = []
    for path in paths:
        with contextlib.suppress(UnusableError):
            readable.append(read(path))
    wanted = context or next((each.current for each in readable if each.current), None)
    for each in readable:
        if wanted in each.namespaces:
            return each.path, wanted
    return paths[0], context


def _document(path: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise UnusableError(
            f"the namespace in the kubeconfig {path} cannot be read without PyYAML: "
            "give --namespace, or install it (it is part of kubepeers[tool])"
        ) from None
    content = _content(path)
    try:
        return yaml.safe_load(content)
    # PyYAML raises errors of many kinds, among them RecursionError where a file only opens
    # brackets.
    except Exception:
        raise UnusableError(f"the kubeconfig {path} is not YAML") from None


def _content(path: str) -> bytes:
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > _LARGEST:
            # It might never end.
            why = (
                f"not a file of at most {_LARGEST} bytes"
                if os.path.exists(path)
                else "there is none"
            )
            raise UnusableError(f"the kubeconfig {path} cannot be read: {why}")
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UnusableError(f"the kubeconfig {path} cannot be read: {error.strerror}") from None
