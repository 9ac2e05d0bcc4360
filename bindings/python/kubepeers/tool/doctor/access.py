"""The steps between the configuration and the pods.

The class of the library's error says which of them failed.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from . import credentials, remedies
from .steps import not_reached, ok, warning, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubepeers.tool.settings import Settings

    from .steps import Step
    from .waiting import Access

#: At which step a request fails with such a class. All others are answers that are no use.
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
#: How long a plain connection is tried, to tell a server that is silent from one that cannot be
#: reached.
_PLAIN = 1.0


def steps(access: Access, settings: Settings, environment: Mapping[str, str]) -> Iterator[Step]:
    """Tell how far the requests came."""
    fails_at = _fails_at(access)
    for step in _good(access, settings, environment):
        if step.name == fails_at:
            yield _failed(fails_at, access, settings, environment)
            return
        yield step
    yield (
        _forbidden(access, settings) if not access.health.synced else _permission(access, settings)
    )


def _fails_at(access: Access) -> str:
    """Give the step that failed; `permission` also if none did."""
    failed = access.failed
    if not access.health.synced:
        return _FAILS_AT.get(failed.error_class, "server") if failed else "connection"
    if access.watched or access.answered_again or failed is None:
        return "permission"
    # The list was answered: an answer that is no use was one to the watch.
    return _FAILS_AT.get(failed.error_class, "permission")


def _good(access: Access, settings: Settings, environment: Mapping[str, str]) -> Iterator[Step]:
    """Give the steps before the permission as they are if all is well.

    No more is said than is known.
    """
    at = credentials.server(settings, environment)
    yield credentials.step(settings)
    yield _dns(access, at[0] if at else None)
    if at is None:
        yield ok("connection", "to the server of the kubeconfig")
        yield ok("TLS", "server and kubeconfig agree, if it is asked by https")
    else:
        yield ok("connection", f"to {at[0]}, port {at[1]}")
        yield ok("TLS", f"the server's certificate is of the CA in {settings.folder}/ca.crt")
    yield ok("server", "it answers")
    known = "the API server knows who this is"
    yield ok(
        "login",
        known
        if at
        else "the API server does not refuse the credentials, if the kubeconfig has any",
    )


def _dns(access: Access, host: str | None) -> Step:
    if host is not None and _is_address(host):
        return ok("DNS", f"nothing to look up: {host}")
    if not access.health.synced and (
        access.failed is None or access.failed.error_class in ("timed-out", "resources")
    ):
        # It may be the name that is waited for, or it could not be requested.
        return not_reached("DNS")
    return ok(
        "DNS", f"{host} is known" if host else "the name in the kubeconfig is known, if it is one"
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _forbidden(access: Access, settings: Settings) -> Step:
    assert access.failed
    assert access.failed.error
    error = access.failed.error
    return wrong(
        "permission",
        error.message,
        remedy=remedies.permission(error.manifest) or remedies.server(settings),
    )


def _permission(access: Access, settings: Settings) -> Step:
    """Say whether the pods, which can be listed, can be watched."""
    polling = access.health.polling and access.health.error is None
    if access.watched or polling:
        polled = "list pods, which are polled as `watch` = `poll` asks for"
        return ok("permission", f"may {polled if polling else 'list and watch pods'}")
    late = "the pods can be listed, but are not watched: changes are seen late"
    if access.failed is None or access.failed.error is None:
        not_known = "the API server has not answered a watch in the time that --timeout gives"
        return warning("permission", not_known, late, remedy=remedies.server(settings))
    error = access.failed.error
    remedy = remedies.permission(error.manifest) or remedies.server(settings)
    return warning("permission", error.message, late, remedy=remedy)


def _failed(name: str, access: Access, settings: Settings, environment: Mapping[str, str]) -> Step:
    error, error_class = (
        (access.failed.error, access.failed.error_class) if access.failed else (None, "timed-out")
    )
    says = (
        error.message
        if error
        else "the API server has not answered in the time that --timeout gives"
    )
    at = credentials.server(settings, environment)
    more = _plain_connection(at) if error_class == "timed-out" else []
    return wrong(
        name,
        says,
        *more,
        remedy=remedies.access(name, error_class, settings, at[0] if at else "NAME"),
    )


def _plain_connection(at: tuple[str, int] | None) -> list[str]:
    """Say whether it is the way to the server or the server itself."""
    # Nothing bounds how long a name is looked up.
    if at is None or not _is_address(at[0]):
        return []
    try:
        socket.create_connection(at, _PLAIN).close()
    except OSError as error:
        return [f"a plain connection cannot be made either: {error}"]
    return ["a plain connection can be made: it is the server that is silent, or something between"]
