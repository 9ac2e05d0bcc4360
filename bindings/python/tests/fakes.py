"""Replacements for functions of the library."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
from kubepeers._library import lib

#: The address of fake objects, which must never be read.
FAKE_ADDRESS = 4711


class FakeFunctions:
    """Replaces functions of the library and records which objects are freed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: str, *constructors: str) -> None:
        """Replace `free`, and the constructors, which then return an object at FAKE_ADDRESS."""
        self.freed: list[int | None] = []
        self._monkeypatch = monkeypatch
        constructed = dict.fromkeys(constructors, self._construct)
        self.replace(**{free: lambda pointer: self.freed.append(pointer.value)}, **constructed)

    def replace(self, **replacements: Any) -> None:
        """Replace functions, named without their prefix, by other functions or by return values."""
        for name, replacement in replacements.items():
            function = replacement if callable(replacement) else lambda *_, value=replacement: value
            self._monkeypatch.setattr(lib, f"kubepeers_{name}", function)

    @staticmethod
    def _construct(*arguments: Any) -> int:
        out = ctypes.cast(arguments[-2], ctypes.POINTER(ctypes.c_void_p))
        out[0] = FAKE_ADDRESS
        return 0


class FakeAddresses:
    """A library that returns these addresses in this generation and records the calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, generation: int, *addresses: bytes) -> None:
        self.generation, self.addresses, self.status = generation, addresses, 0
        #: Whether kubepeers_generation returns the generation. Otherwise it returns 0.
        self.has_generation = True
        #: The known generation, the timeout and the buffer size of each call of
        #: kubepeers_copy_addresses.
        self.copies: list[tuple[int, int, int]] = []
        monkeypatch.setattr(
            lib, "kubepeers_generation", lambda _: self.generation if self.has_generation else 0
        )
        monkeypatch.setattr(lib, "kubepeers_copy_addresses", self._copy)

    def _copy(
        self, _provider: Any, known: int, timeout_ms: int, buffer: Any, size: int, *outs: Any
    ) -> int:
        self.copies.append((known, timeout_ms, size))
        if self.status:
            return self.status
        text = (
            b""
            if known == self.generation
            else b"".join(address + b"\0" for address in self.addresses)
        )
        if len(text) <= size:
            ctypes.memmove(buffer, text, len(text))
        length, generation, _ = (out._obj for out in outs)
        length.value, generation.value = len(text), self.generation
        return 0
