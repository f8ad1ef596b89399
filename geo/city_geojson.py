"""The synthetic city as GeoJSON layers (RFC 7946: WGS 84, longitude first), for maps, imports and other tools.

Owns names and properties of the layers. Never writes a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Final

import msgspec
from msgspec import Struct

from geo.city_plan import City, Line
from geo.coordinates import LonLat

Value = str | int | float | None
_Position = tuple[float, float]


class _Geometry(Struct, frozen=True):
    type: str
    coordinates: object


class _Feature(Struct, frozen=True):
    geometry: _Geometry
    properties: dict[str, Value]
    type: str = "Feature"


class _Collection(Struct, frozen=True):
    name: str
    features: list[_Feature]
    type: str = "FeatureCollection"


def layer_names() -> tuple[str, ...]:
    """List the layers, from the ground up."""
    return tuple(_LAYERS)


def layer(city: City, name: str) -> bytes:
    """Encode one layer as a FeatureCollection; raises KeyError for a name that is not in `layer_names`."""
    return msgspec.json.encode(_Collection(name, list(_LAYERS[name](city)))) + b"\n"


def _outline(city: City) -> Iterator[_Feature]:
    yield _Feature(_polygon(city.outline), {"name": city.name, "name_zh": city.name_zh, "seed": city.seed})


def _water(city: City) -> Iterator[_Feature]:
    for number, ring in enumerate(city.water):
        yield _Feature(_polygon(ring), {"number": number})


def _blocks(city: City) -> Iterator[_Feature]:
    for block in city.blocks:
        yield _Feature(_polygon(block.outline), {"number": block.number, "use": block.use})


def _streets(city: City) -> Iterator[_Feature]:
    for street in city.streets:
        geometry = _Geometry("MultiLineString", [_positions(line) for line in street.lines])
        names: dict[str, Value] = {"name": street.name, "name_zh": street.name_zh}
        yield _Feature(geometry, {"number": street.number, **names, "class": street.road.value})


def _edges(city: City) -> Iterator[_Feature]:
    nodes = city.graph.nodes
    for edge in city.graph.edges:
        a, b = nodes[edge.from_id], nodes[edge.to_id]
        geometry = _Geometry("LineString", [(a.lon_deg, a.lat_deg), (b.lon_deg, b.lat_deg)])
        ends: dict[str, Value] = {"from_id": edge.from_id, "to_id": edge.to_id}
        yield _Feature(geometry, {**ends, "length_m": edge.length_m, "class": edge.road.value, "street": edge.street})


def _districts(city: City) -> Iterator[_Feature]:
    for d in city.districts:
        names: dict[str, Value] = {"code": d.code, "name": d.name, "name_zh": d.name_zh}
        yield _Feature(_polygon(d.outline), {**names, "parent_code": d.parent_code, "arrival_class": d.arrival_class})


def _pipes(city: City) -> Iterator[_Feature]:
    for pipe in city.pipes:
        what: dict[str, Value] = {"code": pipe.code, "medium": pipe.medium, "material": pipe.material}
        geometry = _Geometry("LineString", _positions(pipe.line))
        yield _Feature(geometry, {**what, "diameter_mm": pipe.diameter_mm, "laid_in": pipe.laid_in})


def _valves(city: City) -> Iterator[_Feature]:
    for valve in city.valves:
        yield _Feature(_point(valve.point), {"code": valve.code, "medium": valve.medium, "kind": valve.kind})


def _sites(city: City) -> Iterator[_Feature]:
    for site in city.sites:
        what: dict[str, Value] = {"code": site.code, "kind": site.kind, "district_code": site.district_code}
        yield _Feature(_point(site.point), {**what, "address": site.address, "address_zh": site.address_zh})


def _meters(city: City) -> Iterator[_Feature]:
    places = {site.code: site.point for site in city.sites}
    sites = {point.code: point for point in city.usage_points}
    for meter in city.meters:
        point = sites[meter.usage_point_code]
        what: dict[str, Value] = {
            "serial": meter.serial,
            "usage_point_code": meter.usage_point_code,
            "site_code": point.site_code,
            "unit_label": point.unit_label,
            "medium": meter.medium,
            "unit": meter.unit,
            "dial_count": meter.dial_count,
            "multiplier": str(meter.multiplier),
            "dn_mm": meter.dn_mm,
            "last_value": str(meter.last_value),
            "last_read_on": meter.last_read_on.isoformat(),
            "certified_until": meter.certified_until.isoformat(),
        }
        yield _Feature(_point(places[point.site_code]), what)


def _depots(city: City) -> Iterator[_Feature]:
    for depot in city.depots:
        names: dict[str, Value] = {"code": depot.code, "name": depot.name, "name_zh": depot.name_zh}
        yield _Feature(_point(depot.point), {**names, "kind": depot.kind, "district_code": depot.district_code})


def _polygon(ring: Line) -> _Geometry:
    """Build a polygon of one ring, turned the way RFC 7946 asks for (counter-clockwise)."""
    positions = _positions(ring)
    if positions[0] != positions[-1]:
        positions.append(positions[0])
    doubled = sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in pairwise(positions))
    return _Geometry("Polygon", [positions if doubled < 0 else positions[::-1]])


def _point(point: LonLat) -> _Geometry:
    return _Geometry("Point", (point.lon_deg, point.lat_deg))


def _positions(line: Line) -> list[_Position]:
    return [(p.lon_deg, p.lat_deg) for p in line]


_LAYERS: Final[dict[str, Callable[[City], Iterable[_Feature]]]] = {
    "outline": _outline,
    "water": _water,
    "blocks": _blocks,
    "districts": _districts,
    "streets": _streets,
    "street_graph": _edges,
    "pipes": _pipes,
    "valves": _valves,
    "sites": _sites,
    "meters": _meters,
    "depots": _depots,
}
