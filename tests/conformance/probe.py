"""The Python probe of the conformance cases: README.md beside it says what it reads and prints."""

from __future__ import annotations

import sys

from kubepeers import KubepeersError, Provider

ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t"})


def wait(provider: Provider, after: str, timeout_ms: str) -> str:
    """Give what `wait` prints."""
    milliseconds = int(timeout_ms)
    snapshot = provider.wait(int(after), None if milliseconds < 0 else milliseconds / 1000)
    return " ".join([str(snapshot.generation), *snapshot.addresses])


def answer(provider: Provider, command: str, *arguments: str) -> str:
    """Do one command and give its line."""
    verbs = {
        "init": provider.init,
        "register": provider.register,
        "discover": lambda: " ".join(provider.discover_peers()),
        "wait": lambda *arguments: wait(provider, *arguments),
        "deregister": provider.deregister,
        "close": provider.close,
    }
    try:
        fields = ["OK", "0", "0", verbs[command](*arguments) or ""]
    except KubepeersError as e:
        message = e.message.translate(ESCAPES)
        fields = [e.status.name, str(int(e.retryable)), str(e.http_status), message]
    return "\t".join([command, *fields])


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
