"""What `discover_peers()` asks the library for, and what it remembers."""

from __future__ import annotations

import kubepeers
import pytest
from fakes import Addresses
from kubepeers import Provider
from kubepeers._library import PROTOTYPES, lib


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Addresses:
    """A library that has two peers."""
    return Addresses(monkeypatch, 7, b"10.0.0.2:1", b"[fd00::1]:1")


def test_an_unchanged_answer_is_not_asked_for(library: Addresses, provider: Provider) -> None:
    for timeout in (None, 0, 1.5):
        assert provider.discover_peers(timeout) == ["10.0.0.2:1", "[fd00::1]:1"]
    assert len(library.copies) == 1


def test_lists_belong_to_their_callers(library: Addresses, provider: Provider) -> None:
    provider.discover_peers().clear()
    provider.discover_peers().append("mine")
    assert provider.discover_peers() == ["10.0.0.2:1", "[fd00::1]:1"]


def test_a_changed_answer_is_asked_for(library: Addresses, provider: Provider) -> None:
    provider.discover_peers()
    library.generation, library.addresses = 8, ()
    assert provider.discover_peers() == []
    library.generation, library.addresses = 9, (b"10.0.0.9:9",)
    assert provider.discover_peers() == ["10.0.0.9:9"]
    assert [known for known, *_ in library.copies] == [0, 7, 8]


def test_without_a_generation_every_answer_is_asked_for(library: Addresses, provider: Provider) -> None:
    library.shown = False
    for timeout in (None, 0, 1.5):
        assert provider.discover_peers(timeout) == ["10.0.0.2:1", "[fd00::1]:1"]
    # Nothing is copied that is known.
    assert [copy[:2] for copy in library.copies] == [(0, -1), (7, 0), (7, 1500)]


def test_an_error_is_no_answer(library: Addresses, provider: Provider) -> None:
    provider.discover_peers()
    library.shown, library.status = False, -13
    with pytest.raises(kubepeers.SelfNotVisibleError):
        provider.discover_peers()
    library.shown, library.status = True, 0
    assert provider.discover_peers() == ["10.0.0.2:1", "[fd00::1]:1"]


def test_addresses_that_do_not_fit_are_asked_for_again(library: Addresses, provider: Provider) -> None:
    many = [b"[fd00::%x]:3322" % number for number in range(5000)]
    library.addresses = tuple(many)
    assert provider.discover_peers() == [address.decode() for address in many]
    assert len(library.copies) == 2
    # From then on there is room.
    library.generation, library.addresses = 8, tuple(many[1:])
    assert len(provider.discover_peers()) == 4999
    assert len(library.copies) == 3


def test_a_wrong_timeout_is_refused_whether_it_is_needed_or_not(library: Addresses, provider: Provider) -> None:
    provider.discover_peers()
    for timeout in (-1, float("nan")):
        with pytest.raises(ValueError, match="timeout"):
            provider.discover_peers(timeout)


def test_crossings(library: Addresses, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    crossings = []
    for name in PROTOTYPES:
        function = getattr(lib, name)

        def counted(*arguments: object, name: str = name, function: object = function) -> object:
            crossings.append(name)
            return function(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(lib, name, counted)
    provider.discover_peers()
    assert crossings == ["kubepeers_generation", "kubepeers_copy_addresses"]
    provider.discover_peers()
    assert crossings[2:] == ["kubepeers_generation"]
