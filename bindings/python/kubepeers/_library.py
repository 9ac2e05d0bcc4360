"""Finds libkubepeers.so, checks that it fits, and declares its functions."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

from ._errors import LibraryError
from ._version import __version__

ENVIRONMENT_VARIABLE = "KUBEPEERS_LIBRARY"
SONAME = "libkubepeers.so.0"


# A class each: ctypes then refuses one kind of object where another is needed, and keeps them from becoming plain ints.
class Config(c_void_p):
    """A `kubepeers_config *`."""


class Peers(c_void_p):
    """A `kubepeers_peers *`."""


class Health(c_void_p):
    """A `kubepeers_health *`."""


class Text(c_void_p):
    """A `char *` that the library made. As a `c_char_p` it could not be freed: ctypes makes a copy of that."""


class Error(c_void_p):
    """A `kubepeers_error *`."""


_Status = c_int32
_Provider = c_uint64

#: What `kubepeers_explain` can tell.
EXPLAIN = {"JSON": 1, "TABLE": 2}

#: How much a log record matters.
LOG = {"ERROR": 1, "WARN": 2, "INFO": 3, "DEBUG": 4}

#: Each function of include/kubepeers.h: what it returns, then what it takes. A `c_char_p` comes back as a copy (bytes).
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
    "kubepeers_wait_for_peers": (_Status, _Provider, c_size_t, c_int32, c_int32, POINTER(Peers), POINTER(Error)),
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
    "kubepeers_log_next": (_Status, _Provider, POINTER(c_int32), POINTER(c_int64), POINTER(Text), POINTER(Error)),
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
    """Load the library from the first place that has it, or raise `LibraryError`."""
    # CDLL, not PyDLL: it releases the GIL during a call, so that a waiting call stops nobody else.
    library, place = _open()
    _check_version(library, place)
    # It neither waits nor locks: giving the interpreter's lock away meanwhile would cost more than the call.
    quick = ctypes.PyDLL(None, handle=library._handle)
    library.kubepeers_generation = quick.kubepeers_generation  # type: ignore[attr-defined]
    for name, (result, *arguments) in PROTOTYPES.items():
        try:
            function = getattr(library, name)
        except AttributeError as e:
            raise LibraryError(f"{place} is not the library of kubepeers {__version__}: it has no {name}") from e
        function.restype = result
        function.argtypes = arguments
    return library


def _open() -> tuple[ctypes.CDLL, str]:
    explicit = os.environ.get(ENVIRONMENT_VARIABLE)
    if explicit:
        # What was asked for by name is not silently replaced by something else.
        origin = f"from the environment variable {ENVIRONMENT_VARIABLE}"
        remedy = f"let it name a libkubepeers {_fitting()} for this system, or unset it"
        return _load_file(explicit, origin, remedy), explicit
    beside = Path(__file__).parent / SONAME
    if beside.exists():
        return _load_file(str(beside), "beside the package", "install a wheel for this system"), str(beside)
    try:
        return ctypes.CDLL(SONAME), SONAME
    except OSError as e:
        raise LibraryError(
            f"{SONAME} was not found. Looked at: the environment variable {ENVIRONMENT_VARIABLE} (not set); "
            f"{beside} (no such file, or inside an archive); the system's places for shared libraries ({e}). "
            f"This installation of kubepeers {__version__} brings no library: take a wheel made for this system, "
            f"install libkubepeers {_fitting()} where the system finds it (LD_LIBRARY_PATH, ldconfig), "
            f"or set {ENVIRONMENT_VARIABLE} to the path of the file."
        ) from e


def _load_file(path: str, origin: str, remedy: str) -> ctypes.CDLL:
    try:
        # A name without a slash would make the loader look elsewhere.
        return ctypes.CDLL(os.path.abspath(path))
    except OSError as e:
        raise LibraryError(f"cannot load {path} ({origin}): {e}. To mend it, {remedy}.") from e


def _check_version(library: ctypes.CDLL, place: str) -> None:
    try:
        version_number = library.kubepeers_version_number
    except AttributeError as e:
        raise LibraryError(
            f"{place} is not a kubepeers library: it has no kubepeers_version_number. "
            f"{ENVIRONMENT_VARIABLE} is to name a libkubepeers {_fitting()}, or nothing."
        ) from e
    version_number.restype, version_number.argtypes = c_uint32, []
    major, rest = divmod(version_number(), 1_000_000)
    minor, patch = divmod(rest, 1_000)
    own_major, own_minor = _own()
    # What is added raises the minor version, and nothing is taken away while the major one is the same: docs/abi.md.
    if major != own_major or minor < own_minor:
        raise LibraryError(
            f"{place} is version {major}.{minor}.{patch}, but kubepeers {__version__} for Python needs {_fitting()}: "
            f"install a library that is not older than the package"
        )


def _own() -> tuple[int, int]:
    major, minor, _ = (int(part) for part in __version__.split("."))
    return major, minor


def _fitting() -> str:
    major, minor = _own()
    return f"{major}.x from {major}.{minor} on"


lib = load()


def library_version() -> str:
    """Give the version of the library that is loaded, e.g. "0.4.0"."""
    version: bytes = lib.kubepeers_version()
    return version.decode()
