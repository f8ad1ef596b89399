"""SQL of planning: visits that are not over, jobs that wait, shifts with crews and places, parts and stores. Reads only, in few statements."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from geo.coordinates import LonLat
from geo.planning.ground import DistrictRow, Ground, JobRow, ShiftRow, StoreRow, VisitRow
from geo.planning.problem import PartCount
from mobile_contract.schema.base import Priority, Skill
from mobile_contract.schema.job import Flag, JobState, VisitLock, VisitState

MOST_VISITS = 1500
MOST_JOBS = 500
MOST_SHIFTS = 5000
MOST_DISTRICTS = 5000
MOST_LINES = 20_000

_JOB = """
j.id job_id, j.number, j.state job_state, j.priority, j.lon_deg, j.lat_deg, j.required_skills, j.district_id, j.held_until,
  case when j.arrived_at is null then j.arrival_due_at end due_at,
  coalesce(t.duration_min, 60) duration_min, coalesce(t.setup_min, 0) setup_min, coalesce(t.crews, 1) crews, t.second_skills"""
_TYPE = "left join job_type t on t.org_id = j.org_id and t.code = j.type and t.version = j.type_version"

# What stands up to $2 (or has no time), what is under way, and what is only thought of; of these crews and persons alone, where $3 names any.
_VISITS = f"""
select {_JOB}, v.id, v.state, v.crew_id, v.person_id, v.plan_version, v.planned_start_at, v.planned_end_at, v.flags, v.lock,
  coalesce(v.work_started_at, v.arrived_at, v.travel_started_at) taken_at
from visit v join job j on j.org_id = v.org_id and j.id = v.job_id {_TYPE}
where v.org_id = $1 and v.state in ('tentative', 'scheduled', 'dispatched', 'accepted', 'en_route', 'on_site', 'working', 'paused')
  and j.state in ('ready', 'scheduled', 'in_progress', 'on_hold')
  and (v.planned_start_at is null or v.planned_start_at < $2 or v.state in ('en_route', 'on_site', 'working', 'paused'))
  and ($3::uuid[] is null or v.crew_id = any($3) or v.person_id = any($3) or v.job_id = any($4))
order by v.planned_start_at nulls last, v.dispatched_at, v.id limit $5"""

# What waits for somebody: ready, or held until an instant before $4. $3: only these jobs, where they are named; then nothing is cut off.
_JOBS = f"""
select {_JOB} from job j {_TYPE}
where j.org_id = $1 and ($2::uuid is null or j.district_id in (
    with recursive below(id) as (
      select $2::uuid union select d.id from district d join below on d.org_id = $1 and d.parent_id = below.id)
    select id from below))
  and ($3::uuid[] is null or j.id = any($3))
  and (j.state = 'ready' or (j.state = 'on_hold' and j.held_until < $4 and not exists (
    select from visit v where v.org_id = $1 and v.job_id = j.id and v.state in ('scheduled', 'dispatched', 'accepted'))))
order by array_position(array['emergency', 'urgent', 'normal', 'low'], j.priority), j.arrival_due_at nulls last, j.reported_at, j.id
limit $5"""

# Whoever pauses for a break says so; that is when the break of the day was taken. $4: when the day began. No shift lasts two days.
_SHIFTS = """
with today as (
  select id, job_id, crew_id, person_id from visit where org_id = $1 and ended_at >= $4
  union all
  select id, job_id, crew_id, person_id from visit where org_id = $1 and state in ('en_route', 'on_site', 'working', 'paused')),
rest as materialized (
  select v.crew_id, v.person_id, max(e.occurred_at) rested_at from today v join event e on e.org_id = $1 and e.job_id = v.job_id
  where e.visit_id = v.id and e.name = 'work_paused' and e.detail ->> 'reason' in ('break', 'lunch') and e.occurred_at >= $4
  group by 1, 2)
