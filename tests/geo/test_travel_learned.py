"""Factors learned from recorded trips: per pair of districts and hour, from enough trips, within bounds."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from geo.coordinates import LonLat
from geo.travel import GreatCircleTravel, HourClass, Points, SpeedTable
from geo.travel_learned import LearnedTravel, Trip, learn

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
WEST, EAST = UUID(int=1), UUID(int=2)


def trips(factor: float, count: int = 5) -> list[Trip]:
    """Record trips from west to east at noon."""
    return [
        Trip(from_district=WEST, to_district=EAST, left_at=NOON, took_s=factor * 600, expected_s=600)
        for _ in range(count)
    ]


def test_the_median_of_enough_trips_counts_within_bounds() -> None:
    key = (WEST, EAST, HourClass.DAY)
    assert learn([*trips(1.5), *trips(9.0, 1)], SpeedTable()) == {key: 1.5}
    assert learn(trips(1.5, 4), SpeedTable()) == {}
    assert learn(trips(50.0), SpeedTable()) == {key: 3.0}
    assert learn(trips(0.01), SpeedTable()) == {key: 0.5}


def test_a_factor_is_applied_to_its_pair_and_hour_only() -> None:
    west, east = LonLat(-20.0, 45.0), LonLat(-19.9, 45.0)
    plain = GreatCircleTravel()
    learned = LearnedTravel(
        plain, learn(trips(2.0), SpeedTable()), district_of=lambda p: WEST if p.lon_deg < -19.95 else EAST
    )
    both = Points.of([west, east])
    for at, factor in ((NOON, 2.0), (NOON.replace(hour=8), 1.0)):
        before, after = plain.table(both, both, at), learned.table(both, both, at)
        assert after.travel_s[0, 1] == pytest.approx(factor * before.travel_s[0, 1])
        assert after.travel_s[1, 0] == pytest.approx(before.travel_s[1, 0])
        assert after.distance_m.tolist() == before.distance_m.tolist()
