"""The packages that hatchling builds: their metadata and contents, and an installed wheel."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tarfile
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import kubepeers
import pytest
from cluster import cluster
from hatch_build import Hook
from packages import SOURCE, build, copy_source, copy_source_with_library, run

LICENSE = (SOURCE.parents[1] / "LICENSE").read_bytes()
PLATFORM = "linux_" + os.uname().machine


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a wheel without a library, as `pip install PATH/bindings/python` builds it."""
    work = tmp_path_factory.mktemp("wheel")
    return read_wheel(build("wheel", copy_source(work / "source"), work / "built"))


@pytest.fixture(scope="module")
def wheel_with_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with the library, for this machine."""
    work = tmp_path_factory.mktemp("wheel-with-library")
    return build(
        "wheel",
        copy_source_with_library(work / "source"),
        work / "built",
        KUBEPEERS_WHEEL_PLATFORM=PLATFORM,
    )


def read_wheel(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel. The folder of its metadata is renamed to "info/"."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            re.sub(r"^kubepeers-.*\.dist-info/", "info/", name): archive.read(name)
            for name in archive.namelist()
        }


def parse_metadata(metadata: bytes) -> Message:
    return Parser().parsestr(metadata.decode())


@pytest.fixture(scope="module")
def metadata(wheel: dict[str, bytes]) -> Message:
    return parse_metadata(wheel["info/METADATA"])


# By default, hatchling 1.33 writes version 2.5, which twine 6 and packaging 25 reject.
def test_metadata_version_of_a_wheel_is_widely_supported(metadata: Message) -> None:
    assert metadata["Metadata-Version"] == "2.4"


def test_metadata_version_of_an_sdist_is_widely_supported(tmp_path: Path) -> None:
    with tarfile.open(
        build("sdist", copy_source(tmp_path / "source"), tmp_path / "built")
    ) as archive:
        names = {name.split("/", 1)[1]: name for name in archive.getnames()}
        files = {name: archive.extractfile(names[name]) for name in ("PKG-INFO", "LICENSE")}
        contents = {name: file.read() for name, file in files.items() if file}
    assert parse_metadata(contents["PKG-INFO"])["Metadata-Version"] == "2.4"
    assert contents["LICENSE"] == LICENSE


def test_wheel_contains_the_license(wheel: dict[str, bytes], metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert wheel["info/licenses/LICENSE"] == LICENSE


def test_wheel_with_the_library_contains_a_bill_of_materials(wheel_with_library: Path) -> None:
    files = read_wheel(wheel_with_library)
    assert parse_metadata(files["info/METADATA"])["Metadata-Version"] == "2.4"
    assert f"Tag: py3-none-{PLATFORM}\n".encode() in files["info/WHEEL"]
    assert files["info/sboms/kubepeers.cdx.json"] == b"{}"
    assert files["info/licenses/LICENSE"] == LICENSE
    assert "kubepeers/libkubepeers.so.0" in files


def test_metadata_contains_author_and_urls(metadata: Message) -> None:
    repository = "https://github.com/kubepeers/kubepeers"
    assert metadata["Author"] == "The kubepeers maintainers"
    urls = dict(url.split(", ") for url in metadata.get_all("Project-URL", []))
    assert urls.keys() == {"Documentation", "Issues", "Source"}
    assert all(url.startswith(repository) for url in urls.values())


def test_classifiers_list_the_supported_python_versions(metadata: Message) -> None:
    versions = re.findall(
        r"^Classifier: Programming Language :: Python :: (3\.\d+)$", str(metadata), re.MULTILINE
    )
    assert versions == ["3.10", "3.11", "3.12", "3.13"]
    assert metadata["Requires-Python"] == ">=" + versions[0]


# --- The build hook ---


class App:
    """Receives the errors of a hook."""

    def abort(self, message: str) -> None:
        """End the build, as hatchling does."""
        raise SystemExit(message)


def test_old_hatchling_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEPEERS_WHEEL_PLATFORM", "any")
    hook = Hook(".", {}, None, None, ".", "wheel", App())  # type: ignore[arg-type]
    with pytest.raises(SystemExit, match=r"hatchling 1\.28 or newer"):
        hook.initialize("standard", {"force_include": {}})


# --- An installed wheel ---

CONSUMER = Path(__file__).with_name("consumer.py")

PROGRAM = """
import json, kubepeers, sys

with kubepeers.Provider(**json.loads(sys.argv[1])) as provider:
    print(*provider.discover_peers(60))
print({line.split()[-1] for line in open("/proc/self/maps") if "libkubepeers" in line})
"""


@pytest.fixture(scope="module")
def environment(wheel_with_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a virtual environment that contains only the wheel."""
    work = tmp_path_factory.mktemp("environment")
    # Installing pip into the environment would take seconds.
    venv.create(work / "venv", with_pip=False)
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        work / "venv/bin/python",
        "install",
        "--no-index",
        wheel_with_library,
    )
    return work / "venv/bin"


def test_installed_wheel_finds_peers(
    environment: Path, namespace: str, pod: tuple[str, ...]
) -> None:
    for number in (1, 2):
        cluster(*pod, "--phase=Running", f"--ip=10.0.0.{number}", f"pod-{number}")
    kubeconfig = os.environ["KUBECONFIG"]
    settings = {
        **{
            "namespace": namespace,
            "pod_labels": {"app": "test"},
            "kubeconfig": kubeconfig,
            "membership": "observer",
        },
        **{f"{port}_port_name": "gossip" for port in ("discovery", "remoting", "peers")},
    }
    printed = run(environment / "python", "-c", PROGRAM, json.dumps(settings))
    (library,) = environment.parent.glob("lib/*/site-packages/kubepeers/libkubepeers.so.0")
    assert printed.splitlines() == ["10.0.0.1:3322 10.0.0.2:3322", str({str(library)})]


def test_installed_wheel_has_the_command(environment: Path) -> None:
    command = environment / "kubepeers"
    assert command.read_bytes() == Path(os.environ["KUBEPEERS_COMMAND"]).read_bytes()
    assert run(command, "--version") == f"kubepeers {kubepeers.__version__}\n"


# It runs in another folder, where mypy does not find the sources.
def test_installed_wheel_has_types(environment: Path, tmp_path: Path) -> None:
    python = environment / "python"
    options = (
        "--strict",
        "--config-file=",
        "--cache-dir",
        tmp_path / "cache",
        "--python-executable",
        python,
    )
    run(sys.executable, "-m", "mypy", *options, shutil.copy(CONSUMER, tmp_path), cwd=tmp_path)


def test_consumer_uses_all_public_names() -> None:
    words = set(re.findall(r"\w+", CONSUMER.read_text()))
    assert {name for name in dir(kubepeers.Provider) if not name.startswith("_")} <= words
    assert set(kubepeers.__all__) <= words
