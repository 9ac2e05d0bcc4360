"""The entry point of `python -m kubepeers`."""

from __future__ import annotations

import sys

from kubepeers.tool.entry import main

if __name__ == "__main__":
    sys.exit(main())
