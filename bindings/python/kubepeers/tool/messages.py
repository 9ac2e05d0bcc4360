"""What is in the library's messages."""

from __future__ import annotations


def split(message: str) -> tuple[str, str]:
    """Part what the library says of a 403 into what is wrong and the manifest that mends it; "" for none."""
    says, separator, manifest = message.partition("\n---\n")
    return says.removesuffix(" This allows it:"), f"---\n{manifest}\n" if separator else ""
