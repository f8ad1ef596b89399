"""Reads the board and what changed on it: one statement each, so one snapshot; the database writes the JSON, nothing is decoded on the way.

A job with its visits is one unit: when any row of it is news, the whole of it is sent. News is what the snapshot rule of a pull says: rows
written by transactions that the old snapshot did not show. Never writes, never decides who may see.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from mobile_contract.schema.base import Priority
from mobile_contract.schema.job import JobState

JOBS_MAX: Final = 20_000
# Beyond this the board anew is cheaper than what changed.
CHANGED_MAX: Final = 5_000
CREWS_MAX: Final = 2_000
DISTRICTS_MAX: Final = 2_000
VISITS_MAX: Final = 4 * JOBS_MAX
# Who has not been heard of for a day is not on the map.
HEARD_WITHIN: Final = "interval '1 day'"

OPEN: Final = tuple(
    state.value
    for state in JobState
    if state not in (JobState.COMPLETED, JobState.CLOSED, JobState.CANNOT_COMPLETE, JobState.CANCELLED)
)

# $1 organisation, $2 now, $3 and $4 the days, $5 states that are open, $6 whether places are shown; $7 snapshot known, $8 life known.
_JOB: Final = """
select j.id, j.number, j.type, j.state, nullif(j.title, '') title, nullif(j.address, '') address, nullif(j.priority, 'normal') priority,
  j.district_id, j.lon_deg, j.lat_deg, j.reported_at, j.arrival_due_at due_at, j.arrived_at, j.arrival_recorded_at recorded_at,
  nullif(j.arrival_breached or (j.arrived_at is null and j.state = any($5) and coalesce(j.arrival_due_at < $2, false)), false) breached,
  case when j.arrival_due_at > j.reported_at and (j.arrived_at is not null or j.state = any($5)) then greatest(0, round(
    extract(epoch from coalesce(j.arrived_at, $2) - j.reported_at) / extract(epoch from j.arrival_due_at - j.reported_at), 3)) end share,
  j.held_for, j.held_until, nullif(j.required_skills, '[]') required_skills, nullif(j.flags, '[]') flags,
  nullif(jsonb_array_length(j.conflicts), 0) conflicts"""

_VISIT: Final = """
select v.id, v.job_id, v.state, v.crew_id, v.person_id, nullif(v.plan_version, 1) plan_version, v.planned_start_at, v.planned_end_at,
  v.dispatched_at, v.travel_started_at, v.arrived_at, v.arrival_recorded_at recorded_at, v.work_started_at, v.ended_at, v.lock,
  nullif(v.reason, '') reason, nullif(v.flags, '[]') flags"""

# Who can be sent: crews, and people of the field who are of no crew at the moment. Each part is gathered for all of them at once.
_CREWS: Final = f"""
of_crews as materialized (
  select m.crew_id unit, m.person_id, c.lead_id = m.person_id leads from crew_member m join crew c on c.org_id = $1 and c.id = m.crew_id and c.active
  where m.org_id = $1 and m.from_at <= $2 and (m.to_at is null or m.to_at > $2) order by m.id limit {10 * CREWS_MAX}),
alone as materialized (
  select p.id, p.code, p.name, p.lon_deg, p.lat_deg from person p
  where p.org_id = $1 and p.active and p.roles ?| array['technician', 'crew_lead'] and p.id not in (select person_id from of_crews)
  order by p.id limit {CREWS_MAX}),
members as materialized (select unit, person_id, leads from of_crews union all select id, id, false from alone),
units as (
  select id, code, name, district_ids, lon_deg, lat_deg, null::boolean alone from crew where org_id = $1 and active
  union all select id, code, name, '[]', lon_deg, lat_deg, true from alone
  order by 1 limit {CREWS_MAX}),
people as (
  select m.unit, json_agg(json_build_object('person_id', p.id, 'name', p.name, 'skills', nullif(p.skills, '[]'))
    order by m.leads desc nulls last, p.id) body
  from members m join person p on p.org_id = $1 and p.id = m.person_id group by m.unit),
shifts as (
  select m.unit, json_agg(json_build_object('person_id', s.person_id, 'from_at', s.from_at, 'to_at', s.to_at) order by s.from_at, s.person_id) body
  from (select person_id, from_at, to_at from shift
    where org_id = $1 and from_at < $4 and from_at > $3::timestamptz - interval '2 days' and to_at > $3 order by from_at, id limit {20 * CREWS_MAX}) s
  join members m on m.person_id = s.person_id group by m.unit),
