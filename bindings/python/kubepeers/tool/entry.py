"""Where the tool begins and ends."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from kubepeers import KubepeersError, LibraryError, library_version

from . import arguments, exits, records, streams
from .options import MISCONFIGURED, explained
from .settings import settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import FrameType

    from .settings import Settings


def main(arguments_given: Sequence[str] | None = None) -> int:
    """Run a command, and give what to exit with."""
    try:
        _heed_signals()
        with streams.prepared():
            return _run(arguments.parser().parse_args(arguments_given))
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except OSError as error:
        streams.complain(f"cannot go on: {error.strerror or error}")
        streams.give_up_output()
        return exits.WRONG


def _run(asked: argparse.Namespace) -> int:
    made = settings(arguments.given(asked), os.environ)
    records.show(made)
    try:
        return _command(asked, made)
    except LibraryError as error:
        streams.complain(str(error))
        return exits.WRONG
    except KubepeersError as error:
        streams.complain(explained(error, made))
        if isinstance(error, MISCONFIGURED):
            return exits.USAGE
        return exits.NOT_YET if error.retryable else exits.WRONG


def _command(asked: argparse.Namespace, made: Settings) -> int:
    if asked.command != "doctor":
        library_version()  # It raises if there is no library, before other errors.
    if asked.command == "peers":
        from . import peers

        return peers.run(made, as_json=asked.json, timeout=asked.timeout)
    if asked.command == "watch":
        from . import watch

        return watch.run(made, plain=asked.plain)
    from . import doctor

    return doctor.run(made, only_manifests=asked.manifest, timeout=asked.timeout)


def _heed_signals() -> None:
    # `| head` ends it without a word; the library blocks the signal in its own threads.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    # What was changed in the terminal is put back on the way out.
    raise SystemExit(exits.TERMINATED)
