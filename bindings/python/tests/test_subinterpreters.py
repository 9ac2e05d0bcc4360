"""Subinterpreters: those that are like the main one, and isolated ones, which may not start threads.

Up to Python 3.11 both share the interpreter's lock. From 3.12 on isolated ones have their own: only there is that
tested.
"""

from __future__ import annotations

import sys

from configuration import Options
from program import run

PROGRAM = """
import sys
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    make, execute = interpreters.create, interpreters.exec
else:
    import _xxsubinterpreters as interpreters
    make, execute = (lambda kind: interpreters.create(isolated=kind == "isolated")), interpreters.run_string
def outcome(kind, code):
    made = make(kind)
    # From 3.13 on an exception is given, not raised.
    try:
        failed = execute(made, f"from kubepeers import *\\noptions = {options!r}\\n{code}")
    except Exception as e:
        failed = e
    interpreters.destroy(made)
    return failed
use = '''
with Provider(**options) as provider:
    try:
        provider.discover_peers()
    except NoResultError: pass
    else:
        raise AssertionError
forgotten = Provider(**options)
forgotten.register()
'''
log = '''
try:
    Provider(**options, log="debug").register()
except KubepeersError as e: assert e.status is Status.NO_RESOURCES and "thread" in str(e)
else:
    raise AssertionError
'''
"""


def check(options: Options, *cases: str) -> None:
    done = run(PROGRAM + "\n".join(f"assert outcome({case}) is None, outcome({case})" for case in cases), options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_like_the_main_one(options: Options) -> None:
    check(options, *(["'legacy', use"] * 10))


def test_isolated(options: Options) -> None:
    if sys.version_info[:2] == (3, 12):
        # Not the package's doing.
        done = run(PROGRAM + "print(outcome('isolated', use))", options)
        assert "_ctypes does not support loading in subinterpreters" in done.stdout
    else:
        check(options, *(["'isolated', use"] * 10), "'isolated', log")
