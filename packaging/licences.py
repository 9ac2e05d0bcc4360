#!/usr/bin/env python3
"""Prints the licenses of all crates in the library and the command for a target, each text once."""

import json
import subprocess
import sys
from pathlib import Path

NAMES = ("LICEN", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


def cargo(*arguments: str) -> str:
    """Return what a cargo command prints."""
    return subprocess.run(
        ("cargo", *arguments, "--locked"), check=True, capture_output=True, text=True
    ).stdout


def linked(target: str) -> set[tuple[str, str]]:
    """Return name and version of each crate, without build and test tools."""
    tree = cargo(
        "tree",
        "--edges=normal,no-proc-macro",
        "--features=cli",
        f"--target={target}",
        "--prefix=none",
        "--format={p}",
    )
    return {(line.split()[0], line.split()[1].removeprefix("v")) for line in tree.splitlines()}


def texts(package: dict, own: dict) -> list[str]:
    """Return the texts next to the manifest. The crates of kube have none, but the same license."""
    folder = Path(package["manifest_path"]).parent
    files = sorted(f for f in folder.iterdir() if f.is_file() and f.name.upper().startswith(NAMES))
    if not files and package["license"] == own["license"]:
        files = [Path(own["manifest_path"]).with_name("LICENSE")]
    if not files:
        sys.exit(
            f"{package['name']} {package['version']} ({package['license']}) has no text of its license"
        )
    return [f.read_text(encoding="utf-8").strip() for f in files]


def main(target: str) -> None:
    """Print which crates have which license, and then the texts."""
    metadata = json.loads(cargo("metadata", "--format-version=1"))
    wanted = linked(target)
    packages = [p for p in metadata["packages"] if (p["name"], p["version"]) in wanted]
    own = next(p for p in packages if p["id"] in metadata["workspace_members"])
    holders: dict[str, list[str]] = {}
    print(f"The crates in libkubepeers.so and bin/kubepeers for {target}:\n")
    for package in (p for p in packages if p is not own):
        name = f"{package['name']} {package['version']}"
        print(f"  {name}: {package['license']}")
        for text in texts(package, own):
            holders.setdefault(text, []).append(name)
    for text, names in holders.items():
        print(f"\n{'-' * 100}\n{', '.join(names)}:\n\n{text}")


main(sys.argv[1])
