"""The step before all others: without the library nothing can be asked."""

from __future__ import annotations

from kubepeers import LibraryError

from .steps import State, Step, ok


def step() -> Step:
    """See whether there is one that fits."""
    try:
        from kubepeers import library_version
        from kubepeers._library import lib
    except LibraryError as error:
        # What fixes it is part of what it says.
        return Step("library", State.WRONG, (str(error),))
    return ok("library", f"version {library_version()}: {lib._name}")
