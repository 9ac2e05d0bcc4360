"""The hook that puts the library into a wheel, with older versions of hatchling."""

from __future__ import annotations

from typing import Any

import pytest
from hatch_build import Hook


class App:
    """What a hook reports to."""

    def abort(self, message: str) -> None:
        """End the build."""
        raise SystemExit(message)


def hook() -> Hook:
    return Hook(".", {}, None, None, ".", "wheel", App())  # type: ignore[arg-type]


def build_data(**more: list[str]) -> dict[str, Any]:
    return {"force_include": {}, **more}


def test_an_old_hatchling_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEPEERS_WHEEL_PLATFORM", "any")
    with pytest.raises(SystemExit, match=r"hatchling 1\.28 or newer"):
        hook().initialize("standard", build_data())


def test_the_bill_of_materials_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEPEERS_WHEEL_PLATFORM", "any")
    data = build_data(sbom_files=[])
    hook().initialize("standard", data)
    assert data["sbom_files"] == ["kubepeers.cdx.json"]
