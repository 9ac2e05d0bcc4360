"""The hook that puts the library into a wheel, in builders older than the tests' own."""

from __future__ import annotations

from typing import Any

import pytest
from hatch_build import Hook


class App:
    """What a hook tells its user with."""

    def abort(self, message: str) -> None:
        """End the build."""
        raise SystemExit(message)


def hook() -> Hook:
    return Hook(".", {}, None, None, ".", "wheel", App())  # type: ignore[arg-type]


def build_data(**more: list[str]) -> dict[str, Any]:
    return {"force_include": {}, **more}


def test_it_says_that_the_builder_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEPEERS_WHEEL_PLATFORM", "any")
    with pytest.raises(SystemExit, match=r"hatchling 1\.28 .*Python 3\.10"):
        hook().initialize("standard", build_data())


def test_it_adds_the_bill_of_materials_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEPEERS_WHEEL_PLATFORM", "any")
    data = build_data(sbom_files=[])
    hook().initialize("standard", data)
    assert data["sbom_files"] == ["kubepeers.cdx.json"]
