"""Where the tool begins and ends."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from typing import TYPE_CHECKING

from kubepeers import InvalidConfigError, InvalidUtf8Error, KubepeersError, LibraryError, UnknownKeyError

from . import arguments, exits
from .settings import settings, variable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import FrameType


def main(arguments_given: Sequence[str] | None = None) -> int:
    """Run a command, and give what to exit with."""
    _behave_like_a_filter()
    asked = arguments.parser().parse_args(arguments_given)
    try:
        return _run(asked)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except (InvalidConfigError, UnknownKeyError, InvalidUtf8Error) as error:
        _complain(f"{error}\n(`namespace`, say, is the option --namespace or the variable {variable('namespace')})")
        return exits.USAGE
    except LibraryError as error:
        _complain(str(error))
        return exits.WRONG
    except KubepeersError as error:
        _complain(str(error))
        return exits.NOT_YET if error.retryable else exits.WRONG


def _run(asked: argparse.Namespace) -> int:
    made = settings(arguments.given(asked), os.environ)
    if asked.command == "peers":
        from . import peers

        return peers.run(made, as_json=asked.json, timeout=asked.timeout)
    if asked.command == "watch":
        from . import watch

        return watch.run(made, plain=asked.plain)
    from . import doctor

    return doctor.run(made, only_manifests=asked.manifest, timeout=asked.timeout)


def _complain(message: str) -> None:
    print(f"kubepeers: {message}", file=sys.stderr)


def _behave_like_a_filter() -> None:
    # `| head` ends it without a word; the library blocks the signal in its own threads.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or file that cannot show a character gets a question mark.
            with contextlib.suppress(ValueError):
                stream.reconfigure(errors="replace")


def _terminate(_number: int, _frame: FrameType | None) -> None:
    # What was changed in the terminal is put back on the way out.
    raise SystemExit(exits.TERMINATED)
