"""The package agrees with the header of the library."""

from __future__ import annotations

import inspect
import re
from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint16, c_uint32, c_uint64
from pathlib import Path

import kubepeers
import pytest
from kubepeers import Provider, Status, _config, _library

HEADER = (Path(__file__).parents[3] / "include" / "kubepeers.h").read_text()

TYPES = {
    "void": None,
    "int32_t": c_int32,
    "int64_t": c_int64,
    "uint16_t": c_uint16,
    "uint32_t": c_uint32,
    "uint64_t": c_uint64,
    "size_t": c_size_t,
    "kubepeers_status": c_int32,
    "kubepeers_provider": c_uint64,
    "const char *": c_char_p,
    "kubepeers_provider *": POINTER(c_uint64),
    "uint64_t *": POINTER(c_uint64),
    "int64_t *": POINTER(c_int64),
    "int32_t *": POINTER(c_int32),
    "int *": POINTER(c_int),
    "size_t *": POINTER(c_size_t),
    "kubepeers_config *": _library.Config,
    "const kubepeers_config *": _library.Config,
    "kubepeers_peers *": _library.Peers,
    "const kubepeers_peers *": _library.Peers,
    "kubepeers_peers **": POINTER(_library.Peers),
    "kubepeers_health *": _library.Health,
    "const kubepeers_health *": _library.Health,
    "kubepeers_health **": POINTER(_library.Health),
    "char *": _library.Text,
    "char **": POINTER(_library.Text),
    "const kubepeers_error *": _library.Error,
    "kubepeers_error *": _library.Error,
    "kubepeers_error **": POINTER(_library.Error),
}


def functions() -> dict[str, tuple[object, ...]]:
    """Return the result and the parameters of each function."""
    code = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)
    code = re.sub(r"//.*|^#.*|KUBEPEERS_MUST_USE", "", code, flags=re.MULTILINE)
    found = {}
    for result, name, parameters in re.findall(r"([\w ]+?[ *]+)(kubepeers_\w+)\(([^)]*)\);", code):
        types = [result.strip()]
        if parameters.strip() != "void":
            types += [re.sub(r"\w+$", "", parameter.strip()).strip() for parameter in parameters.split(",")]
        found[name] = tuple(TYPES[" ".join(text.split())] for text in types)
    return found


def test_every_function_is_declared() -> None:
    assert functions() == _library.PROTOTYPES


@pytest.mark.parametrize("name", _library.PROTOTYPES)
def test_declarations_are_applied(name: str) -> None:
    function = getattr(_library.lib, name)
    assert (function.restype, *function.argtypes) == _library.PROTOTYPES[name]


def numbers(prefix: str) -> dict[str, int]:
    """Return the numbers whose names have the prefix, without it."""
    found = re.findall(rf"#define KUBEPEERS_{prefix}(\w+) \(?(-?\d+)\)?$", HEADER, flags=re.MULTILINE)
    return {name: int(number) for name, number in found}


def test_statuses() -> None:
    assert {status.name: status.value for status in Status} == numbers("(?!VERSION_|EXPLAIN_|LOG_|TIMEOUT_)")
    for status in Status:
        assert _library.lib.kubepeers_status_name(status).decode() == status.name


def test_forms_of_explanations() -> None:
    assert numbers("EXPLAIN_") == _library.EXPLAIN


def test_levels_of_log_records() -> None:
    assert numbers("LOG_") == _library.LOG


def test_only_quick_functions_keep_the_interpreter_lock() -> None:
    keeping = [name for name in _library.PROTOTYPES if getattr(_library.lib, name)._flags_ & 4]
    assert keeping == ["kubepeers_generation"]


def test_the_default_timeout() -> None:
    for key, ours in (
        ("register_timeout_ms", _config.REGISTER_TIMEOUT),
        ("discover_timeout_ms", _config.DISCOVER_TIMEOUT),
    ):
        default = re.search(rf"^ \*   {key}$.*?Default:\s+(?:\*\s+)?(\d+)\.$", HEADER, flags=re.MULTILINE | re.DOTALL)
        assert default
        assert int(default[1]) / 1000 == ours


def test_options() -> None:
    text = HEADER[HEADER.index("Required keys") : HEADER.index("kubepeers_config_set(kubepeers_config")]
    required, optional = text.split("Optional keys")
    names = re.compile(r"^ \*   ((?:\w+, )*\w+)$", flags=re.MULTILINE)

    def keys(part: str) -> list[str]:
        return [key for line in names.findall(part) for key in line.split(", ")]

    def options(*kinds: object) -> list[str]:
        parameters = inspect.signature(Provider).parameters.values()
        return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and (p.default is p.empty) in kinds]

    assert keys(required) == options(True)
    # In Python, times are in seconds.
    assert sorted(key.removesuffix("_ms") for key in keys(optional)) == sorted(options(False))
    assert {key for key in keys(optional) if key.endswith("_ms")} == {f"{name}_ms" for name in _config._SECONDS}


def test_versions() -> None:
    parts = [re.search(rf"#define KUBEPEERS_VERSION_{part} (\d+)", HEADER) for part in ("MAJOR", "MINOR", "PATCH")]
    version = ".".join(part[1] for part in parts if part)
    assert kubepeers.__version__ == version
    assert kubepeers.library_version() == version
