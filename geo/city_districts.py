"""Districts and blocks of the synthetic city: who is responsible for which ground, and what it is used for.

Owns the cut of the town into zones and districts that tile it without gap or overlap. Never draws streets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import shapely
from msgspec import Struct
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from geo import city_names
from geo.city_draw import Draw
from geo.city_graph import Network
from geo.city_ground import Ground, to_degrees, to_line, to_metres
from geo.city_plan import Block, CityDistrict
from geo.city_streets import StreetLine
from geo.coordinates import LonLat
from geo.travel import RoadClass

_TOWN_M: Final = 2100.0
_PAVEMENT_M: Final = 9.0
_SMALLEST_BLOCK_M2: Final = 1500.0


class _Zone(Struct, frozen=True, eq=False):
    code: str
    name: str
    name_zh: str
    ground: Polygon
    cuts: tuple[BaseGeometry, ...]
    districts: int


def make_districts(seed: int, ground: Ground, streets: Sequence[StreetLine]) -> tuple[CityDistrict, ...]:
    """Cut the town into two zones along the river, and these into three and four districts along arterials.

    Zones come first. All outlines share their corners exactly, so that districts tile their zone and zones
    the city.
    """
    draw = Draw(seed, "districts")
    zones = _zones(draw, ground, streets)
    # One union of all borders: where a cut meets the river, both banks get the same corner.
    borders = [ground.outline.exterior, ground.river_line, *(cut for zone in zones for cut in zone.cuts)]
    faces = _faces(borders)
    names = draw.shuffled(city_names.DISTRICTS)
    found: list[CityDistrict] = []
    leaves: list[CityDistrict] = []
    for zone in zones:
        inside = [
            f
            for f in faces
            if zone.ground.covers(f.representative_point()) and ground.outline.covers(f.representative_point())
        ]
        parts = sorted((_on_globe(part) for part in _absorb(inside, zone.districts)), key=_west_to_east)
        whole = shapely.union_all(parts)
        found.append(CityDistrict(zone.code, zone.name, zone.name_zh, None, "town", _ring(whole)))
        for count, part in enumerate(parts, start=1):
            name, name_zh = names.pop()
            arrival = "town" if _from_centre_m(part) < _TOWN_M else "village"
            leaves.append(CityDistrict(f"{zone.code}{count}", name, name_zh, zone.code, arrival, _ring(part)))
    return tuple(found + leaves)


def make_blocks(seed: int, ground: Ground, network: Network) -> tuple[Block, ...]:
    """Find the ground between streets and give each block a use; water is nobody's block."""
    draw = Draw(seed, "blocks")
    lines = [LineString([network.spots[s.a], network.spots[s.b]]) for s in network.stretches]
    faces = [f for f in shapely.get_parts(shapely.polygonize(lines)) if isinstance(f, Polygon)]
    smoke = draw.between(0, math.tau)
    blocks: list[Block] = []
    for face in sorted(faces, key=lambda f: (round(f.centroid.y, 2), round(f.centroid.x, 2))):
        dry = face.buffer(-_PAVEMENT_M).difference(ground.river.buffer(_PAVEMENT_M))
        for part in shapely.get_parts(dry):
            if part.area < _SMALLEST_BLOCK_M2:
                continue
            use = _use(draw, part, smoke)
            outline = to_line(shapely.get_coordinates(part.simplify(1.0).exterior).tolist())
            blocks.append(Block(len(blocks), use, outline))
    return tuple(blocks)


def _use(draw: Draw, part: Polygon, smoke: float) -> str:
    """Draw what a block is used for: shops in the middle, works in one quarter of the edge, parks anywhere."""
    east, north = part.centroid.x, part.centroid.y
    away_m = math.hypot(east, north)
    works = math.cos(math.atan2(north, east) - smoke) > 0.75 and away_m > 1500
    choices = [
        ("park", 0.07),
        ("square", 0.03 if away_m < 1000 else 0.0),
        ("commercial", 0.75 if away_m < 650 else 0.3 if away_m < 1300 else 0.05),
        ("industrial", 0.6 if works else 0.01),
        ("residential", 0.2 if away_m < 650 else 0.5 if works else 1.0),
    ]
    return draw.weighted(choices)


