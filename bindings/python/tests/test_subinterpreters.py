"""Subinterpreters: legacy ones, and isolated ones, which must not start threads.

From Python 3.12 on, isolated ones have their own interpreter lock.
"""

from __future__ import annotations

import sys

from configuration import Options
from program import run

PROGRAM = """
import sys
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    create, execute = interpreters.create, interpreters.exec
else:
    import _xxsubinterpreters as interpreters
    create, execute = (lambda kind: interpreters.create(isolated=kind == "isolated")), interpreters.run_string
def run_in(kind, code):
    interpreter = create(kind)
    # From 3.13 on, exec returns an exception instead of raising it.
    try:
        error = execute(interpreter, f"from kubepeers import *\\noptions = {options!r}\\n{code}")
    except Exception as e:
        error = e
    interpreters.destroy(interpreter)
    return error
use = '''
with Provider(**options) as provider:
    try:
        provider.discover_peers()
    except NoResultError: pass
    else:
        raise AssertionError
unclosed = Provider(**options)
unclosed.register()
'''
log = '''
try:
    Provider(**options, log="debug").register()
except KubepeersError as e: assert e.status is Status.NO_RESOURCES and "thread" in str(e)
else:
    raise AssertionError
'''
"""


def assert_all_succeed(options: Options, *arguments: str) -> None:
    done = run(
        PROGRAM + "\n".join(f"assert run_in({each}) is None, run_in({each})" for each in arguments),
        options,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_provider_works_in_a_legacy_subinterpreter(options: Options) -> None:
    assert_all_succeed(options, *(["'legacy', use"] * 10))


def test_provider_works_in_an_isolated_subinterpreter(options: Options) -> None:
    if sys.version_info[:2] == (3, 12):
        # Isolated subinterpreters of Python 3.12 cannot load ctypes.
        done = run(PROGRAM + "print(run_in('isolated', use))", options)
        assert "_ctypes does not support loading in subinterpreters" in done.stdout
    else:
        assert_all_succeed(options, *(["'isolated', use"] * 10), "'isolated', log")
