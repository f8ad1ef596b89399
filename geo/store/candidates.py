"""SQL of dispatch: what a job needs, and who is there to do it with shift, crew, place and load. Ranks nobody, changes nothing.

A candidate is an active technician or crew lead whose shift runs now or begins soon. The place is the last reported one and the base the
person's own, else the crew's.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from geo.candidates import Candidate, Need
from geo.coordinates import LonLat
from mobile_contract.schema.base import Priority, Skill

NEAREST = 200
MOST_CANDIDATES = 2000
MOST_NEEDS = 500

_NEED = """
select j.id job_id, j.lon_deg job_lon_deg, j.lat_deg job_lat_deg, j.required_skills, j.district_id, d.neighbour_ids, up.above_ids,
  j.priority, j.reported_at, j.arrival_due_at, coalesce(t.duration_min, 60) duration_min
from {jobs} j
left join district d on d.org_id = j.org_id and d.id = j.district_id
left join job_type t on t.org_id = j.org_id and t.code = j.type and t.version = j.type_version
left join lateral (
  with recursive above(id) as (
    select d.parent_id union select p.parent_id from district p join above on p.org_id = j.org_id and p.id = above.id)
  select coalesce(array_agg(id), array[]::uuid[]) above_ids from above where id is not null) up on true"""

# Who is there. {extra} is one more column, {reach} limits districts; $1 org, $2 now, $3 until when a shift may begin are the same everywhere.
_PEOPLE = """
select p.id person_id, c.id crew_id, p.skills, s.from_at, s.to_at, pos.lon_deg, pos.lat_deg, pos.at position_at, pos.accuracy_m,
  case when p.lon_deg is null then c.lon_deg else p.lon_deg end base_lon_deg,
  case when p.lon_deg is null then c.lat_deg else p.lat_deg end base_lat_deg,
  coalesce(c.district_ids, '[]'::jsonb) district_ids{extra}
from person p
cross join lateral (
  select s.from_at, s.to_at from shift s
  where s.org_id = p.org_id and s.person_id = p.id and s.from_at <= $3 and s.to_at > $2 order by s.from_at limit 1) s
left join lateral (
  select c.id, c.district_ids, c.lon_deg, c.lat_deg, c.point from crew_member m join crew c on c.org_id = m.org_id and c.id = m.crew_id
  where m.org_id = p.org_id and m.person_id = p.id and m.from_at <= $2 and (m.to_at is null or m.to_at > $2) and c.active
  order by m.from_at desc, c.id limit 1) c on true
left join position pos on pos.org_id = p.org_id and pos.person_id = p.id
where p.org_id = $1 and p.active and p.roles ?| array['technician', 'crew_lead']{reach}"""

# What each of them has to do before the end of the shift: what waits, and what is under way until when.
_LOAD = """
cross join lateral (
  select count(*) filter (where not v.under_way) open_jobs,
    coalesce(sum(v.work_s) filter (where not v.under_way), 0)::float8 open_work_s,
    coalesce(bool_or(v.under_way), false) busy,
    max(v.begun_at + make_interval(secs => v.work_s)) filter (where v.under_way) busy_until_at
  from (
    select v.state in ('en_route', 'on_site', 'working', 'paused') under_way,
      coalesce(v.work_started_at, v.arrived_at, v.travel_started_at) begun_at,
      extract(epoch from coalesce(v.planned_end_at - v.planned_start_at,
        make_interval(mins => coalesce(t.duration_min, 60))))::float8 work_s
    from visit v join job j on j.org_id = v.org_id and j.id = v.job_id
    left join job_type t on t.org_id = j.org_id and t.code = j.type and t.version = j.type_version
    where v.org_id = $1 and (v.person_id = c.person_id or v.crew_id = c.crew_id)
      and v.state in ('scheduled', 'dispatched', 'accepted', 'en_route', 'on_site', 'working', 'paused')
      and j.state in ('scheduled', 'in_progress') and coalesce(v.planned_start_at, $2) < c.to_at) v) load"""

_FAR = """,
  st_distance(coalesce(pos.point, p.point, c.point), st_setsrid(st_makepoint(n.job_lon_deg, n.job_lat_deg), 4326)::geography) far_m"""

# A crew without districts works anywhere.
_REACH = """
  and (c.id is null or c.district_ids = '[]'::jsonb or n.district_id is null or c.district_ids ?| array(
    select u::text from unnest(n.above_ids || n.district_id) u union all select jsonb_array_elements_text(n.neighbour_ids)))"""

_FOR_JOB = f"""
with n as ({_NEED.format(jobs="job")} where j.org_id = $1 and j.id = $4)
select n.*, c.* from n left join lateral (
  select c.*, load.* from ({_PEOPLE.format(extra=_FAR, reach=_REACH)} order by far_m nulls last, p.id limit $5) c {_LOAD}) c on true
