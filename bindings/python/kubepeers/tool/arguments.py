"""The command line."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from kubepeers import __version__

from .exits import EXPLAINED
from .options import OPTIONS
from .settings import KEYS, variable

_KEYS = "\n".join(textwrap.wrap(", ".join(KEYS), 76, initial_indent="  ", subsequent_indent="  "))

_EPILOG = f"""\
In a pod, labels and a port name are enough: the namespace is the pod's own. Elsewhere the kubeconfig is the one
that kubectl uses, and this process is taken for no pod. Of several files in KUBECONFIG the first that has the
context is used; they are not merged. Every key of the library may be an environment variable, `namespace` as
{variable("namespace")}, or be given with --set:
{_KEYS}

{EXPLAINED}"""


class _Parser(argparse.ArgumentParser):
    """One whose help ends with what all commands have in common."""

    def __init__(self, **options: Any) -> None:
        form = argparse.RawDescriptionHelpFormatter
        super().__init__(epilog=_EPILOG, formatter_class=form, allow_abbrev=False, **options)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = _Parser(
        prog="kubepeers",
        description="Kubernetes peer discovery: who are my peers, and how sure is that?",
    )
    top.add_argument("--version", action="version", version=f"kubepeers {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    peers = commands.add_parser("peers", help="print the addresses of the peers, one a line")
    peers.add_argument(
        "--json", action="store_true", help="print one object with all that is known of each peer"
    )
    _add_timeout(
        peers, 15, "; some seconds longer where it is refused (403), until that is known to last"
    )

    watch = commands.add_parser(
        "watch", help="show every pod and its verdict, live: a table, or lines of changes"
    )
    watch.add_argument("--plain", action="store_true", help="lines of changes, in a terminal too")

    doctor = commands.add_parser(
        "doctor", help="check every step to the first answer, and say what fixes it"
    )
    doctor.add_argument(
        "--manifest",
        action="store_true",
        help="print only what `kubectl apply -f -` takes: nothing if no Role is missing, or if its user has to be "
        "filled in; also for a warning (pods cannot be watched: exit status 0). The rest goes to stderr",
    )
    _add_timeout(doctor, 8)
    for command in (peers, watch, doctor):
        _add_settings(command)
    return top


def given(arguments: argparse.Namespace) -> dict[str, str]:
    """Give the keys that the command line sets; of `--set`, later ones and options count more."""
    pairs: dict[str, str] = dict(arguments.set)
    named = {key: getattr(arguments, key, None) for key in KEYS}
    return {**pairs, **{key: value for key, value in named.items() if value is not None}}


def _add_timeout(parser: argparse.ArgumentParser, default: float, exception: str = "") -> None:
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=default,
        metavar="SECONDS",
        help=f"how long to wait for an answer at most (default: {default:g}){exception}",
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("configuration")
    for flags, more in OPTIONS.values():
        group.add_argument(*flags, **more)
    group.add_argument(
        "--set",
        action="append",
        default=[],
        type=_pair,
        metavar="KEY=VALUE",
        help="any key; log=debug: records to stderr",
    )


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 86400")
    return seconds
