"""Travel times of a routing server over HTTP: OSRM's table and Valhalla's matrix, kept by profile, hour class and rounded node pair.

Owns the requests, the cache and the way back to the embedded estimate where a server is silent. Knows no streets of its own.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import product
from typing import Final, Protocol

import httpx
import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from geo.coordinates import Floats
from geo.travel import GreatCircleTravel, HourClass, Points, SpeedTable, TravelSource, TravelTable, TravelTimes

# About 11 m: places in one yard are one node.
_ROUNDED: Final = 4
_KEPT: Final = 500_000
# The public default of OSRM's --max-table-size is 100 places.
_AT_ONCE: Final = 50
# After a failure the server is left alone for so many tables.
_PAUSE: Final = 20
# So long a table is asked for in all: each answer may take as long as the client's patience, and a large day is a hundred questions.
_TABLE_S: Final = 15.0

Node = tuple[float, float]


class ServerSilent(Exception):
    """The routing server gave no usable answer."""


class MatrixServer(Protocol):
    """A routing server that tells seconds and metres between nodes (longitude, latitude); NaN where there is no way."""

    profile: str
    source: TravelSource

    def matrix(self, origins: Sequence[Node], goals: Sequence[Node], leave_at: datetime) -> tuple[Floats, Floats]:
        """Ask for all pairs; raises ServerSilent."""
        ...


class _OsrmAnswer(Struct):
    code: str
    durations: list[list[float | None]] | None = None
    distances: list[list[float | None]] | None = None


class OsrmTable:
    """OSRM's table service. It knows no traffic, so the hour's speed relative to the day is applied to its seconds."""

    source = TravelSource.OSRM

    def __init__(self, client: httpx.Client, *, profile: str = "driving", speeds: SpeedTable | None = None) -> None:
        self.profile = profile
        self._client = client
        self._speeds = speeds or SpeedTable()

    def matrix(self, origins: Sequence[Node], goals: Sequence[Node], leave_at: datetime) -> tuple[Floats, Floats]:
        """Ask for all pairs; raises ServerSilent."""
        nodes = [*origins, *goals]
        path = ";".join(f"{lon:.{_ROUNDED}f},{lat:.{_ROUNDED}f}" for lon, lat in nodes)
        wanted = {
            "sources": ";".join(map(str, range(len(origins)))),
            "destinations": ";".join(map(str, range(len(origins), len(nodes)))),
            "annotations": "duration,distance",
        }
        try:
            told = self._client.get(f"/table/v1/{self.profile}/{path}", params=wanted)
            answer = msgspec.json.decode(told.content, type=_OsrmAnswer)
        except (httpx.HTTPError, msgspec.DecodeError) as silent:
            raise ServerSilent(str(silent)) from silent
        if answer.code != "Ok" or answer.durations is None:
            raise ServerSilent(answer.code)
        hour = self._speeds.hour_class(leave_at)
        slower = self._speeds.metres_per_s(None, HourClass.DAY) / self._speeds.metres_per_s(None, hour)
        shape = (len(origins), len(goals))
        metres = answer.distances or [[None] * shape[1]] * shape[0]
        return _filled(answer.durations, shape) * slower, _filled(metres, shape)


class _ValhallaPair(Struct):
    from_index: int
    to_index: int
    time: float | None = None
    distance: float | None = None


class _ValhallaAnswer(Struct):
    sources_to_targets: list[list[_ValhallaPair]]


class ValhallaMatrix:
    """Valhalla's matrix service, asked for the local moment of leaving; its own traffic counts."""

    source = TravelSource.VALHALLA

    def __init__(self, client: httpx.Client, *, profile: str = "auto") -> None:
        self.profile = profile
        self._client = client

    def matrix(self, origins: Sequence[Node], goals: Sequence[Node], leave_at: datetime) -> tuple[Floats, Floats]:
        """Ask for all pairs; raises ServerSilent."""
        body = {
            "sources": [{"lon": round(lon, _ROUNDED), "lat": round(lat, _ROUNDED)} for lon, lat in origins],
            "targets": [{"lon": round(lon, _ROUNDED), "lat": round(lat, _ROUNDED)} for lon, lat in goals],
            "costing": self.profile,
            "units": "kilometers",
            "date_time": {"type": 1, "value": leave_at.strftime("%Y-%m-%dT%H:%M")},
        }
        try:
            told = self._client.post("/sources_to_targets", json=body)
            told.raise_for_status()
            answer = msgspec.json.decode(told.content, type=_ValhallaAnswer)
        except (httpx.HTTPError, msgspec.DecodeError) as silent:
            raise ServerSilent(str(silent)) from silent
        seconds = np.full((len(origins), len(goals)), np.nan)
        metres = seconds.copy()
        for pair in (pair for row in answer.sources_to_targets for pair in row):
            if pair.from_index < len(origins) and pair.to_index < len(goals) and pair.time is not None:
                seconds[pair.from_index, pair.to_index] = pair.time
                metres[pair.from_index, pair.to_index] = 1000.0 * (pair.distance or 0.0)
        return seconds, metres