def _zones(draw: Draw, ground: Ground, streets: Sequence[StreetLine]) -> list[_Zone]:
    banks = _faces([ground.outline.exterior, ground.river_line])
    north, south = (_bank(banks, ground, upper=upper) for upper in (True, False))
    columns = [s for s in streets if s.family == "column" and s.road is RoadClass.ARTERIAL]
    rows = [s for s in streets if s.family == "row" and s.road is RoadClass.ARTERIAL]
    four_first = draw.chance(0.5)
    zones: list[_Zone] = []
    for at, (bank, (code, name, name_zh)) in enumerate(zip((north, south), city_names.ZONES, strict=True)):
        if four_first == (at == 0):
            cuts, count = [_best(columns, bank, 0.5), _best(rows, bank, 0.5, across=True)], 4
        else:
            cuts, count = [_best(columns, bank, 0.36), _best(columns, bank, 0.66)], 3
        # Past the river by a little: the union then puts the corner on the river's line itself.
        reach = bank.buffer(40.0)
        kept = tuple(part for cut in cuts for part in shapely.get_parts(cut.intersection(reach)))
        zones.append(_Zone(code, name, name_zh, bank, kept, count))
    return zones


def _faces(borders: Sequence[BaseGeometry]) -> list[Polygon]:
    """Find the pieces of ground that the borders enclose."""
    faces = shapely.get_parts(shapely.polygonize([shapely.unary_union(borders)]))
    return [face for face in faces if isinstance(face, Polygon)]


def _bank(banks: Sequence[Polygon], ground: Ground, *, upper: bool) -> Polygon:
    """Take the ground on one side of the river: the largest piece whose middle is on that side."""
    sides = [
        b
        for b in banks
        if ground.outline.covers(b.representative_point()) and (b.centroid.y > _river_y(ground, b)) == upper
    ]
    return max(sides, key=lambda b: b.area)


def _river_y(ground: Ground, bank: BaseGeometry) -> float:
    """Give the height of the river below or above the middle of a bank."""
    x = bank.centroid.x
    crossing = ground.river_line.intersection(LineString([(x, -9000.0), (x, 9000.0)]))
    return float(crossing.centroid.y)


def _best(streets: Sequence[StreetLine], bank: Polygon, share: float, *, across: bool = False) -> BaseGeometry:
    """Choose the street that leaves the wanted share of a bank to its west (or, across, to its south)."""
    west, south, east, north = bank.bounds
    low, high = (south, north) if across else (west, east)
    goal = low + share * (high - low)

    def off(street: StreetLine) -> float:
        inside = street.whole.intersection(bank)
        if inside.length < 0.5 * (east - west if across else north - south):
            return math.inf
        return abs((inside.centroid.y if across else inside.centroid.x) - goal)

    return min(streets, key=lambda s: (off(s), s.number)).whole


def _absorb(faces: Sequence[Polygon], count: int) -> list[Polygon]:
    """Join scraps to the neighbour they share most border with, until `count` districts are left."""
    left = list(faces)
    while len(left) > count:
        scrap = min(left, key=lambda f: (f.area, f.centroid.x))
        left.remove(scrap)
        host = max(left, key=lambda f: (f.intersection(scrap).length, -f.centroid.x))
        joined = host.union(scrap)
        if not isinstance(joined, Polygon):
            raise ValueError("a scrap of ground touches no district")
        left[left.index(host)] = joined
    return left


def _on_globe(polygon: Polygon) -> Polygon:
    points = [to_degrees((spot[0], spot[1])) for spot in polygon.exterior.coords]
    return Polygon([(p.lon_deg, p.lat_deg) for p in points])


def _ring(polygon: BaseGeometry) -> tuple[LonLat, ...]:
    return tuple(LonLat(lon, lat) for lon, lat in shapely.get_coordinates(shapely.get_exterior_ring(polygon)).tolist())


def _west_to_east(polygon: Polygon) -> tuple[float, float]:
    return (round(polygon.centroid.x, 5), round(polygon.centroid.y, 5))


def _from_centre_m(polygon: Polygon) -> float:
    east, north = to_metres(LonLat(polygon.centroid.x, polygon.centroid.y))
    return math.hypot(east, north)