select s.person_id, c.id crew_id, c.van_id, s.from_at, s.to_at, p.skills, coalesce(c.district_ids, '[]'::jsonb) district_ids,
  pos.lon_deg, pos.lat_deg, pos.at position_at,
  case when p.lon_deg is null then c.lon_deg else p.lon_deg end base_lon_deg,
  case when p.lon_deg is null then c.lat_deg else p.lat_deg end base_lat_deg,
  (select max(rest.rested_at) from rest where rest.crew_id = c.id or rest.person_id = s.person_id) rested_at
from shift s join person p on p.org_id = s.org_id and p.id = s.person_id
left join lateral (
  select c.id, c.van_id, c.district_ids, c.lon_deg, c.lat_deg from crew_member m
  join crew c on c.org_id = m.org_id and c.id = m.crew_id
  where m.org_id = s.org_id and m.person_id = s.person_id and c.active
    and m.from_at <= greatest(s.from_at, $2) and (m.to_at is null or m.to_at > greatest(s.from_at, $2))
  order by m.from_at desc, c.id limit 1) c on true
left join position pos on pos.org_id = s.org_id and pos.person_id = s.person_id
where s.org_id = $1 and s.to_at > $2 and s.from_at < $3 and s.from_at > $2::timestamptz - interval '2 days'
  and p.active and p.roles ?| array['technician', 'crew_lead']
order by s.person_id, s.from_at limit $5"""

_DISTRICTS = "select id, parent_id, neighbour_ids from district where org_id = $1 order by id limit $2"

# What was asked for and not used, closed or refused: it has to come along.
_NEEDED = """
select r.job_id, (l ->> 'part_id')::uuid part_id,
  sum(coalesce((l ->> 'approved')::numeric, (l ->> 'quantity')::numeric) - coalesce((l ->> 'used')::numeric, 0)
    - coalesce((l ->> 'returned')::numeric, 0)) quantity
from material_request r cross join lateral jsonb_array_elements(r.lines) l
where r.org_id = $1 and r.job_id = any($2) and r.state not in ('rejected', 'used', 'returned', 'closed')
group by 1, 2 having sum(coalesce((l ->> 'approved')::numeric, (l ->> 'quantity')::numeric) - coalesce((l ->> 'used')::numeric, 0)
    - coalesce((l ->> 'returned')::numeric, 0)) > 0
order by 1, 2 limit $3"""

# What vans and stores that lie somewhere hold of the parts; what a store has promised to others is not there.
_HELD = """
select l.id location_id, l.kind, s.lon_deg, s.lat_deg, k.part_id,
  case when l.kind = 'van' then k.quantity else k.quantity - k.reserved end quantity
from stock_location l join stock_level k on k.org_id = l.org_id and k.location_id = l.id
left join site s on s.org_id = l.org_id and s.id = l.site_id
where l.org_id = $1 and k.part_id = any($2) and l.active
  and (l.id = any($3) or (l.kind = 'store' and s.lon_deg is not null))
  and (case when l.kind = 'van' then k.quantity else k.quantity - k.reserved end) > 0
order by l.id, k.part_id limit $4"""

# How the visits of a proposal, and all that their crews have by now, stand: each way by its own index. What a crew has of a job that is over
# is nothing it has to do: the plan was made without it.
_STANDING = """
with mine as (
  select id from visit where org_id = $1 and id = any($2)
  union select id from visit where org_id = $1 and job_id = any($3)
  union select id from visit where org_id = $1 and crew_id = any($4)
    and state in ('scheduled', 'dispatched', 'accepted', 'en_route', 'on_site', 'working', 'paused')
    and (planned_start_at is null or planned_start_at < $5)
  union select id from visit where org_id = $1 and person_id = any($4)
    and state in ('scheduled', 'dispatched', 'accepted', 'en_route', 'on_site', 'working', 'paused')
    and (planned_start_at is null or planned_start_at < $5))
select v.id, v.job_id, j.number, j.state job_state, v.state, v.plan_version, v.crew_id, v.person_id, v.planned_start_at, v.planned_end_at,
  v.lock
