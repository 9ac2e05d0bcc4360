"""How sure the answers are, and that what tells it is freed."""

from __future__ import annotations

import time

import kubepeers
import pytest
from fakes import NOWHERE, Fake
from kubepeers import Health, Provider
from kubepeers._library import Error


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """A library in good health."""
    fake = Fake(monkeypatch, "health_free", "get_health")
    fake.answer(health_age_ms=1500, health_is_stale=0, health_is_watching=1, health_is_polling=0)
    fake.answer(health_error=Error(), health_error_class=b"")
    return fake


def test_good(fake: Fake, provider: Provider) -> None:
    assert provider.health() == Health(age=1.5, stale=False, watching=True, polling=False, error=None, error_class="")
    assert fake.freed == [NOWHERE]


def test_bad(fake: Fake, provider: Provider) -> None:
    fake.answer(health_age_ms=-1, health_is_stale=1, health_is_polling=1, health_error_class=b"forbidden")
    fake.answer(health_error=Error(NOWHERE), error_status=-21, error_message=b"may not")
    fake.answer(error_is_retryable=1, error_http_status=403, error_manifest=b"kind: Role")
    # It is part of the health: nobody frees it. What is freed here belongs to the call, which did not fail.
    fake.answer(error_free=lambda error: pytest.fail("freed twice") if error.value else None)
    health = provider.health()
    assert (health.age, health.stale, health.polling, health.error_class) == (None, True, True, "forbidden")
    error = health.error
    assert isinstance(error, kubepeers.ForbiddenError)
    assert (error.message, error.retryable, error.http_status) == ("may not", True, 403)
    assert error.manifest == "kind: Role"
    assert fake.freed == [NOWHERE]


def test_freed_when_reading_fails(fake: Fake, provider: Provider) -> None:
    fake.answer(health_error_class=b"\xff")
    with pytest.raises(UnicodeDecodeError):
        provider.health()
    assert fake.freed == [NOWHERE]


def test_a_server_that_refuses(registered: Provider) -> None:
    with pytest.raises(kubepeers.NotSyncedError):
        registered.refresh()
    deadline = time.monotonic() + 60
    # It has not been asked yet, perhaps.
    while not (health := registered.health()).error:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert (health.age, health.stale, health.polling) == (None, True, False)
    assert isinstance(health.error, kubepeers.UnavailableError)
    assert health.error.retryable is True
    assert "refused" in health.error.message
    assert health.error_class == "unreachable"
