"""A probe that tells something else than another one: LIAR COMMAND PATTERN REPLACEMENT PROBE [KEY=VALUE…].

It is there to see that a language whose answers differ is found out. What the other one prints is passed on, but of its
answers to COMMAND what is found by PATTERN is replaced.
"""

from __future__ import annotations

import re
import subprocess
import sys


def main() -> None:
    command, pattern, replacement, *probe = sys.argv[1:]
    with subprocess.Popen(probe, stdout=subprocess.PIPE, encoding="utf-8") as told:
        assert told.stdout
        sys.stdout.reconfigure(encoding="utf-8")
        for line in told.stdout:
            lies = line.startswith(f"{command}\t")
            print(re.sub(pattern, replacement, line) if lies else line, end="", flush=True)
    sys.exit(told.returncode)


if __name__ == "__main__":
    main()
