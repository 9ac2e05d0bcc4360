"""How sure the answers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import _library
from ._call import exception, given
from ._errors import KubepeersError
from ._library import lib

if TYPE_CHECKING:
    from ctypes import c_uint64


@dataclass(frozen=True)
class Health:
    """The state of a registration at one moment."""

    #: Seconds since the last confirmation: a list, an event, a bookmark, or a new watch. Bookmarks come about once a
    #: minute, and a watch that is silent for 90 s is opened again, so a quiet cluster is not old. None before the first
    #: sync.
    age: float | None
    #: The age is more than `max_stale_ms` (without it: than is normal), or nothing has been read yet.
    stale: bool
    #: A watch is open. Between two watches it is False for a moment.
    watching: bool
    #: The pods are listed every `poll_interval_ms` instead of watched.
    polling: bool
    #: What has gone wrong since the last sign of life, or why the pods are polled; None if nothing. It is not raised.
    error: KubepeersError | None
    #: What kind of failure that is, the same word as in the metrics, e.g. "unreachable"; "" if there is none.
    error_class: str


def health(provider: c_uint64) -> Health:
    """Ask for it."""
    with given(_library.Health(), lib.kubepeers_health_free, lib.kubepeers_get_health, provider) as found:
        age_ms: int = lib.kubepeers_health_age_ms(found)
        # It belongs to the health, and ends with it.
        error: _library.Error = lib.kubepeers_health_error(found)
        return Health(
            age=None if age_ms < 0 else age_ms / 1000,
            stale=lib.kubepeers_health_is_stale(found) != 0,
            watching=lib.kubepeers_health_is_watching(found) != 0,
            polling=lib.kubepeers_health_is_polling(found) != 0,
            error=exception(lib.kubepeers_error_status(error), error) if error else None,
            error_class=lib.kubepeers_health_error_class(found).decode(),
        )
