"""Takes the steps, one after the other."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from kubepeers import KubepeersError, SelfPodError
from kubepeers.tool.options import MISCONFIGURED
from kubepeers.tool.session import registered

from . import access, findings, remedies
from .facts import gather
from .steps import State, ok, wrong
from .waiting import wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubepeers import Provider
    from kubepeers.tool.settings import Settings

    from .steps import Step

#: A server that does not answer is to be noticed before the time is over.
_REQUEST_TIMEOUT_MS = "3000"


def examine(settings: Settings, environment: Mapping[str, str], seconds: float) -> Iterator[Step]:
    """Give the steps up to where it does not go on."""
    deadline = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        try:
            provider, nobody = _opened(
                {"request_timeout_ms": _REQUEST_TIMEOUT_MS, **settings.values}, stack
            )
        except MISCONFIGURED as error:
            yield wrong(
                "configuration",
                *settings.doubts,
                error.message,
                remedy=remedies.configuration(error, settings),
            )
            return
        except KubepeersError as error:
            yield _configuration(settings)
            yield wrong("credentials", error.message, remedy=remedies.credentials(error, settings))
            return
        yield _configuration(settings)
        for step in access.steps(wait(provider, seconds), settings, environment):
            yield step
            if step.state is State.WRONG:
                return
        yield from findings.steps(gather(provider, settings, nobody, deadline))


def _opened(
    values: dict[str, str], stack: contextlib.ExitStack
) -> tuple[Provider, SelfPodError | None]:
    """Return a provider.

    If nothing identifies this pod, it is an observer, so that the other steps can be checked.
    """
    try:
        return stack.enter_context(registered(values)), None
    except SelfPodError as nobody:
        return stack.enter_context(registered({**values, "membership": "observer"})), nobody


def _configuration(settings: Settings) -> Step:
    values = settings.values
    looked_for = f"pods with labels {values['pod_labels']} in namespace {values['namespace']}, "
    return ok(
        "configuration",
        f"{looked_for}at their port {values['discovery_port_name']}",
        *settings.notes,
    )
