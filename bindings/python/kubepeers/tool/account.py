"""What the folder of a pod's service account says. The token itself is never shown."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


def namespace(folder: str) -> str | None:
    """Give the pod's namespace."""
    try:
        return (Path(folder) / "namespace").read_text().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


@dataclass(frozen=True)
class Claims:
    """What a token says of its holder."""

    #: `system:serviceaccount:NAMESPACE:NAME`
    subject: str
    #: Which pod it is bound to, if to any.
    pod: str | None
    #: When it ends, in seconds since 1970; None if never.
    expires: float | None


def claims(folder: str) -> Claims | None:
    """Read what the token says; None if it says nothing."""
    try:
        payload = (Path(folder) / "token").read_text().strip().split(".")[1]
        said: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expires = float(said.get("exp", math.inf))
        return Claims(
            subject=str(said["sub"]),
            pod=said.get("kubernetes.io", {}).get("pod", {}).get("name"),
            expires=expires if math.isfinite(expires) else None,
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return None