from mine join visit v on v.org_id = $1 and v.id = mine.id join job j on j.org_id = v.org_id and j.id = v.job_id
where v.id = any($2) or v.job_id = any($3) or j.state in ('ready', 'scheduled', 'in_progress', 'on_hold')
order by v.id limit $6"""

_JOB_STATES = "select id, state, number from job where org_id = $1 and id = any($2) order by id limit $3"


class Chosen(Struct, frozen=True, kw_only=True):
    """What crews are chosen from: who is on shift, the jobs that wait, the districts."""

    shifts: tuple[ShiftRow, ...]
    jobs: tuple[JobRow, ...]
    districts: Mapping[UUID, DistrictRow]


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked of the database: from `now` until an instant; jobs of a district, or these alone (none: no jobs that wait).

    Visits are read of all crews, or of those alone that `owners` chooses from who is on shift, and of `absent_ids`.
    """

    now: datetime
    until: datetime
    day_began_at: datetime
    zone: str
    district_id: UUID | None = None
    job_ids: tuple[UUID, ...] | None = None
    absent_ids: frozenset[UUID] = frozenset()
    chosen: Callable[[Chosen], frozenset[UUID] | None]


class Standing(Struct, frozen=True, kw_only=True):
    """A visit as it is now, whatever became of it."""

    id: UUID
    job_id: UUID
    number: str
    job_state: JobState
    state: VisitState
    plan_version: int
    crew_id: UUID | None
    person_id: UUID | None
    planned_start_at: datetime | None
    planned_end_at: datetime | None
    lock: VisitLock | None


async def load_ground(conn: asyncpg.Connection, org_id: UUID, wanted: Wanted) -> Ground | None:
    """Load what a plan is made from; None where there is more than one plan can take."""
    only = None if wanted.job_ids is None else list(wanted.job_ids)
    jobs = [_job(r) for r in await conn.fetch(_JOBS, org_id, wanted.district_id, only, wanted.until, MOST_JOBS)]
    shifts = [
        _shift(r) for r in await conn.fetch(_SHIFTS, org_id, wanted.now, wanted.until, wanted.day_began_at, MOST_SHIFTS)
    ]
    districts = {
        r["id"]: DistrictRow(
            parent_id=r["parent_id"], neighbour_ids=msgspec.convert(r["neighbour_ids"] or [], tuple[UUID, ...])
        )
        for r in await conn.fetch(_DISTRICTS, org_id, MOST_DISTRICTS)
    }
    owners = wanted.chosen(Chosen(shifts=tuple(shifts), jobs=tuple(jobs), districts=districts))
    if owners is not None:
        shifts = [shift for shift in shifts if shift.owner in owners]
    whose = None if owners is None else sorted({*owners, *(s.person_id for s in shifts), *wanted.absent_ids})
    of_jobs = [job.id for job in jobs]
    found = await conn.fetch(_VISITS, org_id, wanted.until, whose, of_jobs, MOST_VISITS + 1)
    visits = [_visit(r) for r in found]
    if len(visits) > MOST_VISITS or len(shifts) == MOST_SHIFTS:
        return None
    needed = await _needed(conn, org_id, [*(v.job.id for v in visits), *(job.id for job in jobs)])
    vans = {shift.van_id for shift in shifts if shift.van_id is not None}
    held, stores = await _held(conn, org_id, {p.part_id for parts in needed.values() for p in parts}, vans)
    return Ground(
        zone=wanted.zone,
        visits=tuple(visits),
        jobs=tuple(jobs),
        shifts=tuple(shifts),
        districts=districts,
        needed=needed,
        held=held,
        stores=stores,
    )


async def load_standing(
    conn: asyncpg.Connection,
    org_id: UUID,
    *,
    visit_ids: Iterable[UUID],
    job_ids: Iterable[UUID],
    owners: Iterable[UUID],
    until: datetime,
) -> list[Standing]:
    """Load how visits, all visits of jobs, and what crews or persons have before an instant stand now."""
    found = await conn.fetch(_STANDING, org_id, sorted(visit_ids), sorted(job_ids), sorted(owners), until, MOST_LINES)
    return [
        Standing(
            **{
                **{f: r[f] for f in Standing.__struct_fields__},
                "job_state": JobState(r["job_state"]),
                "state": VisitState(r["state"]),
                "lock": _lock(r["lock"]),
            }
        )
        for r in found
    ]


