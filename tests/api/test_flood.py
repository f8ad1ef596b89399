"""The limit per address in one process: a burst, then a pace, and memory that stays bounded."""

from datetime import UTC, datetime, timedelta

import pytest

from api import flood
from api.flood import Flood
from api.problems import ProblemError

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_a_burst_is_admitted_then_one_at_a_time_and_others_are_not_affected() -> None:
    limit = Flood()
    for _ in range(flood.BURST):
        limit.admit("203.0.113.1", now=NOW)
    with pytest.raises(ProblemError) as refused:
        limit.admit("203.0.113.1", now=NOW)
    assert (refused.value.code, refused.value.headers["Retry-After"]) == ("too_many_requests", "1")
    limit.admit("203.0.113.2", now=NOW)
    limit.admit("203.0.113.1", now=NOW + flood.EVERY)
    with pytest.raises(ProblemError):
        limit.admit("203.0.113.1", now=NOW + flood.EVERY)


def test_addresses_of_the_past_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "ADDRESSES_MAX", 3)
    limit = Flood()
    for n in range(10):
        limit.admit(f"203.0.113.{n}", now=NOW + timedelta(minutes=n))
    assert len(limit._free_at) <= 3
