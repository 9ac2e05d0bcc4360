"""The Python probe of the conformance cases: README.md beside it says what it reads and prints."""

from __future__ import annotations

import json
import sys

from kubepeers import KubepeersError, Provider, Snapshot

ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t"})


def seconds(milliseconds: str) -> float | None:
    """Give a timeout."""
    return None if int(milliseconds) < 0 else int(milliseconds) / 1000


def shown(snapshot: Snapshot) -> str:
    """Give what is printed of a snapshot."""
    return " ".join([str(snapshot.generation), *snapshot.addresses])


def nodes(provider: Provider) -> str:
    """Give all of each peer."""
    records = [
        [
            *(node.name, node.uid, node.host, node.discovery_port, node.remoting_port, node.peers_port),
            *(int(node.ready), node.node_name, node.revision),
        ]
        for node in provider.nodes()
    ]
    return " ".join(",".join(str(field) for field in record) for record in records)


def health(provider: Provider) -> str:
    """Give how sure the answers are."""
    found = provider.health()
    error = [found.error.status.name, found.error_class] if found.error else ["-", found.error_class or "-"]
    return " ".join([*(str(int(flag)) for flag in (found.age is not None, found.stale, found.polling)), *error])


def explain(provider: Provider, form: str) -> str:
    """Give the verdicts; JSON in the form in which the library gives it, so that what gets lost is seen."""
    if form == "table":
        return provider.explain_table()
    return json.dumps(provider.explain(), ensure_ascii=False, separators=(",", ":"))


COMMANDS = {
    "init": Provider.init,
    "register": Provider.register,
    "discover": lambda provider: " ".join(provider.discover_peers()),
    "wait": lambda provider, after, timeout: shown(provider.wait(int(after), seconds(timeout))),
    "settle": lambda provider, least, stable_for, timeout: shown(
        provider.wait_for_peers(int(least), int(stable_for) / 1000, seconds(timeout))
    ),
    "refresh": lambda provider, timeout: provider.refresh(seconds(timeout)),
    "nodes": nodes,
    "health": health,
    "metrics": Provider.metrics,
    "explain": explain,
    "deregister": Provider.deregister,
    "close": Provider.close,
}


def answer(provider: Provider, command: str, *arguments: str) -> str:
    """Do one command and give its line."""
    try:
        fields = ["OK", "0", "0", COMMANDS[command](provider, *arguments) or ""]
    except KubepeersError as e:
        fields = [e.status.name, str(int(e.retryable)), str(e.http_status), e.message]
    return "\t".join([command, *fields[:3], fields[3].translate(ESCAPES)])


def main() -> None:
    """Answer every line of stdin."""
    settings = []
    for argument in sys.argv[1:]:
        key, separator, value = argument.partition("=")
        if not separator:
            sys.exit(f"probe: argument {argument!r} is not KEY=VALUE")
        settings.append((key, value))
    provider = Provider.from_settings(settings)
    # Messages are UTF-8 in every language's probe, whatever the locale.
    sys.stdout.reconfigure(encoding="utf-8")
    for line in sys.stdin:
        print(answer(provider, *line.split()), flush=True)
    provider.close()


if __name__ == "__main__":
    main()