order by c.person_id"""

_ALL = f"""
select c.*, load.* from ({_PEOPLE.format(extra="", reach="")} order by p.id limit $4) c {_LOAD}
order by c.person_id"""

_URGENCY = """array_position(array['emergency', 'urgent', 'normal', 'low'], j.priority), j.arrival_due_at nulls last, j.reported_at, j.id"""

_READY = f"""(
  select j.* from job j where j.org_id = $1 and j.state = 'ready' and ($2::uuid is null or j.district_id in (
    with recursive below(id) as (
      select $2::uuid union select d.id from district d join below on d.org_id = $1 and d.parent_id = below.id)
    select id from below))
  order by {_URGENCY} limit $3)"""

_BACKLOG = f"{_NEED.format(jobs=_READY)} order by {_URGENCY}"


async def for_job(
    conn: asyncpg.Connection, org_id: UUID, job_id: UUID, *, now: datetime, shift_lead_s: float = 3600.0
) -> tuple[Need, list[Candidate]] | None:
    """Find what a job needs and who works in its district, one above, or a neighbouring one: the nearest 200, by person id.

    None for an unknown job.
    """
    soon = now + timedelta(seconds=shift_lead_s)
    rows = await conn.fetch(_FOR_JOB, org_id, now, soon, job_id, NEAREST)
    if not rows:
        return None
    return _need(rows[0]), [_candidate(row) for row in rows if row["person_id"] is not None]


async def everybody(
    conn: asyncpg.Connection, org_id: UUID, *, now: datetime, shift_lead_s: float = 3600.0
) -> list[Candidate]:
    """List who is on shift or soon will be, in whatever district, by person id; 2,000 at most."""
    rows = await conn.fetch(_ALL, org_id, now, now + timedelta(seconds=shift_lead_s), MOST_CANDIDATES)
    return [_candidate(row) for row in rows]


async def backlog(conn: asyncpg.Connection, org_id: UUID, *, district_id: UUID | None = None) -> list[Need]:
    """List jobs that are ready and nobody's, of a district with all below it or of all; the most urgent 500."""
    return [_need(row) for row in await conn.fetch(_BACKLOG, org_id, district_id, MOST_NEEDS)]


def _need(row: Mapping[str, Any]) -> Need:
    return Need(
        job_id=row["job_id"],
        point=_point(row["job_lon_deg"], row["job_lat_deg"]),
        skills=msgspec.convert(row["required_skills"], tuple[Skill, ...]),
        district_id=row["district_id"],
        neighbour_ids=msgspec.convert(row["neighbour_ids"] or [], tuple[UUID, ...]),
        above_ids=tuple(row["above_ids"]),
        priority=Priority(row["priority"]),
        duration_s=row["duration_min"] * 60.0,
        due_at=row["arrival_due_at"],
        reported_at=row["reported_at"],
    )


def _candidate(row: Mapping[str, Any]) -> Candidate:
    return Candidate(
        person_id=row["person_id"],
        crew_id=row["crew_id"],
        skills=msgspec.convert(row["skills"], tuple[Skill, ...]),
        shift_from_at=row["from_at"],
        shift_to_at=row["to_at"],
        position=_point(row["lon_deg"], row["lat_deg"]),
        position_at=row["position_at"],
        position_accuracy_m=row["accuracy_m"],
        base=_point(row["base_lon_deg"], row["base_lat_deg"]),
        district_ids=msgspec.convert(row["district_ids"], tuple[UUID, ...]),
        open_jobs=row["open_jobs"],
        open_work_s=row["open_work_s"],
        busy=row["busy"],
        busy_until_at=row["busy_until_at"],
    )


def _point(lon_deg: float | None, lat_deg: float | None) -> LonLat | None:
    return None if lon_deg is None or lat_deg is None else LonLat(lon_deg, lat_deg)
