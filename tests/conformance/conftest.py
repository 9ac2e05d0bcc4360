"""Fixtures: a namespace of the test's own, a pod in it that the probes are, and the probes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from control_plane import ControlPlane
from member import OWN, Member, needed
from namespace import Namespace
from probes import Probes, base_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

T = TypeVar("T", str, "str | bytes")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--c-only", action="store_true", help="run the C probe alone")


@pytest.fixture(scope="session")
def languages(pytestconfig: pytest.Config) -> dict[str, list[str]]:
    c = {"C": [needed("KUBEPEERS_PROBE_C")]}
    if pytestconfig.getoption("--c-only"):
        return c
    python = [sys.executable, str(Path(__file__).with_name("probe.py"))]
    return {
        **c,
        "Go": [needed("KUBEPEERS_PROBE_GO")],
        "Python": python,
        "Python with asyncio": [*python, "--asyncio"],
    }


@pytest.fixture
def control_plane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    """A control plane of the test's own. Whoever asks for a cluster from here on gets this one."""
    with ControlPlane(needed("TESTENV"), tmp_path / "control-plane") as own:
        monkeypatch.setenv("KUBECONFIG", str(own.kubeconfig))
        for name, value in own.endpoint().items():
            monkeypatch.setenv(name, value)
        yield own


@pytest.fixture
def namespace() -> Namespace:
    needed("KUBECONFIG")
    return Namespace(needed("TESTENV"))


def given(settings: Mapping[str, T | None]) -> list[tuple[str, T]]:
    return [(key, value) for key, value in settings.items() if value is not None]


@pytest.fixture
def start(languages: dict[str, list[str]], request: pytest.FixtureRequest) -> Iterator[Callable[..., Probes]]:
    """Start the probes of all languages; see afterwards that they ended well and gave no secret away."""
    started: list[Probes] = []

    # What is None is left out.
    def start(
        settings: Mapping[str, str | bytes | None], environment: Mapping[str, str | None] | None = None
    ) -> Probes:
        arguments = [f"{key}=".encode() + (v if isinstance(v, bytes) else v.encode()) for key, v in given(settings)]
        probes = Probes(languages, arguments, {**base_environment(), **dict(given(environment or {}))})
        started.append(probes)
        return probes

    yield start

    tokens = request.getfixturevalue("namespace").tokens if "namespace" in request.fixturenames else []
    for probe in (probe for probes in started for probe in probes.all):
        code, stderr = probe.end()
        assert (code, stderr) == (0, ""), f"the {probe.language} probe"
        # Neither whole nor a part of it.
        for part in (part for token in tokens for part in token.split(".")):
            assert not any(part in line for line in probe.printed), f"the {probe.language} probe printed a token"


@pytest.fixture
def member(namespace: Namespace, start: Callable[..., Probes], tmp_path: Path) -> Member:
    """The pod `me`, Running, with a token that is bound to it."""
    namespace.account()
    namespace.pod(OWN, "10.0.0.1")
    return Member(namespace, namespace.mount(tmp_path / "mount", pod=OWN), start)


@pytest.fixture
def process(namespace: Namespace, start: Callable[..., Probes], tmp_path: Path) -> Member:
    """No pod at all; a token that is bound to none."""
    namespace.account()
    return Member(namespace, namespace.mount(tmp_path / "mount"), start)
