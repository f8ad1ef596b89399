"""Addresses, usage points and meters of the synthetic city.

Owns what stands along the streets and what is metered there. Never invents a person: customers are not part
of a map.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import shapely
from msgspec import Struct
from shapely.geometry import LineString, Point

from geo.city_draw import Draw
from geo.city_graph import Network, Stretch
from geo.city_ground import Ground, Spot, to_degrees
from geo.city_plan import CityDistrict, CityMeter, CitySite, CityUsagePoint
from geo.city_streets import StreetLine
from geo.district_shapes import make_shape
from geo.districts import DistrictMap
from geo.travel import RoadClass

_FRONTAGE_M: Final = 9.0
_SETBACK_M: Final = (15.0, 30.0)
_CLEAR_OF_STREETS_M: Final = 12.0
_CLEAR_OF_SITES_M: Final = 8.0
_DRAWS_PER_SITE: Final = 40
# How often places along a class of street are built on; nobody lives on the ring road.
_DENSITY: Final = {RoadClass.RING: 0.0, RoadClass.ARTERIAL: 0.8, RoadClass.COLLECTOR: 1.0, RoadClass.LOCAL: 1.3}


class _Place(Struct, frozen=True, order=True):
    street: int
    number: int
    spot: Spot


def make_sites(
    seed: int,
    count: int,
    *,
    ground: Ground,
    streets: Sequence[StreetLine],
    network: Network,
    districts: Sequence[CityDistrict],
) -> tuple[CitySite, ...]:
    """Place `count` sites along the streets, each with a street number that no other site has.

    Odd numbers are on one side, even ones on the other, growing along the street. Raises ValueError when the
    streets cannot hold that many.
    """
    draw = Draw(seed, "sites")
    places = sorted(_places(draw, count, ground=ground, streets=streets, network=network))
    points = [to_degrees(place.spot) for place in places]
    leaves = [d for d in districts if d.parent_code is not None]
    shapes = [make_shape(d.code, d.name, shapely.Polygon([(p.lon_deg, p.lat_deg) for p in d.outline])) for d in leaves]
    codes = DistrictMap(shapes).locate_many([p.lon_deg for p in points], [p.lat_deg for p in points])
    sites: list[CitySite] = []
    for place, point, code in zip(places, points, codes, strict=True):
        if code is None:
            raise ValueError(f"seed {seed}: {point} lies outside every district")
        street = streets[place.street]
        sites.append(
            CitySite(
                code=f"site-{len(sites) + 1:05}",
                kind=_kind(draw, place.spot),
                street=place.street,
                house_number=place.number,
                address=f"{place.number} {street.name}",
                address_zh=f"{street.name_zh}{place.number}号",
                point=point,
                district_code=code,
            )
        )
    return tuple(sites)


def _places(draw: Draw, count: int, *, ground: Ground, streets: Sequence[StreetLine], network: Network) -> list[_Place]:
    """Draw free places along the streets."""
    sites = _Crowd(_CLEAR_OF_SITES_M)
    lines = shapely.STRtree([LineString([network.spots[s.a], network.spots[s.b]]) for s in network.stretches])
    water = ground.river.buffer(_CLEAR_OF_STREETS_M)
    shapely.prepare(water)
    choices = _Weights(streets, network)
    numbering = _Numbering(streets, network)
    taken: set[tuple[int, int]] = set()
    found: list[_Place] = []
    for _ in range(count * _DRAWS_PER_SITE):
        if len(found) == count:
            break
        place = _along(draw, choices.draw(draw), numbering, network)
        point = Point(place.spot)
        if (place.street, place.number) in taken or not sites.free(place.spot) or water.covers(point):
            continue
        if not ground.outline.covers(point) or len(
            lines.query(point, predicate="dwithin", distance=_CLEAR_OF_STREETS_M)
        ):
            continue
        taken.add((place.street, place.number))
        sites.add(place.spot)
        found.append(place)
    if len(found) < count:
        raise ValueError(f"the streets hold {len(found)} sites, not {count}")
    return found


class _Weights:
    """Draws stretches of street: longer, busier and more central ones more often."""

    def __init__(self, streets: Sequence[StreetLine], network: Network) -> None:
        self._stretches = network.stretches
        self._sums: list[float] = []
        total = 0.0
        for stretch in network.stretches:
            (x0, y0), (x1, y1) = network.spots[stretch.a], network.spots[stretch.b]
            away_m = math.hypot((x0 + x1) / 2, (y0 + y1) / 2)
            length_m = math.hypot(x1 - x0, y1 - y0)
            total += length_m * _DENSITY[streets[stretch.street].road] * (0.35 + math.exp(-away_m / 1800))
            self._sums.append(total)

    def draw(self, draw: Draw) -> Stretch:
        """Draw one stretch."""
        goal = draw.unit() * self._sums[-1]
        low, high = 0, len(self._sums) - 1
        while low < high:
            middle = (low + high) // 2
            if self._sums[middle] > goal:
                high = middle
            else:
                low = middle + 1
        return self._stretches[low]


class _Crowd:
    """Remembers places in a grid, to keep others at a distance."""

    def __init__(self, clear_m: float) -> None:
        self._clear_m = clear_m
        self._cells: dict[tuple[int, int], list[Spot]] = defaultdict(list)

    def _cell(self, spot: Spot) -> tuple[int, int]:
        return math.floor(spot[0] / self._clear_m), math.floor(spot[1] / self._clear_m)

    def free(self, spot: Spot) -> bool:
        """Tell whether nothing is too near."""
        i, j = self._cell(spot)
        near = (other for a in (i - 1, i, i + 1) for b in (j - 1, j, j + 1) for other in self._cells.get((a, b), ()))
        return all(math.dist(spot, other) >= self._clear_m for other in near)

    def add(self, spot: Spot) -> None:
        """Remember a place."""
        self._cells[self._cell(spot)].append(spot)


class _Numbering:
    """Numbers places by their way along the whole street, from where its first house may stand."""

    def __init__(self, streets: Sequence[StreetLine], network: Network) -> None:
        self._whole = [street.whole for street in streets]
        self._first_m: dict[int, float] = {}
        for stretch in network.stretches:
            for end in (stretch.a, stretch.b):
                at_m = float(self._whole[stretch.street].project(Point(network.spots[end])))
                self._first_m[stretch.street] = min(at_m, self._first_m.get(stretch.street, at_m))

    def number(self, street: int, foot: Spot, spot: Spot) -> int:
        """Number a spot whose foot on the street is known: odd on the left of the street's direction."""
        whole = self._whole[street]
        along_m = float(whole.project(Point(foot)))
        # Not the direction of the stretch, whose ends are in no order.
        behind, ahead = whole.interpolate(max(along_m - 5.0, 0.0)), whole.interpolate(min(along_m + 5.0, whole.length))
        turn = (ahead.x - behind.x) * (spot[1] - behind.y) - (ahead.y - behind.y) * (spot[0] - behind.x)
        plot = int(max(0.0, along_m - self._first_m[street]) / _FRONTAGE_M)
        return 2 * plot + (1 if turn > 0 else 2)


