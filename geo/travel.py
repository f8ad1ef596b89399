"""Travel time: the port that ranking and planning ask, and the embedded estimate that needs no map.

Owns what a travel time is (seconds, metres, its source, an arrival as a range). Never knows streets
(`geo.street_graph`) and never asks a clock: the moment of leaving is passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from geo.coordinates import Floats, LonLat, great_circle_m

# Streets are longer than the bird's way; 1.35 is the usual figure for grown cities (Newell 1980: 1.2-1.4).
DETOUR: Final = 1.35
METRES_PER_S: Final = 1000.0 / 3600.0


class TravelSource(StrEnum):
    """Where a travel time comes from."""

    GREAT_CIRCLE = "great_circle"
    STREET_GRAPH = "street_graph"
    OSRM = "osrm"
    VALHALLA = "valhalla"


class RoadClass(StrEnum):
    """Classes of street, by speed."""

    RING = "ring"
    ARTERIAL = "arterial"
    COLLECTOR = "collector"
    LOCAL = "local"


class HourClass(StrEnum):
    """Classes of the local hour, by traffic."""

    PEAK = "peak"
    DAY = "day"
    NIGHT = "night"


class SpeedTable(Struct, frozen=True):
    """Speeds of a service van in km/h by day, and what peak and night make of them.

    `direct_km_h` is for the great circle estimate; `zone` is the IANA zone whose hours count.
    """

    zone: str = "UTC"
    ring_km_h: float = 60.0
    arterial_km_h: float = 45.0
    collector_km_h: float = 35.0
    local_km_h: float = 25.0
    direct_km_h: float = 32.0
    peak_main: float = 0.65
    peak_minor: float = 0.8
    night: float = 1.15

    def hour_class(self, at: datetime) -> HourClass:
        """Class the local hour of an aware instant; raises ValueError for a naive one."""
        if at.tzinfo is None:
            raise ValueError("an aware instant is needed")
        local = at.astimezone(_zone(self.zone))
        if local.hour >= 22 or local.hour < 6:
            return HourClass.NIGHT
        busy = local.hour in (7, 8, 17, 18) and local.weekday() < 5
        return HourClass.PEAK if busy else HourClass.DAY

    def metres_per_s(self, road: RoadClass | None, hour: HourClass) -> float:
        """Give the speed on a class of street, or of the great circle estimate for none."""
        km_h = {
            RoadClass.RING: self.ring_km_h,
            RoadClass.ARTERIAL: self.arterial_km_h,
            RoadClass.COLLECTOR: self.collector_km_h,
            RoadClass.LOCAL: self.local_km_h,
            None: self.direct_km_h,
        }[road]
        minor = road in (RoadClass.COLLECTOR, RoadClass.LOCAL)
        peak = self.peak_minor if minor else self.peak_main
        return km_h * METRES_PER_S * {HourClass.PEAK: peak, HourClass.DAY: 1.0, HourClass.NIGHT: self.night}[hour]


class Points(Struct, frozen=True, eq=False):
    """Many WGS 84 points as two equally long arrays of degrees."""

    lon_deg: Floats
    lat_deg: Floats

    @classmethod
    def of(cls, points: Sequence[LonLat]) -> Points:
        """Build the arrays from single points."""
        return cls(np.array([p.lon_deg for p in points], float), np.array([p.lat_deg for p in points], float))

    def __len__(self) -> int:
        return len(self.lon_deg)


class TravelTable(Struct, frozen=True, eq=False):
    """Travel from each origin (row) to each destination (column).

    `on_streets` is true where `street_source` gave the answer and false where it is an estimate.
    """

    travel_s: Floats
    distance_m: Floats
    on_streets: NDArray[np.bool_]
    street_source: TravelSource = TravelSource.STREET_GRAPH

    def source(self, row: int, column: int) -> TravelSource:
        """Name the source of one entry."""
        return self.street_source if self.on_streets[row, column] else TravelSource.GREAT_CIRCLE


class TravelTime(Struct, frozen=True):
    """One journey; `low_s` to `high_s` is the range to be told, `travel_s` the value to reckon with."""

    travel_s: float
    distance_m: float
    source: TravelSource
    low_s: float
    high_s: float


class Eta(Struct, frozen=True):
    """An arrival as a range of aware instants, with the source of the travel time."""

    earliest_at: datetime
    expected_at: datetime
    latest_at: datetime
    source: TravelSource


class TravelTimes(Protocol):
    """The port: whoever can tell travel times. Answers are never negative and never NaN."""

    def table(self, origins: Points, destinations: Points, leave_at: datetime) -> TravelTable:
        """Give travel from every origin to every destination when leaving at an aware instant."""
        ...


class GreatCircleTravel:
    """The embedded estimate: great circle × detour ÷ speed of the hour class."""

    def __init__(self, speeds: SpeedTable | None = None, detour: float = DETOUR) -> None:
        self.speeds = speeds or SpeedTable()
        self.detour = detour

    def table(self, origins: Points, destinations: Points, leave_at: datetime) -> TravelTable:
        """Give travel from every origin to every destination when leaving at an aware instant."""
        metres = self.detour * great_circle_m(
            origins.lon_deg[:, None],
            origins.lat_deg[:, None],
            destinations.lon_deg[None, :],
            destinations.lat_deg[None, :],
        )
        speed = self.speeds.metres_per_s(None, self.speeds.hour_class(leave_at))
        return TravelTable(metres / speed, metres, np.zeros(metres.shape, dtype=np.bool_))


# How far the truth may lie from the value, by source: an estimate that knows no streets is told as a wider range.
_RANGE: Final = dict.fromkeys(TravelSource, (0.85, 1.25)) | {TravelSource.GREAT_CIRCLE: (0.7, 1.5)}


def with_range(travel_s: float, distance_m: float, source: TravelSource) -> TravelTime:
    """Build a journey with the range that its source deserves."""
    low, high = _RANGE[source]
    return TravelTime(travel_s, distance_m, source, travel_s * low, travel_s * high)


def between(times: TravelTimes, origin: LonLat, destination: LonLat, leave_at: datetime) -> TravelTime:
    """Give one journey, leaving at an aware instant."""
    table = times.table(Points.of([origin]), Points.of([destination]), leave_at)
    return with_range(float(table.travel_s[0, 0]), float(table.distance_m[0, 0]), table.source(0, 0))


def eta(journey: TravelTime, leave_at: datetime) -> Eta:
    """Give the arrival of a journey that starts at an aware instant, in whole seconds."""
    low, likely, high = (timedelta(seconds=round(s)) for s in (journey.low_s, journey.travel_s, journey.high_s))
    return Eta(leave_at + low, leave_at + likely, leave_at + high, journey.source)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
