"""SQL of districts: which one a point lies in, saving one with its neighbours. Longitude first, WGS 84."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from msgspec import Struct

NEIGHBOUR_DISTANCE_M = 200.0

# Under row-level security no GiST index is used (its operators are not leakproof), so the cheap comparison of boxes is said explicitly.
# The smallest district that covers the point, then the lowest code: the rule of geo.districts, so boundaries and overlaps have one owner.
_DISTRICTS_OF = """
select p.no, d.id from unnest($2::float8[], $3::float8[]) with ordinality p(lon, lat, no)
cross join lateral (select id from district d
  where d.org_id = $1 and d.outline && st_setsrid(st_makepoint(p.lon, p.lat), 4326)::geography
    and st_covers(d.outline, st_setsrid(st_makepoint(p.lon, p.lat), 4326)::geography)
  order by d.area_m2, d.code limit 1) d order by p.no"""

_SAVE = """
insert into district (org_id, id, code, name, parent_id, arrival_class, outline, area_m2)
select $1, $2, $3, $4::text::jsonb, $5, $6, o.g, st_area(o.g)
from (select st_multi(st_collectionextract(st_makevalid(st_geomfromgeojson($7)), 3))::geography g) o
on conflict (org_id, id) do update set code = excluded.code, name = excluded.name, parent_id = excluded.parent_id,
  arrival_class = excluded.arrival_class, outline = excluded.outline, area_m2 = excluded.area_m2"""

# Neighbours are near each other and neither lies above the other in the tree: the rule of geo.districts.DistrictMap.neighbours.
_NEIGHBOURS = """
with recursive up as (
  select id, parent_id above from district where org_id = $1 and parent_id is not null
  union select up.id, p.parent_id from up join district p on p.org_id = $1 and p.id = up.above where p.parent_id is not null)
update district d set neighbour_ids = coalesce((select jsonb_agg(o.id order by o.id) from district o
    where o.org_id = d.org_id and o.id <> d.id and o.outline && _st_expand(d.outline, $3) and st_dwithin(o.outline, d.outline, $3)
      and not exists (select from up where (up.id, up.above) in ((d.id, o.id), (o.id, d.id)))), '[]'::jsonb)
where d.org_id = $1 and (d.id = any($2) or d.neighbour_ids ?| $2::text[] or exists (select from district n where n.org_id = $1 and n.id = any($2)
  and d.outline && _st_expand(n.outline, $3) and st_dwithin(d.outline, n.outline, $3)))
returning d.id"""


class Outline(Struct, frozen=True):
    """A district to save; `outline_geojson` is a GeoJSON Polygon or MultiPolygon as text, `name_json` its LocalText as JSON."""

    id: UUID
    code: str
    name_json: str
    parent_id: UUID | None
    arrival_class: str
    outline_geojson: str


async def districts_of(
    conn: asyncpg.Connection, org_id: UUID, points: Sequence[tuple[float, float]]
) -> list[UUID | None]:
    """Find the district of each (lon, lat); None outside every district."""
    found: list[UUID | None] = [None] * len(points)
    if points:
        rows = await conn.fetch(_DISTRICTS_OF, org_id, [p[0] for p in points], [p[1] for p in points])
        for row in rows:
            found[row["no"] - 1] = row["id"]
    return found


async def save_districts(conn: asyncpg.Connection, org_id: UUID, outlines: Sequence[Outline]) -> list[UUID]:
    """Create or replace districts and recompute who neighbours whom; return the districts whose neighbours were recomputed."""
    for outline in outlines:
        await conn.execute(
            _SAVE,
            org_id,
            outline.id,
            outline.code,
            outline.name_json,
            outline.parent_id,
            outline.arrival_class,
            outline.outline_geojson,
        )
    rows = await conn.fetch(_NEIGHBOURS, org_id, [outline.id for outline in outlines], NEIGHBOUR_DISTANCE_M)
    return [row["id"] for row in rows]
