"""The steps between the credentials and the first list: which of them failed, the library's class of failure tells."""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import TYPE_CHECKING

from kubepeers.tool.messages import split
from kubepeers.tool.session import STEP

from . import remedies
from .credentials import server
from .steps import ok, warning, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubepeers import Health, KubepeersError, Provider
    from kubepeers.tool.settings import Settings

    from .steps import Step

#: At which step a request fails with such a class. What the server answers otherwise, it answers whoever may ask.
_FAILS_AT = {
    "credentials": "credentials",
    "no-such-host": "DNS",
    "unreachable": "connection",
    "timed-out": "connection",
    "resources": "connection",
    "tls": "TLS",
    "unauthorized": "login",
    "forbidden": "permission",
}
#: A watch that was not refused within this time was granted: nothing else tells.
_WATCH_GRANTED = 2.0
#: How long a plain connection is tried, to tell a server that is silent from one that cannot be reached.
_PLAIN = 3.0


def wait(provider: Provider, seconds: float) -> Health:
    """Wait until the pods were read and the watch granted or refused, or for what does not mend itself."""
    deadline = time.monotonic() + seconds
    read = None
    while True:
        health, now = provider.health(), time.monotonic()
        if health.age is not None and read is None:
            read = now
        if health.error is not None:
            settled = health.polling or (read is None and not health.error.retryable)
        else:
            settled = read is not None and now >= read + _WATCH_GRANTED
        if settled or now >= deadline:
            return health
        time.sleep(STEP)


def steps(health: Health, settings: Settings, environment: Mapping[str, str]) -> Iterator[Step]:
    """Tell how far the requests came."""
    error = health.error if health.age is None else None
    fails_at = _FAILS_AT.get(health.error_class, "selector") if error or health.age is None else ""
    for step in _good(settings, environment):
        if step.name == fails_at:
            break
        yield step
    else:
        if fails_at == "":
            yield _permission(health, settings)
            return
        if fails_at == "selector":
            yield ok("permission", "the API server does not say that anything is forbidden")
    yield _failed(fails_at, error, health.error_class, settings, environment)


def _good(settings: Settings, environment: Mapping[str, str]) -> Iterator[Step]:
    """Give the steps before the permission as they are if all is well."""
    at = server(settings, environment)
    if at is None:
        yield ok("DNS", "the name in the kubeconfig is known, if it is one")
        yield ok("connection", "to the server of the kubeconfig")
        yield ok("TLS", "server and kubeconfig agree")
    else:
        host, port = at
        yield ok("DNS", f"{host} is known" if not _is_address(host) else f"nothing to look up: {host}")
        yield ok("connection", f"to {host}, port {port}")
        yield ok("TLS", f"the server's certificate is of the CA in {settings.folder}/ca.crt")
    yield ok("login", "the API server knows who this is")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _permission(health: Health, settings: Settings) -> Step:
    if health.error is not None:
        says, manifest = split(health.error.message)
        late = "the pods can be listed, but not watched: changes are seen late"
        return warning("permission", says, late, remedy=remedies.permission(manifest))
    verbs = "list pods, which are polled as `watch` = `poll` asks for" if health.polling else "list and watch pods"
    return ok("permission", f"may {verbs}")


def _failed(
    name: str, error: KubepeersError | None, error_class: str, settings: Settings, environment: Mapping[str, str]
) -> Step:
    if error is None:
        return wrong(name, "the API server has not answered in the time that --timeout gives")
    if name == "permission":
        says, manifest = split(error.message)
        return wrong(name, says, remedy=remedies.permission(manifest))
    at = server(settings, environment)
    more = _plain_connection(at) if error_class == "timed-out" else []
    return wrong(name, error.message, *more, remedy=remedies.access(name, settings, at[0] if at else "NAME"))


def _plain_connection(at: tuple[str, int] | None) -> list[str]:
    """Say whether it is the way to the server or the server itself."""
    if at is None:
        return []
    try:
        socket.create_connection(at, _PLAIN).close()
    except OSError as error:
        return [f"a plain connection cannot be made either: {error}"]
    return ["a plain connection can be made: it is the server that is silent, or something between"]