class ServerTravel:
    """A routing server behind the port, with a cache and a fallback; each entry says which of the two it comes from."""

    def __init__(
        self,
        server: MatrixServer,
        *,
        speeds: SpeedTable | None = None,
        fallback: TravelTimes | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server, self._seconds = server, seconds
        self._speeds = speeds or SpeedTable()
        self._fallback = fallback or GreatCircleTravel(self._speeds)
        self._kept: OrderedDict[tuple[HourClass, Node, Node], tuple[float, float]] = OrderedDict()
        self._pause = 0
        self._turn = threading.Lock()

    def table(self, origins: Points, destinations: Points, leave_at: datetime) -> TravelTable:
        """Give travel from every origin to every destination when leaving at an aware instant."""
        hour = self._speeds.hour_class(leave_at)
        rows, columns = _nodes(origins), _nodes(destinations)
        with self._turn:
            self._fetch(hour, rows, columns, leave_at)
            got = [[(0.0, 0.0) if a == b else self._kept.get((hour, a, b)) for b in columns] for a in rows]
            ways = [(hour, a, b) for a in rows for b in columns if a != b]
            silent = bool(ways) and not any(way in self._kept for way in ways)
        if silent:
            # All of it is the fallback's, which says best where it comes from.
            return self._fallback.table(origins, destinations, leave_at)
        shape = (len(rows), len(columns))
        seconds = np.array([[np.nan if c is None else c[0] for c in row] for row in got], dtype=float).reshape(shape)
        metres = np.array([[np.nan if c is None else c[1] for c in row] for row in got], dtype=float).reshape(shape)
        known: NDArray[np.bool_] = np.isfinite(seconds)
        if not known.all() or not np.isfinite(metres).all():
            other = self._fallback.table(origins, destinations, leave_at)
            seconds = np.where(known, seconds, other.travel_s)
            metres = np.where(np.isfinite(metres), metres, other.distance_m)
        return TravelTable(np.maximum(seconds, 0.0), np.maximum(metres, 0.0), known, self._server.source)

    def _fetch(self, hour: HourClass, rows: Sequence[Node], columns: Sequence[Node], leave_at: datetime) -> None:
        """Ask for the pairs that are not kept, in blocks; the first silence ends the asking for a while, the time limit for this table.

        What has come by then is kept, so that the next table asks for less.
        """
        missing = {(a, b) for a in set(rows) for b in set(columns) if a != b and (hour, a, b) not in self._kept}
        if not missing:
            return
        if self._pause > 0:
            self._pause -= 1
            return
        until_s = self._seconds() + _TABLE_S
        blocks = product(_blocks({a for a, _ in missing}), _blocks({b for _, b in missing}))
        try:
            for froms, tos in blocks:
                if missing.isdisjoint(product(froms, tos)):
                    continue
                if self._seconds() >= until_s:
                    break
                seconds, metres = self._server.matrix(froms, tos, leave_at)
                for (i, a), (j, b) in product(enumerate(froms), enumerate(tos)):
                    self._kept[hour, a, b] = (float(seconds[i, j]), float(metres[i, j]))
        except ServerSilent:
            self._pause = _PAUSE
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)


def _blocks(nodes: Iterable[Node]) -> list[list[Node]]:
    ordered = sorted(nodes)
    return [ordered[at : at + _AT_ONCE] for at in range(0, len(ordered), _AT_ONCE)]


def _nodes(points: Points) -> list[Node]:
    pairs = zip(points.lon_deg.tolist(), points.lat_deg.tolist(), strict=True)
    return [(round(lon, _ROUNDED), round(lat, _ROUNDED)) for lon, lat in pairs]


def _filled(rows: Sequence[Sequence[float | None]], shape: tuple[int, int]) -> Floats:
    table = np.array([[np.nan if cell is None else cell for cell in row] for row in rows], dtype=float)
    if table.shape != shape:
        raise ServerSilent(f"a table of {table.shape} instead of {shape}")
    return table
