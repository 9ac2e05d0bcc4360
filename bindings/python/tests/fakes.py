"""Fakes of functions of the library."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
from kubepeers._library import lib

#: The address of objects that do not exist.
NOWHERE = 4711


class Fake:
    """Replaces some functions of the library, and counts what is freed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: str, *giving: str) -> None:
        self.freed: list[int | None] = []
        self._monkeypatch = monkeypatch
        self.answer(**{free: lambda made: self.freed.append(made.value)}, **dict.fromkeys(giving, self._give))

    def answer(self, **answers: Any) -> None:
        """Replace functions, named without their prefix, by other functions or by values."""
        for name, answer in answers.items():
            function = answer if callable(answer) else lambda *_, answer=answer: answer
            self._monkeypatch.setattr(lib, f"kubepeers_{name}", function)

    @staticmethod
    def _give(*arguments: Any) -> int:
        made = ctypes.cast(arguments[-2], ctypes.POINTER(ctypes.c_void_p))
        made[0] = NOWHERE
        return 0


class Addresses:
    """A library that has addresses of a generation, and records the calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, generation: int, *addresses: bytes) -> None:
        self.generation, self.addresses, self.status = generation, addresses, 0
        #: Whether kubepeers_generation returns it.
        self.shown = True
        #: The known generation, the timeout and the size of the buffer of each call.
        self.copies: list[tuple[int, int, int]] = []
        monkeypatch.setattr(lib, "kubepeers_generation", lambda _: self.generation if self.shown else 0)
        monkeypatch.setattr(lib, "kubepeers_copy_addresses", self._copy)

    def _copy(self, _provider: Any, known: int, timeout_ms: int, buffer: Any, size: int, *outs: Any) -> int:
        self.copies.append((known, timeout_ms, size))
        if self.status:
            return self.status
        text = b"" if known == self.generation else b"".join(address + b"\0" for address in self.addresses)
        if len(text) <= size:
            ctypes.memmove(buffer, text, len(text))
        length, generation, _ = (out._obj for out in outs)
        length.value, generation.value = len(text), self.generation
        return 0
