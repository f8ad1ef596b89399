"""Reads what a span is told from: jobs that were there, the events of those that moved, tracks. Never writes, folds nothing.

A job that nothing happened to since the span began stood then as it stands now, so its events are not read.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from api.store.board import OPEN
from jobs.event import Event
from jobs.rules.replay import SHOWN
from jobs.store.tables import columns_of
from mobile_contract.schema.job import Job, JobState, Visit

JOBS_MAX: Final = 20_000
FIXES_MAX: Final = 200_000
# A phone that was silent for longer was not driving in a straight line.
_GAP: Final = "interval '10 minutes'"

# What was open when the span began, or was opened in it: opened before its end, and not over before its beginning.
_JOBS: Final = f"""
with there as materialized (
  select id from job where org_id = $1 and state = any($4) and opened_at < $3
  union select id from job where org_id = $1 and closed_at >= $2 and opened_at < $3
  union select id from job where org_id = $1 and cancelled_at >= $2 and opened_at < $3
  order by 1 limit {JOBS_MAX + 1}),
moved as materialized (
  select t.id from there t where exists (
    select from event e where e.org_id = $1 and e.job_id = t.id and (e.received_at >= $2 or e.occurred_at >= $2)))
select 'job' kind, row_to_json(t)::text body from (
  select {", ".join(columns_of("job"))} from job where org_id = $1 and id in (select id from there)
    and (state = any($5) or id in (select id from moved)) order by id limit {JOBS_MAX}) t
union all select 'visit', row_to_json(t)::text from (
  select {", ".join(columns_of("visit"))} from visit where org_id = $1 and job_id in (select id from there) order by id limit {4 * JOBS_MAX}) t
union all select 'event', row_to_json(t)::text from (
  select {", ".join(columns_of("event"))} from event
  where org_id = $1 and job_id in (select id from moved) and name = any($6) order by job_id, seq limit {20 * JOBS_MAX}) t
union all select 'count', (select count(*) from there)::text
union all select 'zone', (select zone from organisation where org_id = $1)"""

_TRACKS: Final = f"""
select g.person_id, g.crew_id, count(*) filter (where g.broken) over (partition by g.person_id, g.crew_id order by g.at) leg,
  extract(epoch from g.at - $2)::float8 s, g.lon_deg, g.lat_deg
from (
  select f.person_id, m.crew_id, f.at, f.lon_deg, f.lat_deg,
    f.at - lag(f.at) over (partition by f.person_id, m.crew_id order by f.at) > {_GAP} broken
  from person p cross join lateral (
    select k.person_id, k.at, k.lon_deg, k.lat_deg from position_track k
    where k.org_id = $1 and k.person_id = p.id and k.at >= $2 and k.at < $3 order by k.at limit 20000) f
  left join lateral (
    select c.crew_id from crew_member c where c.org_id = $1 and c.person_id = f.person_id and c.from_at <= f.at and (c.to_at is null or c.to_at > f.at)
    order by c.from_at desc, c.id limit 1) m on true
  where p.org_id = $1 limit {FIXES_MAX + 1}) g
order by g.person_id, g.at"""

_OVER_LATER: Final = (JobState.COMPLETED.value, JobState.CANNOT_COMPLETE.value)


class There(Struct, frozen=True):
    """Jobs that were there in a span, with their visits and, of those that moved since it began, the events that tell how they stood."""

    zone: str
    jobs: Sequence[Job]
    visits: Mapping[UUID, Sequence[Visit]]
    events: Mapping[UUID, Sequence[Event]]
    cut: bool


class Fix(Struct, frozen=True):
    """Where somebody was, seconds after the span began; fixes of one leg follow each other without a gap."""

    person_id: UUID
    crew_id: UUID | None
    leg: int
    s: float
    lon_deg: float
    lat_deg: float


class Raw(Struct, frozen=True):
    """Rows as they came, to be decoded where nobody waits for it."""

    rows: Sequence[tuple[str, str]]


async def read_there(conn: asyncpg.Connection, org_id: UUID, from_at: datetime, to_at: datetime) -> Raw:
    """Read the jobs of a span with their visits and events, one statement."""
    names = sorted(name.value for name in SHOWN)
    rows = await conn.fetch(_JOBS, org_id, from_at, to_at, [*OPEN, *_OVER_LATER], OPEN, names)
    return Raw([(row["kind"], row["body"]) for row in rows])


async def read_tracks(conn: asyncpg.Connection, org_id: UUID, from_at: datetime, to_at: datetime) -> list[Fix]:
    """Read where people were in a span, by person and time; one more than 200,000 so that a cut is seen."""
    rows = await conn.fetch(_TRACKS, org_id, from_at, to_at)
    return [Fix(*row) for row in rows]


_JOB: Final = msgspec.json.Decoder(Job)
_VISIT: Final = msgspec.json.Decoder(Visit)
_EVENT: Final = msgspec.json.Decoder(Event)


def decoded(raw: Raw) -> There:
    """Decode the rows of a span."""
    zone, count = "UTC", 0
    jobs: list[Job] = []
    visits: dict[UUID, list[Visit]] = {}
    events: dict[UUID, list[Event]] = {}
    for kind, body in raw.rows:
        if kind == "job":
            jobs.append(_JOB.decode(body))
        elif kind == "visit":
            visit = _VISIT.decode(body)
            visits.setdefault(visit.job_id, []).append(visit)
        elif kind == "event":
            event = _EVENT.decode(body)
            events.setdefault(event.job_id, []).append(event)
        elif kind == "count":
            count = int(body)
        else:
            zone = body
    return There(zone, jobs, visits, events, count > JOBS_MAX)
