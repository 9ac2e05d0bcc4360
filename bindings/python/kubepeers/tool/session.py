"""A provider. Waits are short steps, because a wait inside the library cannot be interrupted."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, TypeVar

from kubepeers import ConfigError, KubepeersError, Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

T = TypeVar("T")

STEP = 0.1


@contextlib.contextmanager
def registered(values: Mapping[str, str]) -> Iterator[Provider]:
    """Give a provider that has begun to look.

    The command prints the namespace, so it needs to know it.
    """
    if "namespace" not in values:
        raise ConfigError("missing required configuration: set `namespace`")
    provider = Provider._from_pairs(values.items())
    try:
        # Do not wait for the first request: the calls report its result.
        provider.register(timeout=0)
        yield provider
    finally:
        provider.close()


def patiently(ask: Callable[[float], T], seconds: float) -> T:
    """Repeat a call until it succeeds, its error is permanent, or the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        try:
            return ask(max(0.0, min(STEP, left)))
        except KubepeersError as error:
            if left <= 0 or not error.retryable:
                raise
