"""SQL of a storm at the edge: jobs that nobody has, put into groups by PostGIS, and what the storm comes to. Writes nothing.

Metres are those of a plane laid around one of the jobs by geodesics (azimuthal equidistant): true within a few parts in ten thousand across
a province.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from mobile_contract.schema.base import Priority
from mobile_contract.schema.storm import GroupJob, StormCounts

JOBS_MAX: Final = 2_000

_BELOW: Final = """
below(id) as (select unnest($2::uuid[]) union select d.id from district d join below on d.org_id = $1 and d.parent_id = below.id)"""

_HERE: Final = "(cardinality($2::uuid[]) = 0 or j.district_id in (select id from below))"

# First what hangs together, then nothing wider than the radius or larger than a crew's share. Each step is in the order of ids, so that
# asking again gives the same groups.
_GROUPS: Final = f"""
with recursive {_BELOW},
ready as materialized (
  select j.id, j.number, j.type, j.priority, j.title, j.address, j.lon_deg, j.lat_deg, j.reported_at, j.arrival_due_at, j.district_id
  from job j where j.org_id = $1 and j.state = 'ready' and j.lon_deg is not null and j.lat_deg is not null and {_HERE}
  order by array_position(array['emergency', 'urgent', 'normal', 'low'], j.priority), j.arrival_due_at nulls last, j.reported_at, j.id
  limit $5),
origin as (select st_setsrid(st_makepoint(lon_deg, lat_deg), 4326)::geography middle from ready order by id limit 1),
polar as (
  select r.*, o.middle, st_distance(o.middle, here) off_origin_m, coalesce(st_azimuth(o.middle, here), 0) azimuth
  from ready r cross join origin o cross join lateral (select st_setsrid(st_makepoint(r.lon_deg, r.lat_deg), 4326)::geography here) h),
flat as (select p.*, st_makepoint(off_origin_m * sin(azimuth), off_origin_m * cos(azimuth)) g from polar p),
near as (select f.*, st_clusterdbscan(g, $3::float8, 1) over (partition by district_id order by id) area from flat f),
sized as (select n.*, ceil(count(*) over (partition by district_id, area) / $4::float8)::int shares from near n),
split as (select s.*, st_clusterkmeans(g, shares, $3::float8) over (partition by district_id, area order by id) part from sized s),
cut as (
  select s.*, (row_number() over (partition by district_id, area, part order by st_x(g), id) - 1) / $4::int piece from split s),
told as (
  select c.*, dense_rank() over (order by district_id, area, part, piece) group_no,
    avg(st_x(g)) over w x, avg(st_y(g)) over w y from cut c
  window w as (partition by district_id, area, part, piece)),
placed as (select t.*, st_project(middle, sqrt(x * x + y * y), atan2(x, y))::geometry centre from told t)
select p.id, p.number, p.type, p.priority, p.title, p.address, p.lon_deg, p.lat_deg, p.reported_at, p.arrival_due_at, p.district_id,
  p.group_no, st_x(centre) centre_lon_deg, st_y(centre) centre_lat_deg, st_distance(g, st_makepoint(x, y)) off_m,
  d.name->>'en' district_en, d.name->>'zh' district_zh
from placed p left join district d on d.org_id = $1 and d.id = p.district_id
order by group_no, array_position(array['emergency', 'urgent', 'normal', 'low'], p.priority), p.arrival_due_at nulls last, p.reported_at, p.id"""

_COUNTS: Final = f"""
with recursive {_BELOW}
select count(*) filter (where state = 'ready') unassigned, count(*) filter (where state = 'scheduled') assigned,
  count(*) filter (where state = 'in_progress') working, count(*) filter (where state = 'awaiting_triage') awaiting_triage,
  count(*) filter (where state in ('ready', 'awaiting_triage') and (lon_deg is null or lat_deg is null)) unplaced,
  count(*) filter (where arrived_at is null and arrival_due_at < $3) breached, count(*) filter (where reported_at > $4) reported_last_hour
