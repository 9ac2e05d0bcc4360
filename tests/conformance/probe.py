"""The Python probe of the conformance cases. README.md documents its input and output."""

from __future__ import annotations

import json
import logging
import queue
import sys
from ctypes import byref, c_uint64
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from interfaces import AsyncInterface, SyncInterface, no_snapshot
from kubepeers import KubepeersError, LifecycleError, Status

if TYPE_CHECKING:
    from kubepeers import Explanation, Health, Node, Report, Snapshot

ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t"})

#: Levels whose names differ between `logging` and the library.
LEVELS = {"WARNING": "warn"}


def seconds_or_default(milliseconds: str) -> float | None:
    return None if int(milliseconds) < 0 else int(milliseconds) / 1000


def format_snapshot(snapshot: Snapshot) -> str:
    return " ".join([str(snapshot.generation), *snapshot.addresses])


def format_nodes(nodes: list[Node]) -> str:
    records = [
        [
            *(
                node.name,
                node.uid,
                node.host,
                node.discovery_port,
                node.remoting_port,
                node.peers_port,
            ),
            *(int(node.ready), node.node_name, node.revision),
        ]
        for node in nodes
    ]
    return " ".join(",".join(str(field) for field in record) for record in records)


def format_health(health: Health) -> str:
    error = (
        [health.error.status.name, health.error_class]
        if health.error
        else ["-", health.error_class or "-"]
    )
    flags = (health.synced, health.stale, health.watching, health.polling)
    return " ".join([*(str(int(flag)) for flag in flags), *error])


def format_explanation(explanation: Explanation) -> str:
    """Return the JSON that the library would return, built from the types of the package."""
    fields = asdict(explanation)
    fields["self"] = fields.pop("self_pod")
    for pod in fields["pods"]:
        pod["ports"] = [[port["name"], port["number"]] for port in pod["ports"]]
    return json.dumps(fields, ensure_ascii=False)


def format_report(report: Report, form: str) -> str:
    """Return the report as text, or as the JSON that the library would return."""
    return str(report) if form == "text" else json.dumps(asdict(report), ensure_ascii=False)


class LogQueue(logging.Handler):
    """Queues the records that the provider's thread forwards to `logging`."""

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
            raise no_snapshot() from None


class Probe:
    """Runs commands on one provider."""

    def __init__(
        self, settings: list[tuple[str, str]], interface: SyncInterface | AsyncInterface
    ) -> None:
        self._settings = settings
        self._interface = interface
        self._provider: Any = None
        self._is_open = False
        self._manifest = ""
        log = LogQueue()
        call = self._call
        self._commands = {
            "init": self._init,
            "register": lambda: call("register"),
            "discover": lambda: " ".join(call("discover_peers")),
            "generation": lambda: str(self._provider.generation if self._provider else 0),
            "wait": lambda after, timeout: format_snapshot(
                call("wait", int(after), seconds_or_default(timeout))
            ),
            "settle": lambda minimum, stable_for, timeout: format_snapshot(
                call(
                    "wait_for_peers",
                    int(minimum),
                    int(stable_for) / 1000,
                    seconds_or_default(timeout),
                )
            ),
            "refresh": lambda timeout: call("refresh", seconds_or_default(timeout)),
            "watch": interface.unwatch,
            "next": self._next,
            "unwatch": interface.unwatch,
            "nodes": lambda: format_nodes(call("nodes")),
            "self": self._self,
            "health": lambda: format_health(call("health")),
            "metrics": lambda: call("metrics"),
            "explain": lambda form: (
                call("explain_table") if form == "table" else format_explanation(call("explain"))
            ),
            "doctor": lambda form, timeout: format_report(
                interface.examine(self._settings, int(timeout) / 1000), form
            ),
            "log": lambda timeout: log.next(int(timeout) / 1000),
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
        # The package cannot initialize an open provider again, so this calls the library.
        if self._is_open:
            from kubepeers._library import lib

            session = self._provider._session
            config = lib.kubepeers_config_new()
            try:
                session.call(lib.kubepeers_init, config, byref(c_uint64(session.handle.value)))
            finally:
                lib.kubepeers_config_free(config)
        self._provider = self._interface.provider_class._from_pairs(self._settings)
        self._is_open = True

    def _call(self, method: str, *arguments: Any) -> Any:
        return self._interface.call(self._created_provider(), method, *arguments)

    def _next(self, timeout: str) -> str:
        return format_snapshot(self._interface.next(self._created_provider(), int(timeout) / 1000))

    def _created_provider(self) -> Any:
        # In the package, the constructor comes before all calls. This is the library's message.
        if self._provider is None:
            raise LifecycleError("not initialized: call init first", status=Status.NOT_INITIALIZED)
        return self._provider

    def _self(self) -> str:
        try:
            return format_nodes([self._call("self_node")])
        except KubepeersError as e:
            # For an observer, the library returns an empty list and the package raises an error.
            if e.status is Status.NO_IDENTITY and ("membership", "observer") in self._settings:
                return ""
            raise


def main() -> None:
    """Answer every line of stdin."""
    settings: list[tuple[str, str]] = []
    interface: SyncInterface | AsyncInterface | None = None
    for argument in sys.argv[1:]:
        key, separator, value = argument.partition("=")
        if argument == "--asyncio":
            interface = AsyncInterface()
        elif separator:
            settings.append((key, value))
        else:
            sys.exit(f"probe: argument {argument!r} is not KEY=VALUE")
    probe = Probe(settings, interface or SyncInterface())
    # All probes print UTF-8 in every locale.
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    for line in sys.stdin:
        print(probe.answer(*line.split()), flush=True)
    probe.close()


if __name__ == "__main__":
    main()
