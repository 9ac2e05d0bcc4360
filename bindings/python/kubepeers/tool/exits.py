"""What the tool ends with."""

from __future__ import annotations

from typing import Final

WELL: Final = 0
WRONG: Final = 1
USAGE: Final = 2
NOT_YET: Final = 3
INTERRUPTED: Final = 130
TERMINATED: Final = 143

EXPLAINED = """\
exit status:
  0    all is well; of `peers`: the list is certain, also an empty one; of `doctor`: there may be warnings
  1    something is wrong that does not fix itself, such as a missing library; of `doctor`: any step
  2    a wrong call, or a configuration that is wrong or incomplete
  3    not known yet, it may be later; stderr says why. Of `watch`: it could not begin yet
  130  Ctrl-C
  143  SIGTERM
"""
