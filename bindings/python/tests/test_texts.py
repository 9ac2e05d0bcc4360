"""Metrics and explanations, and that they are freed."""

from __future__ import annotations

import ctypes
from typing import Any

import kubepeers
import pytest
from fakes import Fake
from kubepeers import Provider
from kubepeers._library import EXPLAIN


class Texts:
    """A library that gives texts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **texts: bytes) -> None:
        self._texts = {name: ctypes.create_string_buffer(text) for name, text in texts.items()}
        self.fake = Fake(monkeypatch, "text_free")
        self.fake.answer(explain=self._explain, metrics=self._metrics)

    def _explain(self, _provider: int, form: int, text: Any, _error: Any) -> int:
        return self._give({number: name for name, number in EXPLAIN.items()}[form], text)

    def _metrics(self, _provider: int, text: Any, _error: Any) -> int:
        return self._give("METRICS", text)

    def _give(self, name: str, text: Any) -> int:
        made = ctypes.cast(text, ctypes.POINTER(ctypes.c_void_p))
        made[0] = ctypes.addressof(self._texts[name])
        return 0


def test_texts(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> None:
    texts = Texts(monkeypatch, JSON=b'{"gate": "open", "pods": []}', TABLE=b"POD \xc3\xa4\n", METRICS=b"# HELP a b\n")
    assert provider.explain() == {"gate": "open", "pods": []}
    assert provider.explain_table() == "POD ä\n"
    assert provider.metrics() == "# HELP a b\n"
    assert len(texts.fake.freed) == 3
    assert all(texts.fake.freed)


def test_freed_when_reading_fails(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> None:
    texts = Texts(monkeypatch, JSON=b"\xff", TABLE=b"\xff", METRICS=b"\xff")
    for ask in (provider.explain, provider.explain_table, provider.metrics):
        with pytest.raises(UnicodeDecodeError):
            ask()
    assert len(texts.fake.freed) == 3


def test_before_anything_was_read(registered: Provider) -> None:
    for explain in (registered.explain, registered.explain_table):
        with pytest.raises(kubepeers.NotSyncedError):
            explain()
    assert 'kubepeers_synced{namespace="default",selector="app=test"} 0\n' in registered.metrics()
