"""The one generator of the synthetic city: map, planner, demo and tests all use the same one.

Owns the order of the parts and the fingerprint. Everything follows from the seed: not from hash seeds, the
machine, the clock or the order of a set. It never touches the database and invents no people.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Final

import msgspec
import shapely

from geo import city_names
from geo.city_districts import make_blocks, make_districts
from geo.city_graph import Network, make_network
from geo.city_ground import CENTRE, Ground, make_ground, to_degrees, to_line
from geo.city_network import make_depots, make_pipes, make_valves
from geo.city_plan import City, CityStreet, Line
from geo.city_sites import make_meters, make_sites
from geo.city_streets import StreetLine, draw_streets

DEFAULT_SEED: Final = 1
DEFAULT_SITES: Final = 400
MOST_SITES: Final = 8000
# Meter readings are older than this day; a fixed one, because the city must not depend on when it is made.
READ_BEFORE: Final = date(2026, 1, 1)


def make_city(seed: int = DEFAULT_SEED, sites: int = DEFAULT_SITES, *, read_before: date = READ_BEFORE) -> City:
    """Make the city of a seed with a number of sites from 1 to 8,000.

    All points are WGS 84 degrees, longitude first, rounded to a centimetre. Raises ValueError for a number of
    sites outside the range.
    """
    if not 1 <= sites <= MOST_SITES:
        raise ValueError(f"sites must be from 1 to {MOST_SITES}, not {sites}")
    ground = make_ground(seed)
    streets = draw_streets(seed, ground)
    network = make_network(seed, streets)
    districts = make_districts(seed, ground, streets)
    placed = make_sites(seed, sites, ground=ground, streets=streets, network=network, districts=districts)
    usage_points, meters = make_meters(seed, placed, read_before)
    pipes = make_pipes(seed, streets, network)
    return City(
        seed=seed,
        name=city_names.CITY[0],
        name_zh=city_names.CITY[1],
        centre=CENTRE,
        outline=to_line(shapely.get_coordinates(ground.outline.exterior).tolist()),
        water=_water(ground),
        streets=_streets(streets, network),
        graph=network.graph,
        districts=districts,
        blocks=make_blocks(seed, ground, network),
        sites=placed,
        usage_points=usage_points,
        meters=meters,
        pipes=pipes,
        valves=make_valves(seed, streets, network, pipes),
        depots=make_depots(network, districts),
    )


def fingerprint(city: City) -> str:
    """Give the SHA-256 of the whole city in lower-case hex; equal cities have equal ones."""
    return hashlib.sha256(msgspec.json.encode(city)).hexdigest()


def _water(ground: Ground) -> tuple[Line, ...]:
    parts = [p for p in shapely.get_parts(ground.river) if isinstance(p, shapely.Polygon)]
    ordered = sorted(parts, key=lambda part: part.bounds)
    return tuple(to_line(shapely.get_coordinates(part.exterior).tolist()) for part in ordered)


def _streets(streets: list[StreetLine], network: Network) -> tuple[CityStreet, ...]:
    """List the streets that are left in the network, each as joined stretches."""
    found: list[CityStreet] = []
    for street in streets:
        own = [
            shapely.LineString([network.spots[s.a], network.spots[s.b]])
            for s in network.stretches
            if s.street == street.number
        ]
        if own:
            joined = shapely.get_parts(shapely.line_merge(shapely.MultiLineString(own)))
            lines = sorted(_stretch(shapely.get_coordinates(line).tolist()) for line in joined)
            found.append(CityStreet(street.number, street.name, street.name_zh, street.road, tuple(lines)))
    return tuple(found)


def _stretch(spots: list[list[float]]) -> Line:
    """Place a line on the globe, starting at its western end whichever way it was joined."""
    line = tuple(to_degrees((x, y)) for x, y in spots)
    return min(line, line[::-1])
