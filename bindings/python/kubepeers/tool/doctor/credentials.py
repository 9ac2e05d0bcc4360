"""Who this process is to the API server, as far as its files tell."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kubepeers.tool import account
from kubepeers.tool.text import span

from . import remedies
from .steps import ok, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubepeers.tool.settings import Settings

    from .steps import Step


def step(settings: Settings) -> Step:
    """Tell of credentials that the library has found to be complete."""
    if "kubeconfig" in settings.values:
        context = settings.values.get("context")
        says = f"kubeconfig {settings.values['kubeconfig']}" + (
            f", {context=!s}" if context else ""
        )
        return ok("credentials", f"{says}: it can be read")
    claims = account.claims(settings.folder)
    if claims is None:
        return ok("credentials", f"a token in {settings.folder}, which does not say whose it is")
    bound = f", bound to pod {claims.pod}" if claims.pod else ", bound to no pod"
    says = f"{claims.subject}{bound}; from {settings.folder}"
    left = None if claims.expires is None else claims.expires - time.time()
    if left is not None and left <= 0:
        expired = f"its token expired {span(-left)} ago, by the clock of this machine"
        return warning("credentials", says, expired, remedy=remedies.login(settings))
    return ok(
        "credentials",
        says,
        *([] if left is None else [f"its token is good for another {span(left)}"]),
    )


def server(settings: Settings, environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Give host and port of the API server, where the library takes them from the environment."""
    if "kubeconfig" in settings.values:
        return None
    return environment["KUBERNETES_SERVICE_HOST"], int(environment["KUBERNETES_SERVICE_PORT"])
