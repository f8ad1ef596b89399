"""Reads the organisation at a glance: one statement, whose JSON is the answer's Struct. Never writes.

Counts look at what is open and at today, never at the whole past, so that the page stays cheap however many jobs were closed.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from mobile_contract.schema.job import JobState
from mobile_contract.schema.live import LiveSummary

ROWS: Final = 8
DUE_ROWS: Final = 40
DEVICE_ROWS: Final = 24

_OPEN: Final = (
    JobState.DRAFT, JobState.AWAITING_TRIAGE, JobState.READY, JobState.SCHEDULED, JobState.IN_PROGRESS, JobState.ON_HOLD,
)  # fmt: skip
_DONE: Final = (JobState.COMPLETED, JobState.CANNOT_COMPLETE)


def _listed(select: str, rows: int) -> str:
    """Make a JSON array of a select's rows, in its order; empty without rows."""
    return f"(select coalesce(json_agg(row_to_json(t)), '[]') from ({select} limit {rows}) t)"


_LATE: Final = "arrival_breached or (arrived_at is null and arrival_due_at < $2)"

# The states that are over are asked by the day they ended, each by an index of its own.
_STATES: Final = f"""
select state, count(*) jobs, count(*) filter (where {_LATE}) late from job
where org_id = $1 and state = any($3) group by state
union all select state, count(*), count(*) filter (where arrival_breached) from job where org_id = $1 and state = any($4) group by state
union all select state, count(*), count(*) filter (where arrival_breached) from job, today
where org_id = $1 and state = 'closed' and closed_at >= today.from_at group by state
union all select state, count(*), count(*) filter (where arrival_breached) from job, today
where org_id = $1 and state = 'cancelled' and cancelled_at >= today.from_at group by state"""

_ASSIGNEE: Final = """
left join lateral (
  select coalesce(c.name, p.name, '') assignee from visit v
  left join crew c on c.org_id = $1 and c.id = v.crew_id left join person p on p.org_id = $1 and p.id = v.person_id
  where v.org_id = $1 and v.job_id = j.id and v.state not in ('declined', 'cancelled') order by v.id desc limit 1) who on true
left join district d on d.org_id = $1 and d.id = j.district_id"""

_ARRIVAL: Final = """
select j.id job_id, j.number, j.title, j.state, j.priority, coalesce(d.code, '-') district, coalesce(who.assignee, '') assignee,
  j.arrival_due_at due_at, j.arrived_at, j.arrival_recorded_at recorded_at"""

_NOBODY_THERE: Final = "j.org_id = $1 and j.arrived_at is null and j.arrival_due_at < $2::timestamptz + interval '2 hours' and j.state = any($3)"
_CAME_LATE: Final = "j.org_id = $1 and j.arrival_breached and j.arrived_at is not null and j.arrival_due_at >= $2::timestamptz - interval '1 day'"

_DUE: Final = f"{_ARRIVAL} from job j {_ASSIGNEE} where {_NOBODY_THERE} order by abs(extract(epoch from j.arrival_due_at - $2)), j.id"
_CAME: Final = f"{_ARRIVAL} from job j {_ASSIGNEE} where {_CAME_LATE} order by j.arrived_at desc, j.id"

_DEVICES: Final = """
select d.device_id, d.name, coalesce(p.name, c.name, '') holder, d.enrolled_at, s.seen_at, s.pulled_at, coalesce(s.unsent, 0) unsent
from sync_device d
left join sync_device_seen s on s.org_id = $1 and s.device_id = d.device_id
left join person p on p.org_id = $1 and p.id = d.person_id left join crew c on c.org_id = $1 and c.id = d.crew_id
where d.org_id = $1 and d.revoked_at is null order by coalesce(s.unsent, 0) desc, s.pulled_at nulls first, d.device_id"""

