"""The Python probe of the conformance cases. The README says what it reads and prints."""

from __future__ import annotations

import json
import logging
import queue
import sys
from ctypes import byref, c_uint64
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from interfaces import EventLoop, Threads, nothing_came
from kubepeers import KubepeersError, LifecycleError, Status

if TYPE_CHECKING:
    from kubepeers import Explanation, Health, Node, Snapshot

ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t"})

#: The library's words for the levels that have other names in `logging`.
LEVELS = {"WARNING": "warn"}


def seconds(milliseconds: str) -> float | None:
    return None if int(milliseconds) < 0 else int(milliseconds) / 1000


def shown(snapshot: Snapshot) -> str:
    return " ".join([str(snapshot.generation), *snapshot.addresses])


def records_of(nodes: list[Node]) -> str:
    records = [
        [
            *(node.name, node.uid, node.host, node.discovery_port, node.remoting_port, node.peers_port),
            *(int(node.ready), node.node_name, node.revision),
        ]
        for node in nodes
    ]
    return " ".join(",".join(str(field) for field in record) for record in records)


def state_of(health: Health) -> str:
    error = [health.error.status.name, health.error_class] if health.error else ["-", health.error_class or "-"]
    flags = (health.synced, health.stale, health.watching, health.polling)
    return " ".join([*(str(int(flag)) for flag in flags), *error])


def json_of(explanation: Explanation) -> str:
    """Return the JSON of the library, made from the types of the package."""
    fields = asdict(explanation)
    fields["self"] = fields.pop("self_pod")
    for pod in fields["pods"]:
        pod["ports"] = [[port["name"], port["number"]] for port in pod["ports"]]
    return json.dumps(fields, ensure_ascii=False)


class Records(logging.Handler):
    """Keeps what the provider's thread passes to `logging`."""

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

    def __init__(self, settings: list[tuple[str, str]], interface: Threads | EventLoop) -> None:
        self._settings = settings
        self._interface = interface
        self._provider: Any = None
        self._is_open = False
        self._manifest = ""
        records = Records()
        call = self._call
        self._commands = {
            "init": self._init,
            "register": lambda: call("register"),
            "discover": lambda: " ".join(call("discover_peers")),
            "generation": lambda: str(self._provider.generation if self._provider else 0),
            "wait": lambda after, timeout: shown(call("wait", int(after), seconds(timeout))),
            "settle": lambda least, stable_for, timeout: shown(
                call("wait_for_peers", int(least), int(stable_for) / 1000, seconds(timeout))
            ),
            "refresh": lambda timeout: call("refresh", seconds(timeout)),
            "watch": interface.unwatch,
            "next": self._next,
            "unwatch": interface.unwatch,
            "nodes": lambda: records_of(call("nodes")),
            "self": self._self,
            "health": lambda: state_of(call("health")),
            "metrics": lambda: call("metrics"),
            "explain": lambda form: call("explain_table") if form == "table" else json_of(call("explain")),
            "log": lambda timeout: records.next(int(timeout) / 1000),
            "deregister": lambda: call("deregister"),
            "close": self.close,
        }

    def answer(self, command: str, *arguments: str) -> str:
        """Run one command and return its line."""
        if command == "manifest":
            return f"manifest\tOK\t0\t0\t{self._manifest.translate(ESCAPES)}"
        try:
            fields = ["OK", "0", "0", self._commands[command](*arguments) or ""]
            self._manifest = ""
        except KubepeersError as e:
            fields = [e.status.name, str(int(e.retryable)), str(e.http_status), e.message]
            self._manifest = e.manifest or ""
        return "\t".join([command, *fields[:3], fields[3].translate(ESCAPES)])

    def close(self) -> None:
        if self._provider:
            self._is_open = False
            self._interface.call(self._provider, "close")

    def _init(self) -> None:
        # The package has no such call on an open provider, so this calls the library.
        if self._is_open:
            from kubepeers._library import lib

            session = self._provider._session
            config = lib.kubepeers_config_new()
            try:
                session.call(lib.kubepeers_init, config, byref(c_uint64(session.handle.value)))
            finally:
                lib.kubepeers_config_free(config)
        self._provider = self._interface.kind._from_pairs(self._settings)
        self._is_open = True

    def _call(self, method: str, *arguments: Any) -> Any:
        return self._interface.call(self._required(), method, *arguments)

    def _next(self, timeout: str) -> str:
        return shown(self._interface.next(self._required(), int(timeout) / 1000))

    def _required(self) -> Any:
        # The package has no calls before the constructor. This is the library's message.
        if self._provider is None:
            raise LifecycleError("not initialized: call init first", status=Status.NOT_INITIALIZED)
        return self._provider

    def _self(self) -> str:
        try:
            return records_of([self._call("self_node")])
        except KubepeersError as e:
            # For an observer, this is an error only in the package.
            if e.status is Status.NO_IDENTITY and ("membership", "observer") in self._settings:
                return ""
            raise


def main() -> None:
    """Answer every line of stdin."""
    settings: list[tuple[str, str]] = []
    interface: Threads | EventLoop | None = None
    for argument in sys.argv[1:]:
        key, separator, value = argument.partition("=")
        if argument == "--asyncio":
            interface = EventLoop()
        elif separator:
            settings.append((key, value))
        else:
            sys.exit(f"probe: argument {argument!r} is not KEY=VALUE")
    probe = Probe(settings, interface or Threads())
    # Messages are UTF-8 in the probes of all languages, whatever the locale.
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    for line in sys.stdin:
        print(probe.answer(*line.split()), flush=True)
    probe.close()


if __name__ == "__main__":
    main()
