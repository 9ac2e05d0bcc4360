#!/usr/bin/env python3
"""Prints the licences of all crates that are linked into the library for a target, each text once."""

import json
import subprocess
import sys
from pathlib import Path

NAMES = ("LICEN", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


def cargo(*arguments: str) -> str:
    """What a cargo command prints."""
    return subprocess.run(("cargo", *arguments, "--locked"), check=True, capture_output=True, text=True).stdout


def linked(target: str) -> set[tuple[str, str]]:
    """Name and version of each crate in the library: none that only builds or tests it."""
    tree = cargo("tree", "--edges=normal,no-proc-macro", f"--target={target}", "--prefix=none", "--format={p}")
    return {(line.split()[0], line.split()[1].removeprefix("v")) for line in tree.splitlines()}


def texts(package: dict, own: dict) -> list[str]:
    """The texts beside the crate's manifest. Kube's crates have none: their licence is this project's own."""
    folder = Path(package["manifest_path"]).parent
    files = sorted(f for f in folder.iterdir() if f.is_file() and f.name.upper().startswith(NAMES))
    if not files and package["license"] == own["license"]:
        files = [Path(own["manifest_path"]).with_name("LICENSE")]
    if not files:
        sys.exit(f"{package['name']} {package['version']} ({package['license']}) comes without the text of its licence")
    return [f.read_text(encoding="utf-8").strip() for f in files]


def main(target: str) -> None:
    """Print who has which licence, then the texts."""
    metadata = json.loads(cargo("metadata", "--format-version=1"))
    wanted = linked(target)
    packages = [p for p in metadata["packages"] if (p["name"], p["version"]) in wanted]
    own = next(p for p in packages if p["id"] in metadata["workspace_members"])
    holders: dict[str, list[str]] = {}
    print(f"What libkubepeers.so for {target} is made of, beside itself:\n")
    for package in (p for p in packages if p is not own):
        name = f"{package['name']} {package['version']}"
        print(f"  {name}: {package['license']}")
        for text in texts(package, own):
            holders.setdefault(text, []).append(name)
    for text, names in holders.items():
        print(f"\n{'-' * 100}\n{', '.join(names)}:\n\n{text}")


main(sys.argv[1])