places as (
  select distinct on (m.unit) m.unit, json_build_object('person_id', p.person_id, 'lon_deg', p.lon_deg, 'lat_deg', p.lat_deg, 'at', p.at,
    'accuracy_m', p.accuracy_m, 'mock', nullif(p.mock, false)) body
  from position p join members m on m.person_id = p.person_id
  where $6 and p.org_id = $1 and p.at > $2::timestamptz - {HEARD_WITHIN} order by m.unit, p.at desc, p.person_id),
phones as (
  select h.unit, json_agg(json_build_object('device_id', d.device_id, 'name', d.name, 'holder', p.name, 'seen_at', s.seen_at,
    'pulled_at', s.pulled_at, 'unsent', nullif(s.unsent, 0), 'can_wake', nullif(w.device_id is not null, false)) order by d.device_id) body
  from (
    select d.device_id, d.crew_id unit from sync_device d where d.org_id = $1 and d.revoked_at is null and d.crew_id is not null
    union select d.device_id, m.unit from sync_device d join members m on m.person_id = d.person_id
    where d.org_id = $1 and d.revoked_at is null order by 1, 2 limit {10 * CREWS_MAX}) h
  join sync_device d on d.org_id = $1 and d.device_id = h.device_id
  left join sync_device_seen s on s.org_id = $1 and s.device_id = d.device_id
  left join device_waking w on w.org_id = $1 and w.device_id = d.device_id and (w.expires_at is null or w.expires_at > $2)
  left join person p on p.org_id = $1 and p.id = d.person_id group by h.unit),
crews as (
  select u.id, json_strip_nulls(json_build_object('id', u.id, 'code', u.code, 'name', u.name, 'alone', u.alone,
    'people', people.body, 'shifts', shifts.body, 'district_ids', nullif(u.district_ids, '[]'), 'lon_deg', u.lon_deg, 'lat_deg', u.lat_deg,
    'place', places.body, 'phones', phones.body))::text body
  from units u left join people on people.unit = u.id left join shifts on shifts.unit = u.id
  left join places on places.unit = u.id left join phones on phones.unit = u.id)"""

_REFERENCE: Final = f"""
select json_build_object(
  'organisation', (select o.name from organisation o where o.org_id = $1), 'zone', (select o.zone from organisation o where o.org_id = $1),
  'districts', (select coalesce(json_agg(json_strip_nulls(row_to_json(d))), '[]') from (
    select id, code, name, parent_id from district where org_id = $1 order by code, id limit {DISTRICTS_MAX}) d),
  'job_types', (select coalesce(json_agg(t), '[]') from (
    select distinct on (code) code, name, duration_min from job_type where org_id = $1 order by code, version desc limit {DISTRICTS_MAX}) t))::text"""

_HEAD: Final = "select 'head' kind, pg_current_snapshot()::text as key, sync_life_now()::text as body"


def _listed(select: str) -> str:
    """Write a JSON array of a select's rows without their nulls; null without rows."""
    return f"'[' || (select string_agg(json_strip_nulls(row_to_json(t))::text, ',' order by t.id) from ({select}) t) || ']'"


# Each of these reads an index of its own; what they say together is what _IS_ON says of one job.
_ON_BOARD: Final = """
select id from job where org_id = $1 and state = any($5)
union select id from job where org_id = $1 and closed_at >= $3 and closed_at < $4
union select id from job where org_id = $1 and cancelled_at >= $3 and cancelled_at < $4
union select job_id from visit where org_id = $1 and ended_at >= $3 and ended_at < $4"""
# Only of more than a board holds is anything looked at to say which stay: what is worked at, then open, urgent, new.
_CHOSEN: Final = f"""
on_board as materialized ({_ON_BOARD}),
much as materialized (select count(*) jobs from on_board),
chosen as materialized (
  select id from on_board where (select jobs from much) <= {JOBS_MAX}
  union all (
    select j.id from job j where j.org_id = $1 and j.id in (select id from on_board) and (select jobs from much) > {JOBS_MAX}
    order by j.state = '{JobState.IN_PROGRESS}' desc, j.state = any($5) desc, array_position(array{[p.value for p in Priority]}, j.priority),
      j.reported_at desc, j.id desc limit {JOBS_MAX}))"""
_IS_ON: Final = """
(j.state = any($5) or coalesce(j.closed_at >= $3 and j.closed_at < $4, false) or coalesce(j.cancelled_at >= $3 and j.cancelled_at < $4, false)
  or exists (select from visit v where v.org_id = $1 and v.job_id = j.id and v.ended_at >= $3 and v.ended_at < $4))"""

