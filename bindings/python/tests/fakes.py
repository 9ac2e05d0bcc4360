"""Stand-ins for functions of the library that give objects."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
from kubepeers._library import lib

#: Where the objects are that nobody made.
NOWHERE = 4711


class Fake:
    """Answers for some functions of the library, and counts what is freed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: str, *giving: str) -> None:
        self.freed: list[int | None] = []
        self._monkeypatch = monkeypatch
        self.answer(**{free: lambda made: self.freed.append(made.value)}, **dict.fromkeys(giving, self._give))

    def answer(self, **answers: Any) -> None:
        """Answer for functions, given by name without prefix: with a function, or with a value."""
        for name, answer in answers.items():
            function = answer if callable(answer) else lambda *_, answer=answer: answer
            self._monkeypatch.setattr(lib, f"kubepeers_{name}", function)

    @staticmethod
    def _give(*arguments: Any) -> int:
        made = ctypes.cast(arguments[-2], ctypes.POINTER(ctypes.c_void_p))
        made[0] = NOWHERE
        return 0
