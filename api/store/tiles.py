"""Vector tiles of an organisation, one statement each: jobs, sites, districts, crews, tracks. Never writes, never decides who may see.

Tiles are chosen by plain ranges of degrees under row-level security: comparing numbers leaks nothing, so their index serves, which that of
`&&` would not (decision 0160). Nothing personal is in a tile: no name, telephone number, address or words of somebody.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from geo.tile_grid import Tile, area_of
from mobile_contract.schema.job import JobState

# From these zooms on each has its own mark; below, they are counted in a grid.
JOBS_SINGLE_FROM: Final = 12
SITES_SINGLE_FROM: Final = 14
# Below this a city is a dot, and its tracks are scribble.
TRACKS_FROM: Final = 10
FEATURES_MAX: Final = 10_000
DISTRICTS_MAX: Final = 2_000
FIXES_MAX: Final = 200_000
# Who has not been heard of for a day is not on the map.
HEARD_WITHIN: Final = timedelta(days=1)
# A phone that was silent for longer was not driving in a straight line.
_GAP: Final = timedelta(minutes=10)
# Of a tile on each side: marks at the border are drawn whole.
_MARGIN: Final = 64 / 4096
# Cells of the counting grid along each side of a tile.
_CELLS: Final = 16

_ENVELOPE: Final = "st_tileenvelope($2::int, $3::int, $4::int)"
_IN_AREA: Final = "{0}.lon_deg between $5::float8 and $7 and {0}.lat_deg between $6::float8 and $8"
_PLACED: Final = "st_transform(st_setsrid(st_makepoint({0}, {1}), 4326), 3857)"

_LATE: Final = "(j.arrival_breached or (j.arrived_at is null and j.arrival_due_at < $9::timestamptz and j.state = any($12::text[])))"
_JOBS_WHERE: Final = f"""
j.org_id = $1 and {_IN_AREA.format("j")} and j.state = any($10::text[]) and ($11::uuid is null or j.district_id = $11)"""

_JOBS: Final = f"""
select st_asmvt(t, 'jobs', 4096, 'geom') from (
  select f.id::text, f.number, f.type, f.state, f.priority, f.district_id::text, extract(epoch from f.arrival_due_at)::int8 due_at, f.late, f.flagged,
    st_asmvtgeom({_PLACED.format("f.lon_deg", "f.lat_deg")}, {_ENVELOPE}, 4096, 64) geom
  from (
    select j.id, j.number, j.type, j.state, j.priority, j.district_id, j.arrival_due_at, coalesce({_LATE}, false) late, j.flags <> '[]' flagged,
      j.lon_deg, j.lat_deg from job j
    where {_JOBS_WHERE} order by j.reported_at desc, j.id desc limit {FEATURES_MAX}) f
  order by f.id) t"""

# A job is counted in one cell of one tile, so that the counts of all tiles are the jobs.
_CELL: Final = f"""
floor(({{0}}.lon_deg + 180) / 360 * (1 << $2::int) * {_CELLS})::int8 cell_x,
floor((1 - asinh(tan(radians({{0}}.lat_deg))) / pi()) / 2 * (1 << $2::int) * {_CELLS})::int8 cell_y"""
_OF_TILE: Final = f"c.cell_x / {_CELLS} = $3::int and c.cell_y / {_CELLS} = $4::int"
_MIDDLE: Final = f"st_asmvtgeom({_PLACED.format('avg(c.lon_deg)', 'avg(c.lat_deg)')}, {_ENVELOPE}, 4096, 64) geom"

_JOB_COUNTS: Final = f"""
select st_asmvt(t, 'jobs', 4096, 'geom') from (
  select count(*)::int count, count(*) filter (where c.state in ('draft', 'awaiting_triage', 'ready'))::int unassigned,
    count(*) filter (where c.state = 'scheduled')::int assigned, count(*) filter (where c.state in ('in_progress', 'on_hold'))::int working,
    count(*) filter (where c.late)::int late, count(*) filter (where c.priority in ('emergency', 'urgent'))::int urgent, {_MIDDLE}
  from (select j.state, j.priority, coalesce({_LATE}, false) late, j.lon_deg, j.lat_deg, {_CELL.format("j")} from job j where {_JOBS_WHERE}) c
  where {_OF_TILE} group by c.cell_x, c.cell_y order by c.cell_y, c.cell_x) t"""

_SITES: Final = f"""
select st_asmvt(t, 'sites', 4096, 'geom') from (
  select f.id::text, f.code, f.district_id::text, st_asmvtgeom({_PLACED.format("f.lon_deg", "f.lat_deg")}, {_ENVELOPE}, 4096, 64) geom
  from (select s.id, s.code, s.district_id, s.lon_deg, s.lat_deg from site s where s.org_id = $1 and {_IN_AREA.format("s")}
    order by s.id limit {FEATURES_MAX}) f order by f.id) t"""

_SITE_COUNTS: Final = f"""
select st_asmvt(t, 'sites', 4096, 'geom') from (
  select count(*)::int count, {_MIDDLE}
  from (select s.lon_deg, s.lat_deg, {_CELL.format("s")} from site s where s.org_id = $1 and {_IN_AREA.format("s")}) c
  where {_OF_TILE} group by c.cell_x, c.cell_y order by c.cell_y, c.cell_x) t"""

# Simplified by half a pixel of the zoom, in metres of the projection.
_DISTRICTS: Final = f"""
select st_asmvt(t, 'districts', 4096, 'geom') from (
  select d.id::text, d.code, d.name ->> 'en' as name, nullif(d.name ->> 'zh', '') name_zh, d.arrival_class, d.parent_id::text,
    st_asmvtgeom(st_simplifypreservetopology(st_transform(st_force2d(d.outline::geometry), 3857), 78271.5 / (1 << $2::int)),
      {_ENVELOPE}, 4096, 64) geom
  from district d where d.org_id = $1 and st_intersects(d.outline::geometry, st_makeenvelope($5, $6, $7, $8, 4326))
  order by d.area_m2 desc, d.code limit {DISTRICTS_MAX}) t where t.geom is not null"""

_CREWS: Final = f"""
select st_asmvt(t, 'crews', 4096, 'geom') from (
  select c.id::text crew_id, c.code crew, extract(epoch from p.at)::int8 as at, round(p.accuracy_m)::int accuracy_m, p.mock,
    st_asmvtgeom({_PLACED.format("p.lon_deg", "p.lat_deg")}, {_ENVELOPE}, 4096, 64) geom
  from position p
  join crew_member m on m.org_id = $1 and m.person_id = p.person_id and m.from_at <= $9 and (m.to_at is null or m.to_at > $9)
  join crew c on c.org_id = $1 and c.id = m.crew_id
  where p.org_id = $1 and {_IN_AREA.format("p")} and p.at > $9::timestamptz - $10::interval
  order by c.code, p.person_id limit {FEATURES_MAX}) t"""

_TRACKS: Final = f"""
select st_asmvt(t, 'tracks', 4096, 'geom') from (
  select l.crew_id::text, l.crew, l.from_at, l.to_at,
    st_asmvtgeom(st_simplify(st_transform(st_setsrid(l.line, 4326), 3857), 78271.5 / (1 << $2::int)), {_ENVELOPE}, 4096, 64) geom
  from (
    select k.crew_id, k.crew, extract(epoch from min(k.at))::int8 from_at, extract(epoch from max(k.at))::int8 to_at,
      st_makeline(st_makepoint(k.lon_deg, k.lat_deg) order by k.at) line, k.person_id, k.leg
    from (
      select g.*, count(*) filter (where g.broken) over (partition by g.person_id order by g.at) leg
      from (
        select c.id crew_id, c.code crew, f.person_id, f.at, f.lon_deg, f.lat_deg,
          f.at - lag(f.at) over (partition by f.person_id order by f.at) > $11::interval broken
        from crew_member m join crew c on c.org_id = $1 and c.id = m.crew_id
        cross join lateral (
          select k.person_id, k.at, k.lon_deg, k.lat_deg from position_track k
          where k.org_id = $1 and k.person_id = m.person_id and k.at >= $9 and k.at < $10 order by k.at limit 20000) f
        where m.org_id = $1 and m.from_at <= f.at and (m.to_at is null or m.to_at > f.at) limit {FIXES_MAX}) g) k
    group by k.crew_id, k.crew, k.person_id, k.leg having count(*) > 1) l
  where l.line && st_makeenvelope($5, $6, $7, $8)
  order by l.crew, l.person_id, l.leg limit {FEATURES_MAX}) t where t.geom is not null"""

_OPEN: Final = tuple(
    state.value
    for state in JobState
    if state not in (JobState.COMPLETED, JobState.CLOSED, JobState.CANNOT_COMPLETE, JobState.CANCELLED)
)


class JobChoice(Struct, frozen=True):
    """Which jobs a tile shows; without states those that are not over."""

    states: Sequence[JobState] = ()
    district_id: UUID | None = None


async def jobs_tile(conn: asyncpg.Connection, org_id: UUID, tile: Tile, choice: JobChoice, *, now: datetime) -> bytes:
    """Make the tile of jobs (layer `jobs`): single from zoom 12 on, the 10,000 reported last; counted in a grid below."""
    sql = _JOBS if tile.z >= JOBS_SINGLE_FROM else _JOB_COUNTS
    states = [state.value for state in choice.states] or list(_OPEN)
    return await _tile(conn, sql, org_id, tile, now, states, choice.district_id, list(_OPEN))


async def sites_tile(conn: asyncpg.Connection, org_id: UUID, tile: Tile) -> bytes:
    """Make the tile of sites (layer `sites`): single from zoom 14 on, counted in a grid below."""
    return await _tile(conn, _SITES if tile.z >= SITES_SINGLE_FROM else _SITE_COUNTS, org_id, tile)


async def districts_tile(conn: asyncpg.Connection, org_id: UUID, tile: Tile) -> bytes:
    """Make the tile of districts (layer `districts`), outlines simplified by half a pixel."""
    return await _tile(conn, _DISTRICTS, org_id, tile)


async def crews_tile(conn: asyncpg.Connection, org_id: UUID, tile: Tile, *, now: datetime) -> bytes:
    """Make the tile of where people of crews were last (layer `crews`), heard of within a day; by crew, not by person."""
    return await _tile(conn, _CREWS, org_id, tile, now, HEARD_WITHIN)


async def tracks_tile(
    conn: asyncpg.Connection, org_id: UUID, tile: Tile, *, from_at: datetime, to_at: datetime
) -> bytes:
    """Make the tile of where crews drove from one instant to another (layer `tracks`); broken where nothing was heard for ten minutes."""
    if tile.z < TRACKS_FROM:
        return b""
    return await _tile(conn, _TRACKS, org_id, tile, from_at, to_at, _GAP)


async def _tile(conn: asyncpg.Connection, sql: str, org_id: UUID, tile: Tile, *others: object) -> bytes:
    area = area_of(tile, _MARGIN)
    box = (area.west_deg, area.south_deg, area.east_deg, area.north_deg)
    found: bytes | None = await conn.fetchval(sql, org_id, tile.z, tile.x, tile.y, *box, *others)
    return found or b""
