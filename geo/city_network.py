"""Pipes, valves and depots of the synthetic city.

Owns what lies under the streets and where crews start from. Hydraulics are not modelled: a pipe says what it is
and where, which is what a repair needs to know.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import shapely
from shapely.geometry import Polygon

from geo.city_draw import Draw
from geo.city_graph import Network
from geo.city_ground import Spot, to_degrees, to_metres
from geo.city_plan import CityDistrict, Depot, Pipe, Valve
from geo.city_streets import StreetLine
from geo.travel import RoadClass

_WATER_MM: Final = {
    RoadClass.RING: (600, 800),
    RoadClass.ARTERIAL: (300, 400, 500),
    RoadClass.COLLECTOR: (150, 200, 250),
    RoadClass.LOCAL: (80, 100, 150),
}
_GAS_MM: Final = {
    RoadClass.RING: (300, 400),
    RoadClass.ARTERIAL: (200, 250),
    RoadClass.COLLECTOR: (110, 160),
    RoadClass.LOCAL: (63, 90),
}
# Water materials by the year from which they were laid.
_WATER_MATERIALS: Final = (
    (1993, ("PE", "ductile iron")),
    (1965, ("ductile iron", "steel", "asbestos cement")),
    (0, ("cast iron",)),
)
_POST_FROM_STREET_M: Final = 20.0


def make_pipes(seed: int, streets: Sequence[StreetLine], network: Network) -> tuple[Pipe, ...]:
    """Lay a water main along every stretch of street and a gas main along most streets."""
    draw = Draw(seed, "pipes")
    gas = {s.number for s in streets if s.road is not RoadClass.LOCAL or draw.chance(0.6)}
    pipes: list[Pipe] = []
    for stretch in network.stretches:
        road = streets[stretch.street].road
        ends = (network.spots[stretch.a], network.spots[stretch.b])
        for medium in ("water", "gas") if stretch.street in gas else ("water",):
            laid_in = _laid_in(draw, ends[0])
            sizes = _WATER_MM[road] if medium == "water" else _GAS_MM[road]
            pipes.append(
                Pipe(
                    code=f"{medium[0]}p-{len(pipes) + 1:05}",
                    medium=medium,
                    material=_material(draw, medium, laid_in),
                    diameter_mm=draw.pick(sizes),
                    laid_in=laid_in,
                    street=stretch.street,
                    from_id=stretch.a,
                    to_id=stretch.b,
                    line=(to_degrees(ends[0]), to_degrees(ends[1])),
                )
            )
    return tuple(pipes)


def make_valves(seed: int, streets: Sequence[StreetLine], network: Network, pipes: Sequence[Pipe]) -> tuple[Valve, ...]:
    """Set valves where pipes of a medium meet: on every greater street, and at some of the other corners."""
    draw = Draw(seed, "valves")
    meeting: dict[tuple[str, int], list[Pipe]] = defaultdict(list)
    for pipe in pipes:
        meeting[pipe.medium, pipe.from_id].append(pipe)
        meeting[pipe.medium, pipe.to_id].append(pipe)
    valves: list[Valve] = []
    for (medium, node), ends in sorted(meeting.items()):
        great = any(streets[p.street].road in (RoadClass.RING, RoadClass.ARTERIAL) for p in ends)
        if len(ends) > 1 and (great or draw.chance(0.3)):
            kind = "gate" if medium == "water" else "ball"
            valves.append(
                Valve(f"{medium[0]}v-{len(valves) + 1:05}", medium, kind, node, to_degrees(network.spots[node]))
            )
    return tuple(valves)


def make_depots(network: Network, districts: Sequence[CityDistrict]) -> tuple[Depot, ...]:
    """Place a post in every leaf district, a depot in each zone and the warehouse at the ring, off the street."""
    leaves = [d for d in districts if d.parent_code is not None]
    grounds = {d.code: Polygon([to_metres(p) for p in d.outline]) for d in leaves}
    posts = [
        _depot("post", district, district, _nearest(network, grounds[district.code], (0.0, 0.0))) for district in leaves
    ]
    depots: list[Depot] = []
    for zone in (d for d in districts if d.parent_code is None):
        own = [d for d in leaves if d.parent_code == zone.code]
        home = max(own, key=lambda d: (round(grounds[d.code].area), d.code))
        depots.append(_depot("depot", zone, home, _nearest(network, grounds[home.code], (60.0, 60.0))))
    home = min(leaves, key=lambda d: (round(math.hypot(*_middle(grounds[d.code]))), d.code))
    warehouse = _depot("warehouse", home, home, _nearest(network, grounds[home.code], (-250.0, 120.0)))
    return (warehouse, *depots, *posts)


def _depot(kind: str, named_for: CityDistrict, home: CityDistrict, spot: Spot) -> Depot:
    word, word_zh = {
        "post": ("Post", "服务站"),
        "depot": ("Depot", "维修基地"),
        "warehouse": ("Central Warehouse", "中心仓库"),
    }[kind]
    name = word if kind == "warehouse" else f"{named_for.name} {word}"
    name_zh = word_zh if kind == "warehouse" else named_for.name_zh + word_zh
    return Depot(f"{kind}-{named_for.code.lower()}", kind, name, name_zh, home.code, to_degrees(spot))


def _nearest(network: Network, ground: Polygon, offset: Spot) -> Spot:
    """Find a place beside the corner nearest to the middle of a district, well inside it."""
    east, north = _middle(ground)
    goal = (east + offset[0], north + offset[1])
    inner = ground.buffer(-3 * _POST_FROM_STREET_M)
    shapely.prepare(inner)
    inside = [spot for spot in network.spots if inner.covers(shapely.Point(spot))]
    corner = min(inside, key=lambda spot: (round(math.dist(spot, goal), 3), spot))
    return (corner[0] + _POST_FROM_STREET_M, corner[1] + _POST_FROM_STREET_M)


def _middle(ground: Polygon) -> Spot:
    return (ground.centroid.x, ground.centroid.y)


def _laid_in(draw: Draw, spot: Spot) -> int:
    """Draw a year: the middle is old, the edge is young, and some pipes were renewed."""
    if draw.chance(0.25):
        return draw.whole(2000, 2024)
    grown = min(1.0, math.hypot(*spot) / 3500)
    return int(draw.between(1910 + 60 * grown, 1960 + 55 * grown))


def _material(draw: Draw, medium: str, laid_in: int) -> str:
    if medium == "gas":
        return "PE" if laid_in >= 1985 else "steel"
    return next(draw.pick(materials) for since, materials in _WATER_MATERIALS if laid_in >= since)
