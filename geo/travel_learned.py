"""A factor per pair of districts and hour class, learned from recorded trips, on top of any travel times. Owns learning and factors only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from statistics import median
from typing import Final
from uuid import UUID

import numpy as np
from msgspec import Struct

from geo.coordinates import LonLat
from geo.travel import HourClass, Points, SpeedTable, TravelTable, TravelTimes

# Fewer trips say more about the driver than about the road.
_FEWEST: Final = 5
_LOW, _HIGH = 0.5, 3.0

Pair = tuple[UUID | None, UUID | None, HourClass]


class Trip(Struct, frozen=True, kw_only=True):
    """A recorded trip: between which districts, when, how long it took and how long it had been expected to take."""

    from_district: UUID | None
    to_district: UUID | None
    left_at: datetime
    took_s: float
    expected_s: float


def learn(trips: Iterable[Trip], speeds: SpeedTable) -> dict[Pair, float]:
    """Give the median of took ÷ expected per pair and hour class with five trips or more, within 0.5 and 3."""
    seen: dict[Pair, list[float]] = defaultdict(list)
    for trip in trips:
        if trip.expected_s > 0 and trip.took_s > 0:
            key = (trip.from_district, trip.to_district, speeds.hour_class(trip.left_at))
            seen[key].append(trip.took_s / trip.expected_s)
    return {key: min(_HIGH, max(_LOW, median(r))) for key, r in seen.items() if len(r) >= _FEWEST}


class LearnedTravel:
    """Travel times with learned factors; pairs without a factor stay as they are."""

    def __init__(
        self,
        times: TravelTimes,
        factors: Mapping[Pair, float],
        *,
        district_of: Callable[[LonLat], UUID | None],
        speeds: SpeedTable | None = None,
    ) -> None:
        self._times = times
        self._factors = factors
        self._district_of = district_of
        self._speeds = speeds or SpeedTable()

    def table(self, origins: Points, destinations: Points, leave_at: datetime) -> TravelTable:
        """Give travel from every origin to every destination when leaving at an aware instant."""
        table = self._times.table(origins, destinations, leave_at)
        hour = self._speeds.hour_class(leave_at)
        rows, columns = self._districts(origins), self._districts(destinations)
        factors = np.array([[self._factors.get((a, b, hour), 1.0) for b in columns] for a in rows], dtype=float)
        return TravelTable(
            table.travel_s * factors.reshape(table.travel_s.shape),
            table.distance_m,
            table.on_streets,
            table.street_source,
        )

    def _districts(self, points: Points) -> list[UUID | None]:
        pairs = zip(points.lon_deg.tolist(), points.lat_deg.tolist(), strict=True)
        return [self._district_of(LonLat(lon, lat)) for lon, lat in pairs]
