"""The ground of the synthetic city: its place on the globe, its outline and its river.

The city is invented and lies in the open Atlantic (20° W, 45° N), more than 700 km from any land, so that
nobody mistakes it for a place. Inside the generator everything is in metres on a flat plane around the
centre; only finished shapes become degrees, rounded to 1e-7 (a centimetre).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import shapely
from msgspec import Struct
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from geo.city_draw import Draw
from geo.coordinates import LonLat

CENTRE: Final = LonLat(-20.0, 45.0)
# Metres per degree of the WGS 84 ellipsoid at 45° N: over 8 km the plane is true within 0.1 %.
LON_DEGREE_M: Final = 78_846.81
LAT_DEGREE_M: Final = 111_131.75
DEGREE_DIGITS: Final = 7

HALF_WIDTH_M: Final = 3600.0
HALF_HEIGHT_M: Final = 2700.0
FRINGE_M: Final = 180.0
RIVER_HALF_M: Final = 60.0
EMBANKMENT_M: Final = 90.0
Spot = tuple[float, float]


class Ground(Struct, frozen=True, eq=False):
    """Outline and river in metres: `built` is where streets may be, `outline` leaves a fringe around it.

    `embankments` run along the river, north first.
    """

    built: Polygon
    outline: Polygon
    river_line: LineString
    river: BaseGeometry
    embankments: tuple[LineString, LineString]


def make_ground(seed: int) -> Ground:
    """Draw the outline and the river of a seed."""
    draw = Draw(seed, "ground")
    built = Polygon(_outline(draw))
    outline = shapely.simplify(built.buffer(FRINGE_M), 4.0)
    course = LineString(_river(draw))
    banks = (_beside(course, EMBANKMENT_M), _beside(course, -EMBANKMENT_M))
    return Ground(built, outline, course, course.buffer(RIVER_HALF_M).intersection(outline), banks)


def to_degrees(spot: Spot) -> LonLat:
    """Place metres east and north of the centre on the globe, rounded to a centimetre."""
    lon = round(CENTRE.lon_deg + spot[0] / LON_DEGREE_M, DEGREE_DIGITS)
    lat = round(CENTRE.lat_deg + spot[1] / LAT_DEGREE_M, DEGREE_DIGITS)
    return LonLat(lon, lat)


def to_line(spots: Sequence[Sequence[float]]) -> tuple[LonLat, ...]:
    """Place a line or ring on the globe, leaving out points that fall on the one before."""
    line: list[LonLat] = []
    for spot in spots:
        point = to_degrees((float(spot[0]), float(spot[1])))
        if not line or line[-1] != point:
            line.append(point)
    return tuple(line)


def to_metres(point: LonLat) -> Spot:
    """Give metres east and north of the centre."""
    return (point.lon_deg - CENTRE.lon_deg) * LON_DEGREE_M, (point.lat_deg - CENTRE.lat_deg) * LAT_DEGREE_M


def _beside(course: LineString, distance_m: float) -> LineString:
    """Run a line beside another; a tight bend may cut off a loop, which is left out."""
    parts = [p for p in shapely.get_parts(course.offset_curve(distance_m)) if isinstance(p, LineString)]
    return max(parts, key=lambda part: part.length)


def _outline(draw: Draw) -> list[Spot]:
    """Draw a lobed superellipse, as towns grow: wider along the river, uneven at the edge."""
    lobes = [(wave, share, draw.between(0, math.tau)) for wave, share in ((2, 0.05), (3, 0.05), (5, 0.03), (9, 0.012))]
    spots: list[Spot] = []
    for step in range(120):
        angle = math.tau * step / 120
        east, north = math.cos(angle), math.sin(angle)
        radius = (abs(east / HALF_WIDTH_M) ** 2.5 + abs(north / HALF_HEIGHT_M) ** 2.5) ** (-1 / 2.5)
        radius *= 1 + sum(share * math.sin(wave * angle + phase) for wave, share, phase in lobes)
        spots.append((round(radius * east, 2), round(radius * north, 2)))
    return spots


def _river(draw: Draw) -> list[Spot]:
    """Draw a winding course from west to east, well past the outline on both sides."""
    wide, narrow = draw.between(0, math.tau), draw.between(0, math.tau)
    height = draw.between(260, 400)
    shift = draw.between(-250, 250)
    course: list[Spot] = []
    for step in range(131):
        east = -5200.0 + 80.0 * step
        north = shift + height * math.sin(east / 1500 + wide) + 110 * math.sin(east / 640 + narrow)
        course.append((east, round(north, 2)))
    return course
