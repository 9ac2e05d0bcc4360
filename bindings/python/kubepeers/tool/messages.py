"""What is in the library's messages."""

from __future__ import annotations

#: How a message about a 403 goes on after it has said what is wrong, and what the API server says of it.
_THIS = " This allows it:\n"
_MANIFEST = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n"


def split(message: str) -> tuple[str, str]:
    """Part what the library says of a 403 into what is wrong and the manifest that mends it; "" for none."""
    says, found, manifest = message.rpartition(_THIS + _MANIFEST)
    # A message of another form stays whole: it is for people all the same.
    return (says, f"{_MANIFEST}{manifest}\n") if found else (message, "")
