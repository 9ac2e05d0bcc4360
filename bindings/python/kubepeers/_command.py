"""Whether this process is the command `kubepeers`."""

from __future__ import annotations

import os.path
import sys


def is_starting() -> bool:
    """Tell; right while the package is imported. Before 3.10 maybe another one that is run with `python -m`."""
    # "-m" while Python looks for what it is to run, else the path of the script. Embedded, it may have none.
    arguments: list[str] = getattr(sys, "argv", [])
    started = arguments[0] if arguments else ""
    if started == "-m":
        return any(word in ("kubepeers", "-mkubepeers") for word in getattr(sys, "orig_argv", ["kubepeers"]))
    return os.path.basename(started) == "kubepeers"
