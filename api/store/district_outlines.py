"""Reads of districts with their outlines, simplified for a map. Never writes."""

from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from mobile_contract.schema.base import LocalText

DISTRICTS_MAX: Final = 2_000
METRES_PER_DEGREE: Final = 111_320.0

# Topology is kept ring by ring; borders of neighbours are simplified alike, as both run through the same vertices, but may part by
# the tolerance where their rings begin. What would vanish stays as it is.
_OUTLINES: Final = """
select d.id, d.code, d.name, d.parent_id, d.arrival_class, d.area_m2,
  st_asgeojson(st_multi(case when $2::float8 > 0 then st_simplifypreservetopology(d.outline::geometry, $2) else d.outline::geometry end), 7) outline
from district d where d.org_id = $1 order by d.code, d.id limit $3"""

Ring = tuple[tuple[float, float], ...]


class DistrictOutline(Struct, frozen=True, kw_only=True):
    """A district with its outline: polygons of rings of (lon, lat), WGS 84."""

    id: UUID
    code: str
    name: LocalText
    parent_id: UUID | None
    arrival_class: str
    area_m2: float
    polygons: tuple[tuple[Ring, ...], ...]


class _MultiPolygon(Struct, frozen=True):
    coordinates: tuple[tuple[Ring, ...], ...]


async def outlines(conn: asyncpg.Connection, org_id: UUID, *, tolerance_m: float) -> list[DistrictOutline]:
    """Read all districts by code, outlines simplified by at most `tolerance_m` metres (0: as they are)."""
    rows = await conn.fetch(_OUTLINES, org_id, tolerance_m / METRES_PER_DEGREE, DISTRICTS_MAX)
    return [
        DistrictOutline(
            id=row["id"],
            code=row["code"],
            name=msgspec.convert(row["name"], LocalText),
            parent_id=row["parent_id"],
            arrival_class=row["arrival_class"],
            area_m2=row["area_m2"],
            polygons=msgspec.json.decode(row["outline"], type=_MultiPolygon).coordinates,
        )
        for row in rows
    ]
