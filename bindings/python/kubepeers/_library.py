"""Finds libkubepeers.so, checks its version, and declares its functions.

Importing this module loads the library. The package imports it only when it is needed.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import (
    POINTER,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any

from ._errors import LibraryError
from ._version import __version__

ENVIRONMENT_VARIABLE = "KUBEPEERS_LIBRARY"
SONAME = "libkubepeers.so.0"


# Each kind of object has its own class, so that ctypes rejects an object of another kind.
class Config(c_void_p):
    """A `kubepeers_config *`."""


class Peers(c_void_p):
    """A `kubepeers_peers *`."""


class Health(c_void_p):
    """A `kubepeers_health *`."""


class Text(c_void_p):
    """A `char *` to free. ctypes copies a `c_char_p`, so that the original could not be freed."""


class Error(c_void_p):
    """A `kubepeers_error *`."""


_Status = c_int32
_Provider = c_uint64

#: The forms of `kubepeers_explain`.
EXPLAIN = {"JSON": 1, "TABLE": 2}

#: The forms of `kubepeers_doctor`.
DOCTOR = {"JSON": 1, "TEXT": 2}

#: The levels of log records.
LOG = {"ERROR": 1, "WARN": 2, "INFO": 3, "DEBUG": 4}

#: The result type and the parameter types of each function in include/kubepeers.h. ctypes copies a
#: returned `c_char_p`.
PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "kubepeers_config_new": (Config,),
    "kubepeers_config_set": (_Status, Config, c_char_p, c_char_p, POINTER(Error)),
    "kubepeers_config_free": (None, Config),
    "kubepeers_id": (c_char_p,),
    "kubepeers_init": (_Status, Config, POINTER(_Provider), POINTER(Error)),
    "kubepeers_register": (_Status, _Provider, c_int32, POINTER(Error)),
    "kubepeers_discover_peers": (_Status, _Provider, c_int32, POINTER(Peers), POINTER(Error)),
    "kubepeers_get_self": (_Status, _Provider, c_int32, POINTER(Peers), POINTER(Error)),
    "kubepeers_generation": (c_uint64, _Provider),
    "kubepeers_copy_addresses": (
        _Status,
        _Provider,
        c_uint64,
        c_int32,
        Text,
        c_size_t,
        POINTER(c_size_t),
        POINTER(c_uint64),
        POINTER(Error),
    ),
    "kubepeers_change_fd": (_Status, _Provider, POINTER(c_int), POINTER(Error)),
    "kubepeers_wait": (_Status, _Provider, c_uint64, c_int32, POINTER(Peers), POINTER(Error)),
    "kubepeers_wait_for_peers": (
        _Status,
        _Provider,
        c_size_t,
        c_int32,
        c_int32,
        POINTER(Peers),
        POINTER(Error),
    ),
    "kubepeers_refresh": (_Status, _Provider, POINTER(c_uint64), c_int32, POINTER(Error)),
    "kubepeers_deregister": (_Status, _Provider, POINTER(Error)),
    "kubepeers_close": (_Status, _Provider, POINTER(Error)),
    "kubepeers_peers_len": (c_size_t, Peers),
    "kubepeers_peers_generation": (c_uint64, Peers),
    "kubepeers_peers_address": (c_char_p, Peers, c_size_t),
    "kubepeers_peers_host": (c_char_p, Peers, c_size_t),
    "kubepeers_peers_discovery_port": (c_uint16, Peers, c_size_t),
    "kubepeers_peers_remoting_port": (c_uint16, Peers, c_size_t),
    "kubepeers_peers_peers_port": (c_uint16, Peers, c_size_t),
    "kubepeers_peers_name": (c_char_p, Peers, c_size_t),
    "kubepeers_peers_uid": (c_char_p, Peers, c_size_t),
    "kubepeers_peers_node_name": (c_char_p, Peers, c_size_t),
    "kubepeers_peers_revision": (c_char_p, Peers, c_size_t),
    "kubepeers_peers_is_ready": (c_int32, Peers, c_size_t),
    "kubepeers_peers_free": (None, Peers),
    "kubepeers_get_health": (_Status, _Provider, POINTER(Health), POINTER(Error)),
    "kubepeers_health_age_ms": (c_int64, Health),
    "kubepeers_health_is_stale": (c_int32, Health),
    "kubepeers_health_is_watching": (c_int32, Health),
    "kubepeers_health_is_polling": (c_int32, Health),
    "kubepeers_health_error": (Error, Health),
    "kubepeers_health_error_class": (c_char_p, Health),
    "kubepeers_health_free": (None, Health),
    "kubepeers_explain": (_Status, _Provider, c_int32, POINTER(Text), POINTER(Error)),
    "kubepeers_metrics": (_Status, _Provider, POINTER(Text), POINTER(Error)),
    "kubepeers_text_free": (None, Text),
    "kubepeers_doctor": (
        _Status,
        Config,
        c_int32,
        c_int32,
        POINTER(Text),
        POINTER(Text),
        POINTER(Error),
    ),
    "kubepeers_log_next": (
        _Status,
        _Provider,
        POINTER(c_int32),
        POINTER(c_int64),
        POINTER(Text),
        POINTER(Error),
    ),
    "kubepeers_error_status": (_Status, Error),
    "kubepeers_error_message": (c_char_p, Error),
    "kubepeers_error_manifest": (c_char_p, Error),
    "kubepeers_error_is_retryable": (c_int32, Error),
    "kubepeers_error_http_status": (c_int32, Error),
    "kubepeers_error_free": (None, Error),
    "kubepeers_status_name": (c_char_p, _Status),
    "kubepeers_version_number": (c_uint32,),
    "kubepeers_version": (c_char_p,),
}


def load() -> ctypes.CDLL:
    """Load the library from the first place that has one.

    The places are the environment variable KUBEPEERS_LIBRARY, the folder of this package, and the
    system's shared libraries.

    Raises:
        LibraryError: there is no library, or it is incompatible with this package.
    """
    # A CDLL, unlike a PyDLL, releases the GIL during a call.
    library, place = _open()
    _check_version(library, place)
    # This function takes nanoseconds. Releasing the GIL would take longer.
    library.kubepeers_generation = ctypes.PyDLL(None, handle=library._handle).kubepeers_generation  # type: ignore[attr-defined]
    for name, (result, *arguments) in PROTOTYPES.items():
        try:
            function = getattr(library, name)
        except AttributeError as e:
            raise LibraryError(
                f"{place} does not fit kubepeers {__version__} for Python: it has no {name}"
            ) from e
        function.restype = result
        function.argtypes = arguments
    return library


def _open() -> tuple[ctypes.CDLL, str]:
    explicit = os.environ.get(ENVIRONMENT_VARIABLE)
    if explicit:
        # If the named library cannot be loaded, this is an error: another one is no substitute.
        origin = f"from the environment variable {ENVIRONMENT_VARIABLE}"
        fix = f"set it to the path of libkubepeers {_required()} for this system, or unset it"
        return _load_file(explicit, origin, fix), explicit
    bundled = os.path.join(os.path.dirname(__file__), SONAME)
    if os.path.exists(bundled):
        return _load_file(
            bundled, "next to the package", "install a wheel for this system"
        ), bundled
    try:
        return ctypes.CDLL(SONAME), SONAME
    except OSError as e:
        raise LibraryError(
            f"{SONAME} was not found: the environment variable {ENVIRONMENT_VARIABLE} is not set, "
            f"{bundled} does not exist, and the system has none ({e}); "
            f"this installation of kubepeers {__version__} contains no library: install a wheel for this system, "
            f"install libkubepeers {_required()} where the system finds it (LD_LIBRARY_PATH, ldconfig), "
            f"or set {ENVIRONMENT_VARIABLE} to its path"
        ) from e


def _load_file(path: str, origin: str, fix: str) -> ctypes.CDLL:
    try:
        # The loader would search the system for a name without a slash.
        return ctypes.CDLL(os.path.abspath(path))
    except OSError as e:
        raise LibraryError(f"cannot load {path} ({origin}): {e}; {fix}") from e


def _check_version(library: ctypes.CDLL, place: str) -> None:
    try:
        version_number = library.kubepeers_version_number
    except AttributeError as e:
        raise LibraryError(
            f"{place} is not a kubepeers library: it has no kubepeers_version_number; "
            f"set {ENVIRONMENT_VARIABLE} to the path of libkubepeers {_required()}, or unset it"
        ) from e
    version_number.restype, version_number.argtypes = c_uint32, []
    major, rest = divmod(version_number(), 1_000_000)
    minor, patch = divmod(rest, 1_000)
    package_major, package_minor = _package_version()
    # Additions raise the minor version. A major version removes nothing (docs/abi.md).
    if major != package_major or minor < package_minor:
        raise LibraryError(
            f"{place} is version {major}.{minor}.{patch}, but kubepeers {__version__} for Python needs {_required()}: "
            f"install a library that is not older than the package"
        )


def _package_version() -> tuple[int, int]:
    major, minor, _ = (int(part) for part in __version__.split("."))
    return major, minor


def _required() -> str:
    major, minor = _package_version()
    return f"{major}.x from {major}.{minor} on"


lib = load()
