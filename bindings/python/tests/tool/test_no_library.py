"""The command where there is no library, or a wrong one."""

from __future__ import annotations

import _ctypes
import shutil
import subprocess
from pathlib import Path

import pytest
from installation import SONAME, Installation
from kubepeers import __version__, _library
from test_states import STEPS, found_states

#: As pip writes it.
SCRIPT = "import sys\nfrom kubepeers.tool.entry import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
#: What is there instead of it, and what is said of that.
INSTEAD = {
    "nothing": (
        {"LD_LIBRARY_PATH": "/nowhere"},
        (f"{SONAME} was not found", "install a wheel", "KUBEPEERS_LIBRARY"),
    ),
    "no such file": (
        {"KUBEPEERS_LIBRARY": "/nowhere/lib.so"},
        ("cannot load /nowhere/lib.so", "KUBEPEERS_LIBRARY"),
    ),
    "no library": (
        {"KUBEPEERS_LIBRARY": __file__},
        (f"cannot load {__file__}", "for this system, or unset it"),
    ),
    "another library": (
        {"KUBEPEERS_LIBRARY": _ctypes.__file__},
        ("is not a kubepeers library", "KUBEPEERS_LIBRARY"),
    ),
    "another version": (
        {"KUBEPEERS_LIBRARY": _library.lib._name},
        (
            f"is version {__version__}",
            "kubepeers 99.0.0 for Python needs 99.x from 99.0 on",
            "not older than the package",
        ),
    ),
}


class Command:
    """`kubepeers`, installed without a library."""

    def __init__(self, folder: Path, how: list[str]) -> None:
        self.installation = Installation(folder / "site")
        self.how = how
        (folder / "kubepeers").write_text(SCRIPT)
        #: What is there instead of a library.
        self.environment = {"LD_LIBRARY_PATH": "/nowhere"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = self.installation.run("-W", "error", *self.how, *arguments, **self.environment)
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture(params=[["-m", "kubepeers"], ["kubepeers"]], ids=["module", "script"])
def command(tmp_path: Path, request: pytest.FixtureRequest) -> Command:
    return Command(tmp_path, request.param)


@pytest.fixture(params=INSTEAD)
def says(command: Command, request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Put something in the library's place; give words that are said of it."""
    command.environment, words = INSTEAD[request.param]
    if request.param == "another version":
        (command.installation.package / "_version.py").write_text('__version__ = "99.0.0"\n')
    return words


@pytest.mark.parametrize("arguments", [["peers"], ["peers", "--json"], ["watch"]], ids=" ".join)
def test_peers_and_watch(command: Command, says: tuple[str, ...], arguments: list[str]) -> None:
    done = command.run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("kubepeers: ")
    assert all(words in line for words in says), line


def test_doctor(command: Command, says: tuple[str, ...]) -> None:
    done = command.run("doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert found_states(done.stdout) == {
        "library": "wrong",
        **dict.fromkeys(STEPS[1:], "not reached"),
    }
    text = " ".join(done.stdout.split())
    assert all(words in text for words in (*says, "wrong: library")), done.stdout


def test_help_version_and_wrong_calls(command: Command) -> None:
    assert "exit status" in command.run("--help").stdout
    assert command.run("peers", "--help").returncode == 0
    assert command.run("--version").stdout == f"kubepeers {__version__}\n"
    assert command.run("nix").returncode == 2


def test_a_library_inside_an_archive(command: Command) -> None:
    package = command.installation.package
    shutil.copy(_library.lib._name, package / SONAME)
    archive = shutil.make_archive(str(package.parent.parent / "packed"), "zip", package.parent)
    done = command.installation.run(
        "-m", "kubepeers", "peers", PYTHONPATH=archive, LD_LIBRARY_PATH="/nowhere"
    )
    assert done.returncode == 1
    assert f"{archive}/kubepeers/{SONAME} does not exist" in done.stderr


@pytest.mark.parametrize(
    "use", ["library_version()", "Provider(pod_labels={'a': 'b'}, discovery_port_name='p')"]
)
def test_another_program_gets_the_error_when_it_needs_the_library(
    command: Command, use: str
) -> None:
    other = command.installation.package.parent / "other"
    other.mkdir()
    (other / "__init__.py").write_text(f"from kubepeers import *\n{use}\n")
    (other / "__main__.py").touch()
    done = command.installation.run("-m", "other", **command.environment)
    assert done.returncode == 1
    assert f"LibraryError: {SONAME} was not found" in done.stderr
