"""Fixtures: the namespace of a test, the pod that the probes run as, and the probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
from control_plane import ControlPlane
from member import SELF_POD, Member, required_variable
from namespace import Namespace
from probes import Probes, base_environment
from processes import Executable, ForkedProgram, ForkServer, Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

T = TypeVar("T", str, "str | bytes")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--c-only", action="store_true", help="run the C probe alone")


@pytest.fixture(scope="session")
def languages(pytestconfig: pytest.Config) -> Iterator[dict[str, Program]]:
    """The programs of the probes."""
    c = Executable(required_variable("KUBEPEERS_PROBE_C"))
    if pytestconfig.getoption("--c-only"):
        yield {"C": c}
        return
    with ForkServer() as server:
        yield {
            "C": c,
            "Go": Executable(required_variable("KUBEPEERS_PROBE_GO")),
            "Python": ForkedProgram(server),
            "Python with asyncio": ForkedProgram(server, "--asyncio"),
        }


@pytest.fixture(scope="session")
def session_control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("tests") / "control-plane"
    with ControlPlane(required_variable("TESTENV"), folder) as control_plane:
        yield control_plane


@pytest.fixture
def control_plane(
    session_control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ControlPlane]:
    """A control plane that the test may disturb. All other fixtures of the test use it.

    Its API server is running at the start.
    """
    monkeypatch.setenv("KUBECONFIG", str(session_control_plane.kubeconfig))
    for name, value in session_control_plane.endpoint().items():
        monkeypatch.setenv(name, value)
    yield session_control_plane
    session_control_plane.ensure_server()


@pytest.fixture
def namespace() -> Namespace:
    required_variable("KUBECONFIG")
    return Namespace(required_variable("TESTENV"))


def without_none(settings: Mapping[str, T | None]) -> dict[str, T]:
    return {key: value for key, value in settings.items() if value is not None}


@pytest.fixture
def start_probes(
    languages: dict[str, Program], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Probes]]:
    """A function that starts the probes.

    The test fails if a probe exits with an error or has printed a token.
    """
    started: list[Probes] = []

    def start(
        settings: Mapping[str, str | bytes | None],
        environment: Mapping[str, str | None] | None = None,
    ) -> Probes:
        arguments = [
            f"{key}=".encode() + (value if isinstance(value, bytes) else value.encode())
            for key, value in without_none(settings).items()
        ]
        probes = Probes(
            languages, arguments, {**base_environment(), **without_none(environment or {})}
        )
        started.append(probes)
        return probes

    yield start

    tokens = (
        request.getfixturevalue("namespace").tokens if "namespace" in request.fixturenames else []
    )
    parts = [part for token in tokens for part in token.split(".")]
    ended = [(probe, probe.end()) for probes in started for probe in probes.all]
    for probe, (code, stderr) in ended:
        assert (code, stderr) == (0, ""), f"the {probe.language} probe"
        for part in parts:
            assert not any(part in line for line in probe.printed), (
                f"the {probe.language} probe printed a token"
            )


@pytest.fixture
def member(namespace: Namespace, start_probes: Callable[..., Probes], tmp_path: Path) -> Member:
    """A process in the Running pod `me`, with a token that is bound to this pod."""
    namespace.account()
    namespace.pod(SELF_POD, "10.0.0.1")
    return Member(namespace, namespace.mount(tmp_path / "mount", pod=SELF_POD), start_probes)


@pytest.fixture
def unbound_member(
    namespace: Namespace, start_probes: Callable[..., Probes], tmp_path: Path
) -> Member:
    """A process with a token that is bound to no pod. The namespace has no pods."""
    namespace.account()
    return Member(namespace, namespace.mount(tmp_path / "mount"), start_probes)
