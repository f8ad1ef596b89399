"""What a synthetic city consists of: frozen Structs in WGS 84 degrees, longitude first.

Owns the nouns. Never draws anything (`geo.city` does) and never becomes a row or a document by itself.
"""

from datetime import date
from decimal import Decimal

from msgspec import Struct

from geo.coordinates import LonLat
from geo.street_graph import StreetGraph
from geo.travel import RoadClass

Line = tuple[LonLat, ...]


class CityStreet(Struct, frozen=True):
    """A named street; `number` is what `StreetEdge.street` refers to, `lines` its stretches."""

    number: int
    name: str
    name_zh: str
    road: RoadClass
    lines: tuple[Line, ...]


class CityDistrict(Struct, frozen=True):
    """A district: a zone has no parent; the outline is a closed ring without holes."""

    code: str
    name: str
    name_zh: str
    parent_code: str | None
    arrival_class: str
    outline: Line


class Block(Struct, frozen=True):
    """The ground between streets and its use: residential, commercial, industrial, park or square."""

    number: int
    use: str
    outline: Line


class CitySite(Struct, frozen=True):
    """A premise with its address: house, apartments, shop, office, plaza, plant."""

    code: str
    kind: str
    street: int
    house_number: int
    address: str
    address_zh: str
    point: LonLat
    district_code: str


class CityUsagePoint(Struct, frozen=True):
    """Where supply is metered; `unit_label` is the flat or empty."""

    code: str
    site_code: str
    medium: str
    unit_label: str


class CityMeter(Struct, frozen=True):
    """A meter at a usage point; `dn_mm` is none for power. The value is below what the dials can show."""

    serial: str
    usage_point_code: str
    medium: str
    unit: str
    dial_count: int
    multiplier: Decimal
    dn_mm: int | None
    last_value: Decimal
    last_read_on: date
    certified_until: date


class Pipe(Struct, frozen=True):
    """A pipe along one stretch of street, between two street nodes."""

    code: str
    medium: str
    material: str
    diameter_mm: int
    laid_in: int
    street: int
    from_id: int
    to_id: int
    line: Line


class Valve(Struct, frozen=True):
    """A valve at a street node."""

    code: str
    medium: str
    kind: str
    node_id: int
    point: LonLat


class Depot(Struct, frozen=True):
    """A place crews start from: warehouse, depot or post; every leaf district has a post."""

    code: str
    kind: str
    name: str
    name_zh: str
    district_code: str
    point: LonLat


class City(Struct, frozen=True):
    """A whole synthetic city; equal seeds and parameters give equal cities, byte for byte."""

    seed: int
    name: str
    name_zh: str
    centre: LonLat
    outline: Line
    water: tuple[Line, ...]
    streets: tuple[CityStreet, ...]
    graph: StreetGraph
    districts: tuple[CityDistrict, ...]
    blocks: tuple[Block, ...]
    sites: tuple[CitySite, ...]
    usage_points: tuple[CityUsagePoint, ...]
    meters: tuple[CityMeter, ...]
    pipes: tuple[Pipe, ...]
    valves: tuple[Valve, ...]
    depots: tuple[Depot, ...]