from job j where j.org_id = $1 and j.state in ('awaiting_triage', 'ready', 'scheduled', 'in_progress', 'on_hold') and {_HERE}"""

_STOPS: Final = """
select j.id, j.lon_deg, j.lat_deg, coalesce(t.duration_min, 60) duration_min from job j
left join job_type t on t.org_id = j.org_id and t.code = j.type and t.version = j.type_version
where j.org_id = $1 and j.id = any($2) order by j.id limit $3"""

_TIMES: Final = (
    "select id, planned_start_at, planned_end_at from visit where org_id = $1 and id = any($2) order by id limit $3"
)


class Placed(Struct, frozen=True, kw_only=True):
    """A job with the group it is in: `off_m` from the group's centre."""

    group_no: int
    job: GroupJob
    district_id: UUID | None
    district_en: str
    district_zh: str
    centre_lon_deg: float
    centre_lat_deg: float
    off_m: float


class Stop(Struct, frozen=True):
    """Where a job is (None: nobody knows) and how long it usually takes."""

    lon_deg: float | None
    lat_deg: float | None
    duration_s: float


class Span(Struct, frozen=True):
    """When a visit is planned."""

    start_at: datetime | None
    end_at: datetime | None


async def group_jobs(
    conn: asyncpg.Connection, org_id: UUID, district_ids: Sequence[UUID], *, radius_m: float, jobs_max: int
) -> list[Placed]:
    """Group the jobs that are ready, of the districts with all below (none: of all), group after group; the most urgent 2,000 of them.

    No group is farther across than twice the radius, holds more than `jobs_max`, or reaches over a district's border.
    """
    rows = await conn.fetch(_GROUPS, org_id, list(district_ids), radius_m, jobs_max, JOBS_MAX)
    return [_placed(row) for row in rows]


async def count_jobs(
    conn: asyncpg.Connection, org_id: UUID, district_ids: Sequence[UUID], *, now: datetime
) -> StormCounts:
    """Count the open jobs of the districts with all below (none: of all)."""
    row = await conn.fetchrow(_COUNTS, org_id, list(district_ids), now, now - timedelta(hours=1))
    return StormCounts(**dict(row))


async def stops_of(conn: asyncpg.Connection, org_id: UUID, job_ids: Sequence[UUID]) -> dict[UUID, Stop]:
    """Read where jobs are and how long they take; what is unknown is absent."""
    rows = await conn.fetch(_STOPS, org_id, list(job_ids), len(job_ids))
    return {row["id"]: Stop(row["lon_deg"], row["lat_deg"], row["duration_min"] * 60.0) for row in rows}


async def times_of(conn: asyncpg.Connection, org_id: UUID, visit_ids: Sequence[UUID]) -> dict[UUID, Span]:
    """Read when visits are planned; what is unknown is absent."""
    rows = await conn.fetch(_TIMES, org_id, list(visit_ids), len(visit_ids))
    return {row["id"]: Span(row["planned_start_at"], row["planned_end_at"]) for row in rows}


def _placed(row: Mapping[str, Any]) -> Placed:
    job = GroupJob(
        id=row["id"],
        number=row["number"],
        type=row["type"],
        priority=Priority(row["priority"]),
        title=row["title"],
        address=row["address"],
        lon_deg=row["lon_deg"],
        lat_deg=row["lat_deg"],
        reported_at=row["reported_at"],
        due_at=row["arrival_due_at"],
    )
    return Placed(
        group_no=row["group_no"],
        job=job,
        district_id=row["district_id"],
        district_en=row["district_en"] or "",
        district_zh=row["district_zh"] or "",
        centre_lon_deg=row["centre_lon_deg"],
        centre_lat_deg=row["centre_lat_deg"],
        off_m=row["off_m"],
    )
