"""A probe that changes the answers of another probe.

Usage: lying_probe.py COMMAND PATTERN REPLACEMENT PROBE [KEY=VALUE…]

It prints what the other probe prints, but replaces PATTERN in the answers to COMMAND. Tests use it
to show that they detect a language whose answers differ.
"""

from __future__ import annotations

import re
import subprocess
import sys


def main() -> None:
    command, pattern, replacement, *probe = sys.argv[1:]
    with subprocess.Popen(probe, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout
        sys.stdout.reconfigure(encoding="utf-8")
        for line in process.stdout:
            is_changed = line.startswith(f"{command}\t")
            print(re.sub(pattern, replacement, line) if is_changed else line, end="", flush=True)
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
