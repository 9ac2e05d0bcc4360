"""Examines every step of discovery."""

from __future__ import annotations

from . import _config
from ._provider import Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ._types import Report

#: The default of the library, in seconds.
_TIMEOUT = 8.0


def doctor(*, timeout: float = _TIMEOUT, **options: Any) -> Report:
    """Examine every step of discovery, and return what is wrong and how to fix it.

    The steps lead from the credentials to the answer of `Provider.discover_peers()`. The function
    needs no provider and affects none. A service can return the report from a debug endpoint, with
    the identity that it really has::

        print(kubepeers.doctor(pod_labels={"app": "demo"}, discovery_port_name="gossip"))

    What is wrong is in the report, also if required options are missing. It contains no secrets.

    The call returns once every step is known. Meanwhile other threads run, but Ctrl-C takes effect
    only afterwards. In asyncio, use `await asyncio.to_thread(kubepeers.doctor, ...)`.

    Args:
        timeout: Seconds after which the examination ends at the latest.
        **options: The options of `Provider`. `register_timeout`, `discover_timeout` and `log` have
            no effect. `request_timeout` is 3 by default.

    Raises:
        ConfigError: an option is unknown or invalid. The message names it.
        ForkedError: this process has closed the descriptors of the library.
        LibraryError: the library cannot be loaded, or does not fit this package.
    """
    code = Provider.__init__.__code__
    known = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    for name in options:
        if name not in known:
            raise _config.unknown_option(name, known)
    return examine(_config.pairs(options), timeout)


def examine(pairs: Iterable[tuple[str, str]], timeout: float, *, raw: bool = False) -> Report:
    """Examine with keys and values of the library.

    Args:
        pairs: Keys and values of the library.
        timeout: Seconds.
        raw: Whether texts keep the words of the library.
    """
    import json
    from ctypes import byref, string_at

    # This loads the library.
    from ._library import DOCTOR, Text, lib
    from ._session import call, configuration
    from ._types import Report, Step

    milliseconds = _config.milliseconds(_config.seconds("timeout", timeout))
    text = Text()
    with configuration(pairs, raw=raw) as config:
        try:
            form = DOCTOR["JSON"]
            call(lib.kubepeers_doctor, config, milliseconds, form, byref(text), None, raw=raw)
            found = json.loads(string_at(text))
        finally:
            lib.kubepeers_text_free(text)

    def words(sentence: str) -> str:
        return sentence if raw else _config.python_words(sentence)

    # A newer library may have added fields.
    steps = tuple(
        Step(
            name=step["name"],
            state=step["state"],
            facts=tuple(words(fact) for fact in step["facts"]),
            fix=words(step["fix"]),
            manifest=step["manifest"],
        )
        for step in found["steps"]
    )
    return Report(
        outcome=found["outcome"],
        summary=words(found["summary"]),
        steps=steps,
        manifest=found["manifest"],
        text=words(found["text"]),
    )
