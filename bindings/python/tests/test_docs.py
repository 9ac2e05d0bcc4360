"""The documents match the package, and their examples work."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import kubepeers
import pytest
from kubepeers import KubepeersError, Provider

PACKAGE = Path(kubepeers.__file__).parent
GUIDE = PACKAGE.parents[2] / "docs/python.md"
README = PACKAGE.parent / "README.md"


def examples(document: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", [GUIDE, README], ids=lambda document: document.name)
def test_examples_compile(document: Path) -> None:
    found = examples(document)
    assert found
    for program in found:
        compile(program, document.name, "exec")


@pytest.mark.parametrize("document", [GUIDE, README], ids=lambda document: document.name)
def test_names_in_examples_exist(document: Path) -> None:
    text = document.read_text()
    for names in re.findall(r"from kubepeers import (.*)", text):
        assert set(names.split(", ")) <= set(kubepeers.__all__)
    for name in re.findall(r"\bprovider\.(\w+)", text):
        assert hasattr(Provider, name) or name in ("set_error", "set_peers"), name


def test_pytest_example_passes(tmp_path: Path) -> None:
    for program in examples(GUIDE):
        name = program.splitlines()[0].removeprefix("# ")
        if name.endswith("service.py"):
            (tmp_path / name).write_text(program)
    environment = {
        **os.environ,
        "KUBEPEERS_LIBRARY": "/nowhere",
        "PYTHONPATH": f"{PACKAGE.parent}:{tmp_path}",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        "--rootdir",
        tmp_path,
    ]
    done = subprocess.run(
        [*command, tmp_path / "test_service.py"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_guide_contains_the_tree_of_errors() -> None:
    tree = inspect.getdoc(KubepeersError) or ""
    (tree,) = re.findall(r"^( +KubepeersError  .*?)\n\n", tree, re.MULTILINE | re.DOTALL)
    assert textwrap.dedent(tree) in GUIDE.read_text()


def test_guide_lists_all_options() -> None:
    parameters = inspect.signature(Provider).parameters.values()
    options = {
        parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY
    }
    (table,) = re.findall(r"^\| option .*?\n\n", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    rows = [row.split("|")[1] for row in table.strip().splitlines()[2:]]
    assert {option for row in rows for option in re.findall(r"`(\w+)`", row)} == options


@pytest.mark.parametrize("cls", [kubepeers.Provider, kubepeers.AsyncProvider])
def test_docstrings_of_public_methods_list_all_parameters(cls: type) -> None:
    for name, member in inspect.getmembers(cls):
        if name.startswith("_"):
            continue
        text = inspect.getdoc(member)
        assert text, name
        if inspect.isfunction(member):
            for parameter in list(inspect.signature(member).parameters)[1:]:
                assert f"    {parameter}: " in text, f"{name}: {parameter}"


def test_docstring_of_the_constructor_lists_all_options() -> None:
    text = inspect.getdoc(Provider.__init__) or ""
    for name in list(inspect.signature(Provider.__init__).parameters)[1:]:
        assert re.search(rf"^    \**{name}: ", text, re.MULTILINE), name