_QUARANTINE: Final = """
select q.entry_id, q.name, q.reason, q.received_at, coalesce(p.name, '') person, coalesce(d.name, '') device, coalesce(j.number, '') job_number
from sync_quarantine q
left join person p on p.org_id = $1 and p.id = q.person_id left join sync_device d on d.org_id = $1 and d.device_id = q.device_id
left join job j on j.org_id = $1 and j.id = q.job_id
where q.org_id = $1 and q.resolution is null order by q.received_at desc, q.entry_id desc"""

_HELD: Final = """
select h.command_id, coalesce(o.name, '-') name, coalesce(p.name, '') person, h.held_at, h.expires_at
from sync_held h left join sync_outcome o on o.org_id = $1 and o.command_id = h.command_id
left join person p on p.org_id = $1 and p.id = o.actor_id
where h.org_id = $1 order by h.expires_at, h.command_id"""

_APPROVALS: Final = """
select a.id approval_id, j.number job_number, a.subject, a.amount, a.currency, a.role, coalesce(p.name, '') person,
  coalesce(b.name, '') asked_by, a.asked_at, a.after_hours
from approval a join job j on j.org_id = $1 and j.id = a.job_id
left join person p on p.org_id = $1 and p.id = a.person_id left join person b on b.org_id = $1 and b.id = a.asked_by
where a.org_id = $1 and a.state = 'waiting' order by a.asked_at, a.id"""

_FLAGGED_ONES: Final = "org_id = $1 and state = any($3 || $4) and flags <> '[]'"
_FLAGGED: Final = (
    f"select id job_id, number, title, state, flags from job where {_FLAGGED_ONES} order by reported_at desc, id desc"
)

_SUMMARY: Final = f"""
with today as materialized (
  select o.name, o.zone, date_trunc('day', $2::timestamptz at time zone o.zone) at time zone o.zone from_at from organisation o where o.org_id = $1),
phones as materialized (
  select s.pulled_at, coalesce(s.unsent, 0) unsent from sync_device d
  left join sync_device_seen s on s.org_id = $1 and s.device_id = d.device_id where d.org_id = $1 and d.revoked_at is null)
select json_build_object(
  'organisation', today.name, 'zone', today.zone,
  'reported_today', (select count(*) from job where org_id = $1 and reported_at >= today.from_at and reported_at <= $2),
  'states', (select coalesce(json_agg(row_to_json(t)), '[]') from ({_STATES}) t),
  'due_count', (select count(*) from job j where {_NOBODY_THERE}),
  'overdue_count', (select count(*) from job j where {_NOBODY_THERE} and j.arrival_due_at < $2),
  'due', {_listed(_DUE, DUE_ROWS)},
  'late_count', (select count(*) from job j where {_CAME_LATE}),
  'late', {_listed(_CAME, ROWS)},
  'device_count', (select count(*) from phones),
  'silent_count', (select count(*) from phones where pulled_at is null or pulled_at < $2::timestamptz - interval '30 minutes'),
  'unsent_count', (select coalesce(sum(unsent), 0) from phones),
  'devices', {_listed(_DEVICES, DEVICE_ROWS)},
  'quarantine_count', (select count(*) from sync_quarantine where org_id = $1 and resolution is null),
  'quarantine', {_listed(_QUARANTINE, ROWS)},
  'held_count', (select count(*) from sync_held where org_id = $1),
  'held', {_listed(_HELD, ROWS)},
  'approval_count', (select count(*) from approval where org_id = $1 and state = 'waiting'),
  'approvals', {_listed(_APPROVALS, ROWS)},
  'flagged_count', (select count(*) from job where {_FLAGGED_ONES}),
  'flagged', {_listed(_FLAGGED, ROWS)})::text
from today"""


async def summary(conn: asyncpg.Connection, org_id: UUID, *, now: datetime) -> LiveSummary | None:
    """Read the organisation as it is; None for one that does not exist."""
    body = await conn.fetchval(_SUMMARY, org_id, now, list(_OPEN), list(_DONE))
    return None if body is None else msgspec.json.decode(body, type=LiveSummary)
