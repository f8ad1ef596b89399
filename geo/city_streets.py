"""The streets of the synthetic city as drawn lines: a warped grid, a ring road, a boulevard, embankments.

Owns where streets run and what they are called. Never builds the graph (`geo.city_graph`).
"""

from __future__ import annotations

import math
from typing import Final

import shapely
from msgspec import Struct
from shapely.geometry import LineString, MultiLineString
from shapely.geometry.base import BaseGeometry

from geo import city_names
from geo.city_draw import Draw
from geo.city_ground import EMBANKMENT_M, HALF_HEIGHT_M, HALF_WIDTH_M, Ground, Spot
from geo.travel import RoadClass

# Grid lines are drawn past the outline, since those that divide districts have to cross it.
_OVERHANG_M: Final = 1100.0
_EVERY_ARTERIAL: Final = 4
# Rows end short of the embankment; running beside it they would leave slivers of blocks.
_ROW_CLEARANCE_M: Final = 70.0
# Columns overshoot the embankment by this, so that they are sure to cross it; the stub is pruned later.
_OVERSHOOT_M: Final = 3.0


class StreetLine(Struct, frozen=True, eq=False):
    """A street as drawn, in metres; `whole` is its line before it was cut to the town."""

    number: int
    name: str
    name_zh: str
    road: RoadClass
    family: str
    whole: LineString
    line: BaseGeometry


def draw_streets(seed: int, ground: Ground) -> list[StreetLine]:
    """Draw all streets of a seed, most important first within each family; numbers count from 0."""
    drawn = [*_special(seed, ground), *_grid(seed, ground)]
    kept = [s for s in drawn if not s.line.is_empty]
    return [StreetLine(number, s.name, s.name_zh, s.road, s.family, s.whole, s.line) for number, s in enumerate(kept)]


def _special(seed: int, ground: Ground) -> list[StreetLine]:
    draw = Draw(seed, "special streets")
    tilt = draw.between(-0.15, 0.15)
    ring = [
        (
            0.62 * HALF_WIDTH_M * math.cos(math.tau * i / 80 + tilt),
            0.64 * HALF_HEIGHT_M * math.sin(math.tau * i / 80 + tilt),
        )
        for i in range(81)
    ]
    angle = draw.pick((1, 3, 5, 7)) * math.tau / 8 + draw.between(-0.2, 0.2)
    far = (1.2 * HALF_WIDTH_M * math.cos(angle), 1.2 * HALF_HEIGHT_M * math.sin(angle))
    near = (0.12 * far[0], 0.12 * far[1])
    lines = [
        (city_names.RING, RoadClass.RING, "ring", LineString([*ring[:-1], ring[0]])),
        (city_names.DIAGONAL, RoadClass.ARTERIAL, "diagonal", LineString([near, far])),
        (city_names.EMBANKMENTS[0], RoadClass.COLLECTOR, "embankment", ground.embankments[0]),
        (city_names.EMBANKMENTS[1], RoadClass.COLLECTOR, "embankment", ground.embankments[1]),
    ]
    return [
        StreetLine(0, name[0], name[1], road, family, line, line.intersection(ground.built))
        for name, road, family, line in lines
    ]


def _grid(seed: int, ground: Ground) -> list[StreetLine]:
    draw = Draw(seed, "grid")
    columns, rows = _ticks(draw, HALF_WIDTH_M), _ticks(draw, HALF_HEIGHT_M)
    warp = _Warp(draw)
    column_roads, row_roads = _roads(columns), _roads(rows)
    crossing: list[list[Spot]] = []
    for i, east in enumerate(columns):
        crossing.append([])
        for j, north in enumerate(rows):
            both_local = column_roads[i] is RoadClass.LOCAL and row_roads[j] is RoadClass.LOCAL
            crossing[i].append(warp.at(east, north, draw.between(-1, 1) if both_local else 0.0))
    names = _Namer(Draw(seed, "street names"))
    streets: list[StreetLine] = []
    for i, road in enumerate(column_roads):
        whole = LineString(crossing[i])
        cut = whole if road is RoadClass.ARTERIAL else whole.difference(_wet(ground, EMBANKMENT_M - _OVERSHOOT_M))
        streets.append(names.street("column", road, whole, _town(cut, ground)))
    for j, road in enumerate(row_roads):
        whole = LineString([line[j] for line in crossing])
        cut = whole.difference(_wet(ground, EMBANKMENT_M + _ROW_CLEARANCE_M))
        streets.append(names.street("row", road, whole, _town(cut, ground)))
    return sorted(streets, key=lambda s: (list(RoadClass).index(s.road), s.family, s.whole.bounds))


def _wet(ground: Ground, width_m: float) -> BaseGeometry:
    return ground.river_line.buffer(width_m)


def _town(line: BaseGeometry, ground: Ground) -> BaseGeometry:
    """Cut a line to the town and leave out scraps."""
    parts = [p for p in shapely.get_parts(line.intersection(ground.built)) if p.length > 120.0]
    return MultiLineString(parts)


def _ticks(draw: Draw, half_m: float) -> list[float]:
    """Draw where grid lines lie along one axis: closer together in the middle."""
    ticks: list[float] = []
    at = -half_m - _OVERHANG_M + draw.between(0, 150)
    while at < half_m + _OVERHANG_M:
        ticks.append(at)
        at += draw.between(185, 265) * (0.72 + 0.45 * min(1.0, abs(at) / half_m))
    return ticks


def _roads(ticks: list[float]) -> list[RoadClass]:
    """Class the lines of one axis: the middle one and every fourth from it are arterials."""
    middle = min(range(len(ticks)), key=lambda i: abs(ticks[i]))
    roads: list[RoadClass] = []
    for i in range(len(ticks)):
        apart = abs(i - middle)
        if apart % _EVERY_ARTERIAL == 0:
            roads.append(RoadClass.ARTERIAL)
        else:
            roads.append(RoadClass.COLLECTOR if apart % 2 == 0 else RoadClass.LOCAL)
    return roads


class _Warp:
    """Bends and turns the grid a little, the same way everywhere near a place."""

    def __init__(self, draw: Draw) -> None:
        self._phase = [draw.between(0, math.tau) for _ in range(4)]
        turn = draw.between(-0.12, 0.12)
        self._cos, self._sin = math.cos(turn), math.sin(turn)

    def at(self, east: float, north: float, rough: float) -> Spot:
        """Move a crossing; `rough` adds up to 16 m of unevenness."""
        a, b, c, d = self._phase
        x = east + 130 * math.sin(north / 1700 + a) + 55 * math.sin((east + north) / 1100 + b) + 16 * rough
        y = north + 110 * math.sin(east / 1900 + c) + 55 * math.sin((east - north) / 1300 + d) - 16 * rough
        return (round(x * self._cos - y * self._sin, 2), round(x * self._sin + y * self._cos, 2))


class _Namer:
    """Hands out names; none is given twice. There are more stems than a grid has lines of one kind."""

    def __init__(self, draw: Draw) -> None:
        self._left = {kind: draw.shuffled(city_names.STEMS) for kind in city_names.KINDS}

    def street(self, family: str, road: RoadClass, whole: LineString, line: BaseGeometry) -> StreetLine:
        """Name a street of the grid by its class and direction."""
        kind = "arterial" if road is RoadClass.ARTERIAL else family
        word, word_zh = city_names.KINDS[kind]
        stem, stem_zh = self._left[kind].pop()
        return StreetLine(0, f"{stem} {word}", stem_zh + word_zh, road, family, whole, line)
