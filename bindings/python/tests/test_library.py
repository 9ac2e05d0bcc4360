"""Where the library is loaded from, and the errors if it is missing or does not fit."""

from __future__ import annotations

import _ctypes
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from installation import SONAME, Installation
from kubepeers import LibraryError, _library


@pytest.fixture(scope="session")
def library() -> Path:
    """The file that this process has loaded."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return next(Path(line.split(maxsplit=5)[5]) for line in lines if "libkubepeers" in line)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "site")


def folder(tmp_path: Path, library: Path) -> Path:
    """Make a folder with a copy of the library under its soname."""
    tmp_path.mkdir(exist_ok=True)
    shutil.copy(library, tmp_path / SONAME)
    return tmp_path


def test_the_environment_variable_comes_first(installation: Installation, library: Path, tmp_path: Path) -> None:
    wanted = folder(tmp_path / "wanted", library) / SONAME
    (installation.package / SONAME).write_text("not this")
    assert installation.use(KUBEPEERS_LIBRARY=str(wanted), LD_LIBRARY_PATH="/nowhere") == (0, str(wanted))
    # A name alone is a file of the working directory, as with every other variable that holds a path.
    shutil.copy(library, tmp_path / "name.so")
    assert installation.use(KUBEPEERS_LIBRARY="name.so") == (0, str(tmp_path / "name.so"))


def test_the_bundled_library_comes_second(installation: Installation, library: Path, tmp_path: Path) -> None:
    other = folder(tmp_path / "other", library)
    folder(installation.package, library)
    bundled = (0, str(installation.package / SONAME))
    assert installation.use(LD_LIBRARY_PATH=str(other)) == bundled
    assert installation.use(LD_LIBRARY_PATH=str(other), KUBEPEERS_LIBRARY="") == bundled


def test_the_library_of_the_system_comes_third(installation: Installation, library: Path, tmp_path: Path) -> None:
    other = folder(tmp_path / "other", library)
    assert installation.use(LD_LIBRARY_PATH=str(other)) == (0, SONAME)


def test_a_missing_library_is_an_error(installation: Installation) -> None:
    status, error = installation.use(LD_LIBRARY_PATH="/nowhere")
    assert status == 1
    for word in ("LibraryError", "KUBEPEERS_LIBRARY", str(installation.package / SONAME), "LD_LIBRARY_PATH", "system"):
        assert word in error


def test_a_named_library_is_not_replaced_by_another(installation: Installation, library: Path, tmp_path: Path) -> None:
    good = str(folder(tmp_path / "good", library))
    status, error = installation.use(LD_LIBRARY_PATH=good, KUBEPEERS_LIBRARY="/nowhere/lib.so")
    assert status == 1
    assert "LibraryError" in error
    assert "/nowhere/lib.so" in error
    assert "KUBEPEERS_LIBRARY" in error
    (installation.package / SONAME).write_text("no library")
    status, error = installation.use(LD_LIBRARY_PATH=good)
    assert status == 1
    assert str(installation.package / SONAME) in error


def test_a_foreign_library_is_refused(installation: Installation) -> None:
    status, error = installation.use(KUBEPEERS_LIBRARY=_ctypes.__file__)
    assert status == 1
    assert "is not a kubepeers library" in error


def test_a_library_without_a_function_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_library.PROTOTYPES, "kubepeers_from_the_future", (None,))
    with pytest.raises(LibraryError, match="it has no kubepeers_from_the_future"):
        _library.load()


@pytest.mark.parametrize(
    ("package", "library", "good"),
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
def test_versions_that_fit(
    monkeypatch: pytest.MonkeyPatch, package: str, library: tuple[int, int, int], *, good: bool
) -> None:
    def version_number() -> int:
        return library[0] * 1_000_000 + library[1] * 1_000 + library[2]

    monkeypatch.setattr(_library, "__version__", package)
    fake = SimpleNamespace(kubepeers_version_number=version_number)
    if good:
        _library._check_version(fake, "place")  # type: ignore[arg-type]
        return
    with pytest.raises(LibraryError) as raised:
        _library._check_version(fake, "place")  # type: ignore[arg-type]
    for word in ("place", package, ".".join(map(str, library))):
        assert word in str(raised.value)