_BOARD: Final = f"""
with {_CHOSEN}, {_CREWS}
{_HEAD}
union all select 'reference', null, ({_REFERENCE})
union all select 'count', (select jobs from much)::text, null
union all select 'jobs', null, {_listed(f"{_JOB} from job j where j.org_id = $1 and j.id in (select id from chosen) limit {JOBS_MAX}")}
union all select 'visits', null, {_listed(f"{_VISIT} from visit v where v.org_id = $1 and v.job_id in (select id from chosen) limit {VISITS_MAX}")}
union all (select 'crew', id::text, body from crews order by id)"""

_NEWS: Final = "org_id = $1 and changed >= pg_snapshot_xmin($7::text::pg_snapshot) and not pg_visible_in_snapshot(changed, $7::text::pg_snapshot)"
_CHANGES: Final = f"""
with news as materialized (
  select n.id from (select id from job where {_NEWS} union select job_id from visit where {_NEWS}) n
  where (select sync_life_now()) = $8 order by n.id limit {CHANGED_MAX + 1}),
judged as materialized (select j.id, {_IS_ON} is_on from job j where j.org_id = $1 and j.id in (select id from news)),
chosen as materialized (select id from judged where is_on), {_CREWS}
{_HEAD}
union all select 'reference', null, ({_REFERENCE})
union all select 'count', (select count(*) from news)::text, null
union all select 'jobs', null, {_listed(f"{_JOB} from job j where j.org_id = $1 and j.id in (select id from chosen) limit {JOBS_MAX}")}
union all select 'visits', null, {_listed(f"{_VISIT} from visit v where v.org_id = $1 and v.job_id in (select id from chosen) limit {VISITS_MAX}")}
union all select 'gone_jobs', null, (select json_agg(id order by id)::text from judged where not is_on)
union all select 'gone_visits', null, (
  select json_agg(v.id order by v.id)::text from visit v where v.org_id = $1 and v.job_id in (select id from judged where not is_on))
union all (select 'crew', id::text, body from crews order by id)"""


class Days(Struct, frozen=True):
    """Which days are looked at, as of when, and whether places are shown."""

    now: datetime
    from_at: datetime
    to_at: datetime
    places: bool


class Seen(Struct, frozen=True, kw_only=True):
    """What one snapshot shows. `jobs`, `visits`, `gone_…` are JSON arrays; `crews` the JSON of each by its id; `count` jobs were looked at.

    `life` None: a new one must begin.
    """

    snapshot: str
    life: UUID | None
    reference: str
    count: int
    crews: dict[UUID, str]
    jobs: str = "[]"
    visits: str = "[]"
    gone_jobs: str = "[]"
    gone_visits: str = "[]"


async def read_board(conn: asyncpg.Connection, org_id: UUID, days: Days) -> Seen:
    """Read the whole board."""
    rows = await conn.fetch(_BOARD, org_id, days.now, days.from_at, days.to_at, OPEN, days.places)
    return _seen(rows)


async def read_changes(conn: asyncpg.Connection, org_id: UUID, days: Days, *, since: str, life: UUID) -> Seen:
    """Read what changed since a snapshot of a life; of another life nothing but the head, reference and crews."""
    rows = await conn.fetch(_CHANGES, org_id, days.now, days.from_at, days.to_at, OPEN, days.places, since, life)
    return _seen(rows)


async def today(conn: asyncpg.Connection, org_id: UUID, now: datetime) -> tuple[datetime, datetime]:
    """Give the instants at which the organisation's day began and the next one does."""
    row = await conn.fetchrow(_TODAY, org_id, now)
    return row["began"], row["ends"]


# A day has 23 or 25 hours where clocks are changed.
_TODAY: Final = """
select d.began at time zone d.zone began, (d.began + interval '1 day') at time zone d.zone ends
from (select o.zone, date_trunc('day', $2::timestamptz at time zone o.zone) began from organisation o where o.org_id = $1) d"""


def _seen(rows: list[asyncpg.Record]) -> Seen:
    found = {row["kind"]: row for row in rows if row["kind"] != "crew"}
    arrays = {
        kind: row["body"]
        for kind in ("jobs", "visits", "gone_jobs", "gone_visits")
        if (row := found.get(kind)) is not None and row["body"] is not None
    }
    head = found["head"]
    return Seen(
        snapshot=head["key"],
        life=None if head["body"] is None else UUID(head["body"]),
        reference=found["reference"]["body"],
        count=int(found["count"]["key"]),
        crews={UUID(row["key"]): row["body"] for row in rows if row["kind"] == "crew"},
        **arrays,
    )
