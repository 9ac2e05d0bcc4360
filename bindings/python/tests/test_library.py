"""Loading the library, its version, and the declarations of its header."""

from __future__ import annotations

import _ctypes
import inspect
import re
import shutil
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
)
from pathlib import Path
from types import SimpleNamespace

import kubepeers
import pytest
from installation import SONAME, Installation
from kubepeers import LibraryError, Provider, Status, _config, _library


@pytest.fixture(scope="session")
def library() -> Path:
    """The library file that this process has loaded."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return next(Path(line.split(maxsplit=5)[5]) for line in lines if "libkubepeers" in line)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "site")


def folder_with_library(folder: Path, library: Path) -> Path:
    """Create a folder with a copy of the library under its soname."""
    folder.mkdir(exist_ok=True)
    shutil.copy(library, folder / SONAME)
    return folder


def test_environment_variable_has_precedence(
    installation: Installation, library: Path, tmp_path: Path
) -> None:
    configured = folder_with_library(tmp_path / "configured", library) / SONAME
    (installation.package / SONAME).write_text("not a library")
    assert installation.load(KUBEPEERS_LIBRARY=str(configured), LD_LIBRARY_PATH="/nowhere") == (
        0,
        str(configured),
    )
    # A file name without a folder is relative to the working directory.
    shutil.copy(library, tmp_path / "name.so")
    assert installation.load(KUBEPEERS_LIBRARY="name.so") == (0, str(tmp_path / "name.so"))


def test_bundled_library_precedes_the_system_library(
    installation: Installation, library: Path, tmp_path: Path
) -> None:
    other = folder_with_library(tmp_path / "other", library)
    folder_with_library(installation.package, library)
    bundled = (0, str(installation.package / SONAME))
    assert installation.load(LD_LIBRARY_PATH=str(other)) == bundled
    assert installation.load(LD_LIBRARY_PATH=str(other), KUBEPEERS_LIBRARY="") == bundled


def test_system_library_is_found(installation: Installation, library: Path, tmp_path: Path) -> None:
    other = folder_with_library(tmp_path / "other", library)
    assert installation.load(LD_LIBRARY_PATH=str(other)) == (0, SONAME)


def test_error_for_a_missing_library_lists_all_places(installation: Installation) -> None:
    status, error = installation.load(LD_LIBRARY_PATH="/nowhere")
    assert status == 1
    for word in (
        "LibraryError",
        "KUBEPEERS_LIBRARY",
        str(installation.package / SONAME),
        "LD_LIBRARY_PATH",
        "system",
    ):
        assert word in error


def test_configured_library_that_cannot_be_loaded_is_an_error(
    installation: Installation, library: Path, tmp_path: Path
) -> None:
    good = str(folder_with_library(tmp_path / "good", library))
    status, error = installation.load(LD_LIBRARY_PATH=good, KUBEPEERS_LIBRARY="/nowhere/lib.so")
    assert status == 1
    assert "LibraryError" in error
    assert "/nowhere/lib.so" in error
    assert "KUBEPEERS_LIBRARY" in error
    (installation.package / SONAME).write_text("not a library")
    status, error = installation.load(LD_LIBRARY_PATH=good)
    assert status == 1
    assert str(installation.package / SONAME) in error


def test_other_library_is_rejected(installation: Installation) -> None:
    status, error = installation.load(KUBEPEERS_LIBRARY=_ctypes.__file__)
    assert status == 1
    assert "is not a kubepeers library" in error


def test_library_without_a_function_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_library.PROTOTYPES, "kubepeers_from_the_future", (None,))
    with pytest.raises(LibraryError, match="it has no kubepeers_from_the_future"):
        _library.load()


@pytest.mark.parametrize(
    ("package", "library", "accepted"),
    [
        ("0.1.0", (0, 1, 0), True),
        ("0.1.0", (0, 1, 7), True),
        ("0.1.7", (0, 1, 0), True),
        ("0.1.0", (0, 2, 0), True),
        ("0.2.0", (0, 1, 9), False),
        ("0.1.0", (1, 1, 0), False),
        ("1.1.0", (0, 1, 0), False),
        ("1.0.0", (1, 2, 3), True),
        ("1.2.0", (1, 1, 9), False),
        ("1.0.0", (2, 0, 0), False),
    ],
)
def test_older_or_incompatible_library_is_rejected(
    monkeypatch: pytest.MonkeyPatch, package: str, library: tuple[int, int, int], *, accepted: bool
) -> None:
    def version_number() -> int:
        return library[0] * 1_000_000 + library[1] * 1_000 + library[2]

    monkeypatch.setattr(_library, "__version__", package)
    fake = SimpleNamespace(kubepeers_version_number=version_number)
    if accepted:
        _library._check_version(fake, "place")  # type: ignore[arg-type]
        return
    with pytest.raises(LibraryError) as raised:
        _library._check_version(fake, "place")  # type: ignore[arg-type]
    for word in ("place", package, ".".join(map(str, library))):
        assert word in str(raised.value)


# --- The header ---

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
            types += [
                re.sub(r"\w+$", "", parameter.strip()).strip()
                for parameter in parameters.split(",")
            ]
        found[name] = tuple(TYPES[" ".join(text.split())] for text in types)
    return found


def test_prototypes_match_the_header() -> None:
    assert functions() == _library.PROTOTYPES


def test_prototypes_are_applied() -> None:
    for name, prototype in _library.PROTOTYPES.items():
        function = getattr(_library.lib, name)
        assert (function.restype, *function.argtypes) == prototype, name


def numbers(prefix: str) -> dict[str, int]:
    """Return the numbers whose names have the prefix, without it."""
    found = re.findall(
        rf"#define KUBEPEERS_{prefix}(\w+) \(?(-?\d+)\)?$", HEADER, flags=re.MULTILINE
    )
    return {name: int(number) for name, number in found}


def test_statuses_match_the_header() -> None:
    assert {status.name: status.value for status in Status} == numbers(
        "(?!VERSION_|EXPLAIN_|DOCTOR_|LOG_|TIMEOUT_)"
    )
    for status in Status:
        assert _library.lib.kubepeers_status_name(status).decode() == status.name


def test_explanation_forms_match_the_header() -> None:
    assert numbers("EXPLAIN_") == _library.EXPLAIN


def test_report_forms_match_the_header() -> None:
    assert numbers("DOCTOR_") == _library.DOCTOR


def test_log_levels_match_the_header() -> None:
    assert numbers("LOG_") == _library.LOG


def test_only_functions_that_return_at_once_keep_the_interpreter_lock() -> None:
    keeping = [name for name in _library.PROTOTYPES if getattr(_library.lib, name)._flags_ & 4]
    assert keeping == ["kubepeers_generation"]


def test_default_timeouts_match_the_header() -> None:
    for key, ours in (
        ("register_timeout_ms", _config.REGISTER_TIMEOUT),
        ("discover_timeout_ms", _config.DISCOVER_TIMEOUT),
    ):
        default = re.search(
            rf"^ \*   {key}\n(?: \*     .*\n)*? \*     .*Default:\s+(?:\*\s+)?(\d+)\b",
            HEADER,
            flags=re.MULTILINE,
        )
        assert default
        assert int(default[1]) / 1000 == ours


def test_options_match_the_header() -> None:
    text = HEADER[
        HEADER.index("Required keys") : HEADER.index("kubepeers_config_set(kubepeers_config")
    ]
    required, optional = text.split("Optional keys")
    names = re.compile(r"^ \*   ((?:\w+, )*\w+)$", flags=re.MULTILINE)

    def keys(part: str) -> list[str]:
        return [key for line in names.findall(part) for key in line.split(", ")]

    def options(*kinds: object) -> list[str]:
        parameters = inspect.signature(Provider).parameters.values()
        return [
            p.name
            for p in parameters
            if p.kind is p.KEYWORD_ONLY and (p.default is p.empty) in kinds
        ]

    assert keys(required) == options(True)
    # Python's options are in seconds.
    assert sorted(key.removesuffix("_ms") for key in keys(optional)) == sorted(options(False))
    assert {key for key in keys(optional) if key.endswith("_ms")} == {
        f"{name}_ms" for name in _config._SECONDS
    }


def test_versions_match_the_header() -> None:
    parts = [
        re.search(rf"#define KUBEPEERS_VERSION_{part} (\d+)", HEADER)
        for part in ("MAJOR", "MINOR", "PATCH")
    ]
    version = ".".join(part[1] for part in parts if part)
    assert kubepeers.__version__ == version
    assert kubepeers.library_version() == version