async def load_job_states(conn: asyncpg.Connection, org_id: UUID, job_ids: Iterable[UUID]) -> dict[UUID, JobState]:
    """Load the states of jobs; an unknown one is absent."""
    ids = sorted(set(job_ids))
    return {r["id"]: JobState(r["state"]) for r in await conn.fetch(_JOB_STATES, org_id, ids, len(ids))}


async def _needed(conn: asyncpg.Connection, org_id: UUID, job_ids: Sequence[UUID]) -> dict[UUID, tuple[PartCount, ...]]:
    found: dict[UUID, list[PartCount]] = defaultdict(list)
    for row in await conn.fetch(_NEEDED, org_id, sorted(set(job_ids)), MOST_LINES):
        found[row["job_id"]].append(PartCount(row["part_id"], row["quantity"]))
    return {job_id: tuple(parts) for job_id, parts in found.items()}


async def _held(
    conn: asyncpg.Connection, org_id: UUID, part_ids: set[UUID], vans: set[UUID]
) -> tuple[dict[UUID, tuple[PartCount, ...]], tuple[StoreRow, ...]]:
    if not part_ids:
        return {}, ()
    held: dict[UUID, list[PartCount]] = defaultdict(list)
    stores: dict[UUID, tuple[LonLat, list[UUID]]] = {}
    for row in await conn.fetch(_HELD, org_id, sorted(part_ids), sorted(vans), MOST_LINES):
        if row["kind"] == "van":
            held[row["location_id"]].append(PartCount(row["part_id"], Decimal(row["quantity"])))
            continue
        place = LonLat(row["lon_deg"], row["lat_deg"])
        stores.setdefault(row["location_id"], (place, []))[1].append(row["part_id"])
    return (
        {van: tuple(parts) for van, parts in held.items()},
        tuple(StoreRow(id=id, point=point, part_ids=tuple(parts)) for id, (point, parts) in stores.items()),
    )


def _job(row: Mapping[str, Any]) -> JobRow:
    return JobRow(
        id=row["job_id"],
        number=row["number"],
        state=JobState(row["job_state"]),
        point=_point(row["lon_deg"], row["lat_deg"]),
        skills=msgspec.convert(row["required_skills"], tuple[Skill, ...]),
        district_id=row["district_id"],
        priority=Priority(row["priority"]),
        duration_s=row["duration_min"] * 60,
        setup_s=row["setup_min"] * 60,
        crews=row["crews"],
        second_skills=msgspec.convert(row["second_skills"] or [], tuple[Skill, ...]),
        due_at=row["due_at"],
        held_until=row["held_until"],
    )


def _visit(row: Mapping[str, Any]) -> VisitRow:
    return VisitRow(
        id=row["id"],
        job=_job(row),
        state=VisitState(row["state"]),
        crew_id=row["crew_id"],
        person_id=row["person_id"],
        plan_version=row["plan_version"],
        planned_start_at=row["planned_start_at"],
        planned_end_at=row["planned_end_at"],
        taken_at=row["taken_at"],
        not_ours=Flag.NOT_OURS.value in row["flags"],
        lock=_lock(row["lock"]),
    )


def _lock(found: Any) -> VisitLock | None:
    return None if found is None else msgspec.convert(found, VisitLock)


def _shift(row: Mapping[str, Any]) -> ShiftRow:
    return ShiftRow(
        person_id=row["person_id"],
        crew_id=row["crew_id"],
        van_id=row["van_id"],
        from_at=row["from_at"],
        to_at=row["to_at"],
        skills=msgspec.convert(row["skills"], tuple[Skill, ...]),
        district_ids=msgspec.convert(row["district_ids"], tuple[UUID, ...]),
        position=_point(row["lon_deg"], row["lat_deg"]),
        position_at=row["position_at"],
        base=_point(row["base_lon_deg"], row["base_lat_deg"]),
        rested_at=row["rested_at"],
    )


def _point(lon_deg: float | None, lat_deg: float | None) -> LonLat | None:
    return None if lon_deg is None or lat_deg is None else LonLat(lon_deg, lat_deg)
