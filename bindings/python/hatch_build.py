"""Puts the library and the command into a wheel, if `packaging/wheel` has copied them here and
names the platform.
"""

import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):
    """Without a platform, the wheel is for any platform and contains neither."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add both, and their bill of materials. hatchling itself finds the licenses."""
        platform = os.environ.get("KUBEPEERS_WHEEL_PLATFORM")
        if not platform:
            needed = f"libkubepeers.so.0 of version {self.metadata.version}"
            self.app.display_warning(f"This wheel contains no library: install {needed}, too.")
            return
        # Without the library an older version is enough, so pyproject.toml does not require this
        # one.
        if "sbom_files" not in build_data:
            self.app.abort("A wheel with the library needs hatchling 1.28 or newer.")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["force_include"]["libkubepeers.so.0"] = "kubepeers/libkubepeers.so.0"
        # pip installs it where it installs scripts.
        build_data["shared_scripts"]["bin/kubepeers"] = "kubepeers"
        build_data["sbom_files"].append("kubepeers.cdx.json")
