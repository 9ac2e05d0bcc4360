"""The Python probe of the conformance cases: README.md beside it says what it reads and prints."""

from __future__ import annotations

import json
import logging
import queue
import sys

from interfaces import EventLoop, Threads, nothing_came
from kubepeers import KubepeersError, Node, Provider, Snapshot

ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t"})

#: The library's words for the levels that `logging` has others for.
LEVELS = {"WARNING": "warn"}


def seconds(milliseconds: str) -> float | None:
    """Give a timeout."""
    return None if int(milliseconds) < 0 else int(milliseconds) / 1000


def shown(snapshot: Snapshot) -> str:
    """Give what is printed of a snapshot."""
    return " ".join([str(snapshot.generation), *snapshot.addresses])


def records_of(nodes: list[Node]) -> str:
    """Return all fields of each."""
    records = [
        [
            *(node.name, node.uid, node.host, node.discovery_port, node.remoting_port, node.peers_port),
            *(int(node.ready), node.node_name, node.revision),
        ]
        for node in nodes
    ]
    return " ".join(",".join(str(field) for field in record) for record in records)


def health(provider: Provider) -> str:
    """Give how sure the answers are."""
    found = provider.health()
    error = [found.error.status.name, found.error_class] if found.error else ["-", found.error_class or "-"]
    flags = (found.age is not None, found.stale, found.watching, found.polling)
    return " ".join([*(str(int(flag)) for flag in flags), *error])


class Records(logging.Handler):
    """Keeps what the provider's thread gives to `logging`."""

    def __init__(self) -> None:
        super().__init__()
        self._records: queue.SimpleQueue[str] = queue.SimpleQueue()
        logger = logging.getLogger("kubepeers")
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        level = LEVELS.get(record.levelname, record.levelname.lower())
        self._records.put(f"{level} {record.getMessage()}")

    def next(self, timeout: float) -> str:
        try:
            return self._records.get(timeout=timeout)
        except queue.Empty:
            raise nothing_came() from None


class Probe:
    """Answers commands by their names."""

    def __init__(self, provider: Provider, interface: Threads | EventLoop) -> None:
        records = Records()
        self._manifest = ""
        self._commands = {
            "init": provider.init,
            "register": provider.register,
            "discover": lambda: " ".join(provider.discover_peers()),
            "generation": lambda: str(provider.generation),
            "wait": lambda after, timeout: shown(interface.wait(int(after), seconds(timeout))),
            "settle": lambda least, stable_for, timeout: shown(
                interface.settle(int(least), int(stable_for) / 1000, seconds(timeout))
            ),
            "refresh": lambda timeout: provider.refresh(seconds(timeout)),
            "watch": interface.unwatch,
            "next": lambda timeout: shown(interface.next(int(timeout) / 1000)),
            "unwatch": interface.unwatch,
            "nodes": lambda: records_of(provider.nodes()),
            "self": lambda: records_of([node] if (node := provider.self_node()) else []),
            "health": lambda: health(provider),
            "metrics": provider.metrics,
            "explain": lambda form: (
                provider.explain_table() if form == "table" else json.dumps(provider.explain(), ensure_ascii=False)
            ),
            "log": lambda timeout: records.next(int(timeout) / 1000),
            "deregister": provider.deregister,
            "close": provider.close,
        }

    def answer(self, command: str, *arguments: str) -> str:
        """Do one command and give its line."""
        if command == "manifest":
            return f"manifest\tOK\t0\t0\t{self._manifest.translate(ESCAPES)}"
        try:
            fields = ["OK", "0", "0", self._commands[command](*arguments) or ""]
            self._manifest = ""
        except KubepeersError as e:
            fields = [e.status.name, str(int(e.retryable)), str(e.http_status), e.message]
            self._manifest = e.manifest or ""
        return "\t".join([command, *fields[:3], fields[3].translate(ESCAPES)])


def main() -> None:
    """Answer every line of stdin."""
    settings, interface = [], Threads
    for argument in sys.argv[1:]:
        key, separator, value = argument.partition("=")
        if argument == "--asyncio":
            interface = EventLoop
        elif separator:
            settings.append((key, value))
        else:
            sys.exit(f"probe: argument {argument!r} is not KEY=VALUE")
    provider = Provider.from_settings(settings)
    probe = Probe(provider, interface(provider))
    # Messages are UTF-8 in every language's probe, whatever the locale.
    sys.stdout.reconfigure(encoding="utf-8")
    for line in sys.stdin:
        print(probe.answer(*line.split()), flush=True)
    provider.close()


if __name__ == "__main__":
    main()