def _along(draw: Draw, stretch: Stretch, numbering: _Numbering, network: Network) -> _Place:
    """Draw a place beside a stretch of street."""
    (x0, y0), (x1, y1) = network.spots[stretch.a], network.spots[stretch.b]
    share = draw.between(0.06, 0.94)
    setback = draw.between(*_SETBACK_M) * (1 if draw.chance(0.5) else -1)
    length = math.hypot(x1 - x0, y1 - y0)
    foot = (x0 + share * (x1 - x0), y0 + share * (y1 - y0))
    spot = (
        round(foot[0] - setback * (y1 - y0) / length, 2),
        round(foot[1] + setback * (x1 - x0) / length, 2),
    )
    return _Place(stretch.street, numbering.number(stretch.street, foot, spot), spot)


def _kind(draw: Draw, spot: Spot) -> str:
    away_m = math.hypot(*spot)
    middle = away_m < 1300
    return draw.weighted(
        [
            ("house", 0.25 if middle else 0.66),
            ("apartments", 0.35 if middle else 0.18),
            ("shop", 0.2 if middle else 0.08),
            ("office", 0.14 if middle else 0.03),
            ("plaza", 0.06 if middle else 0.01),
            ("plant", 0.0 if middle else 0.04),
        ]
    )


# Usage points by kind of site: medium, share of sites that have it; flats have one set each.
_SUPPLY: Final = {
    "house": (("water", 1.0), ("power", 1.0), ("gas", 0.6)),
    "apartments": (("water", 1.0), ("power", 1.0), ("gas", 0.8)),
    "shop": (("water", 1.0), ("power", 1.0), ("gas", 0.2)),
    "office": (("water", 1.0), ("power", 1.0)),
    "plaza": (("water", 1.0), ("power", 1.0), ("gas", 0.9)),
    "plant": (("water", 1.0), ("power", 1.0), ("gas", 0.5)),
}
_LARGE: Final = ("plaza", "plant", "office")


def make_meters(
    seed: int, sites: Sequence[CitySite], as_of: date
) -> tuple[tuple[CityUsagePoint, ...], tuple[CityMeter, ...]]:
    """Give each site its usage points and each usage point a meter, last read before `as_of`."""
    draw = Draw(seed, "meters")
    points: list[CityUsagePoint] = []
    meters: list[CityMeter] = []
    for site in sites:
        flats = draw.whole(4, 10) if site.kind == "apartments" else 1
        for flat in range(1, flats + 1):
            label = f"{(flat + 1) // 2}0{2 - flat % 2}" if site.kind == "apartments" else ""
            for medium, share in _SUPPLY[site.kind]:
                if draw.chance(share):
                    point = CityUsagePoint(f"up-{len(points) + 1:06}", site.code, medium, label)
                    points.append(point)
                    meters.append(_meter(draw, point, as_of, large=site.kind in _LARGE))
    return tuple(points), tuple(meters)


def _meter(draw: Draw, point: CityUsagePoint, as_of: date, *, large: bool) -> CityMeter:
    year = as_of.year - draw.whole(0, 9)
    dials = 6 if large or point.medium == "power" else 5
    transformer = large and point.medium == "power" and draw.chance(0.6)
    dn_mm = None
    if point.medium != "power":
        dn_mm = draw.pick((40, 50, 80, 100)) if large else draw.pick((15, 15, 15, 20, 20, 25))
    used = Decimal(draw.whole(1, 10 ** (dials - 1) * (as_of.year - year + 1) - 1))
    decimals = Decimal(draw.whole(0, 9)) / 10 if point.medium != "power" else Decimal(0)
    return CityMeter(
        serial=f"{point.medium[0].upper()}{year % 100:02}-{int(point.code[3:]):06}{draw.whole(0, 9)}",
        usage_point_code=point.code,
        medium=point.medium,
        unit="kWh" if point.medium == "power" else "m3",
        dial_count=dials,
        multiplier=Decimal(draw.pick((20, 40, 60))) if transformer else Decimal(1),
        dn_mm=dn_mm,
        last_value=used % 10**dials + decimals,
        last_read_on=date.fromordinal(as_of.toordinal() - draw.whole(3, 33)),
        certified_until=date(year + (6 if point.medium != "power" else 10), draw.whole(1, 12), draw.whole(1, 28)),
    )
