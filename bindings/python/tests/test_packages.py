"""The metadata of the packages."""

from __future__ import annotations

import os
import re
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packages import SOURCE, build, source, source_with_library

LICENCE = (SOURCE.parents[1] / "LICENSE").read_bytes()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a wheel without a library, which `pip install PATH/bindings/python` makes."""
    work = tmp_path_factory.mktemp("wheel")
    return unzipped(build("wheel", source(work / "source"), work / "built"))


def unzipped(wheel: Path) -> dict[str, bytes]:
    """Read a wheel; what is about it is under "info/", whatever the version."""
    with zipfile.ZipFile(wheel) as archive:
        return {re.sub(r"^kubepeers-.*\.dist-info/", "info/", name): archive.read(name) for name in archive.namelist()}


def parsed(metadata: bytes) -> Message:
    return Parser().parsestr(metadata.decode())


@pytest.fixture(scope="module")
def metadata(wheel: dict[str, bytes]) -> Message:
    return parsed(wheel["info/METADATA"])


# hatchling writes the newest it knows, which is 2.5 from 1.33 on; twine 6 and packaging 25 refuse that.
def test_the_metadata_of_a_wheel_has_a_version_that_all_tools_know(metadata: Message) -> None:
    assert metadata["Metadata-Version"] == "2.4"


def test_the_metadata_of_a_source_distribution_has_that_version(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", source(tmp_path / "source"), tmp_path / "built")) as archive:
        files = {name.split("/", 1)[1]: name for name in archive.getnames()}
        read = {name: archive.extractfile(files[name]) for name in ("PKG-INFO", "LICENSE")}
        contents = {name: file.read() for name, file in read.items() if file}
    assert parsed(contents["PKG-INFO"])["Metadata-Version"] == "2.4"
    assert contents["LICENSE"] == LICENCE


def test_a_wheel_contains_its_license(wheel: dict[str, bytes], metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert wheel["info/licenses/LICENSE"] == LICENCE


def test_a_wheel_with_the_library_has_a_bill_of_materials(tmp_path: Path) -> None:
    platform = "linux_" + os.uname().machine
    folder = source_with_library(tmp_path / "source")
    files = unzipped(build("wheel", folder, tmp_path / "built", KUBEPEERS_WHEEL_PLATFORM=platform))
    assert parsed(files["info/METADATA"])["Metadata-Version"] == "2.4"
    assert f"Tag: py3-none-{platform}\n".encode() in files["info/WHEEL"]
    assert files["info/sboms/kubepeers.cdx.json"] == b"{}"
    assert files["info/licenses/LICENSE"] == LICENCE
    assert "kubepeers/libkubepeers.so.0" in files


def test_the_metadata_names_the_author_and_the_urls(metadata: Message) -> None:
    repository = "https://github.com/kubepeers/kubepeers"
    assert metadata["Author"] == "The kubepeers maintainers"
    urls = dict(url.split(", ") for url in metadata.get_all("Project-URL", []))
    assert urls.keys() == {"Documentation", "Issues", "Source"}
    assert all(url.startswith(repository) for url in urls.values())


def test_the_classifiers_name_the_supported_versions_of_python(metadata: Message) -> None:
    named = re.findall(r"^Classifier: Programming Language :: Python :: (3\.\d+)$", str(metadata), re.MULTILINE)
    assert named == ["3.10", "3.11", "3.12", "3.13"]
    assert metadata["Requires-Python"] == ">=" + named[0]
