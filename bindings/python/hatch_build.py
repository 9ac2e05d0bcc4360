"""Makes a wheel that carries the library, where `packaging/wheel` has laid it and says what platform it is for."""

import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):
    """Without a platform the wheel is for any, and brings no library."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the library and its bill of materials; hatchling itself finds the licences."""
        platform = os.environ.get("KUBEPEERS_WHEEL_PLATFORM")
        if not platform:
            needed = f"libkubepeers.so.0 of version {self.metadata.version}"
            self.app.display_warning(f"This wheel brings no library: {needed} has to be installed besides.")
            return
        # Not asked for in pyproject.toml: without the library an older one does, and Python 3.9 has no newer.
        if "sbom_files" not in build_data:
            self.app.abort("A wheel with the library needs hatchling 1.28 or newer, and so Python 3.10 or newer.")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["force_include"]["libkubepeers.so.0"] = "kubepeers/libkubepeers.so.0"
        build_data["sbom_files"].append("kubepeers.cdx.json")
