"""SQL that looks back at a played day: what became of commands, jobs, approvals, signatures, and what devices should hold. Changes nothing."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg
from msgspec import Struct

MOST: int = 100_000

_ENDED = """
select command_id, status, code, flags, resolution is not null resolved from sync_outcome
where org_id = $1 and command_id = any($2) order by command_id limit $3"""
# A fact from a trip that nobody planned makes the trip too: that is not a second effect.
_EFFECTS = """
select command_id, count(*) filter (where name <> 'visit_found') deeds,
  count(*) - count(distinct (name, job_id, coalesce(visit_id, job_id))) repeats
from event where org_id = $1 and command_id = any($2) group by command_id order by command_id limit $3"""
_JOBS = "select distinct job_id from event where org_id = $1 and command_id = any($2) order by job_id limit $3"
_SCOPE = """
select distinct bucket from sync_scope
where org_id = $1 and person_id = $2 and from_at <= $3 and (to_at is null or to_at > $3) order by bucket limit $4"""
_HELD = """
select m.bucket, d.kind, d.id, d.ver, d.body from sync_member m
join sync_doc d on d.org_id = m.org_id and d.kind = m.kind and d.id = m.id
where m.org_id = $1 and m.bucket = any($2) and not m.gone order by m.bucket, d.kind, d.id limit $3"""
_LAST_N = "select last_n from sync_device where org_id = $1 and device_id = $2"
_WORK = """
select j.id, j.number, j.type, j.title, j.state, d.code district_code, j.district_id, j.lon_deg, j.lat_deg, j.reported_at, j.arrival_due_at,
  j.arrived_at, j.arrival_recorded_at, j.arrival_breached, j.flags, j.found_on_site, j.duplicate_of is not null is_duplicate
from job j left join district d on d.org_id = j.org_id and d.id = j.district_id
where j.org_id = $1 and j.id = any($2) order by j.number, j.id limit $3"""
_SENT = """
select c.code crew_code, case when c.district_ids ? j.district_id::text then 'own'
    when exists (select from district d where d.org_id = $1 and d.id = j.district_id
      and d.neighbour_ids ?| array(select jsonb_array_elements_text(c.district_ids))) then 'neighbouring' else 'other' end reach
from visit v join job j on j.org_id = v.org_id and j.id = v.job_id join crew c on c.org_id = v.org_id and c.id = v.crew_id
where v.org_id = $1 and v.job_id = any($2) and j.district_id is not null order by v.id limit $3"""
_APPROVALS = """
select j.number, a.amount, a.currency, a.role, p.code approver_code, a.after_hours, a.state, b.code decided_by, a.policy_code, a.policy_version
from approval a join job j on j.org_id = a.org_id and j.id = a.job_id
left join person p on p.org_id = a.org_id and p.id = a.person_id left join person b on b.org_id = a.org_id and b.id = a.decided_by
where a.org_id = $1 and a.job_id = any($2) order by a.asked_at, a.id limit $3"""
_WAITING = """
select a.job_id, a.id, coalesce(p.code, a.role) login from approval a left join person p on p.org_id = a.org_id and p.id = a.person_id
where a.org_id = $1 and a.state = 'waiting' and a.job_id = any($2) order by a.asked_at, a.id limit $3"""
_WRONGLY_DATED = """
select raw_at, occurred_at from event where org_id = $1 and device_id = $2 and name = 'arrived'
  and abs(extract(epoch from raw_at - occurred_at)) > 1800 order by occurred_at desc, id limit 1"""
_SIGNATURES = """
select j.number, s.signer, s.refused_reason, s.witness, s.flags from signature s join job j on j.org_id = s.org_id and j.id = s.job_id
where s.org_id = $1 and s.job_id = any($2) order by s.signed_at, s.id limit $3"""
_PUT_ASIDE = """
select command_id, name, reason, resolution from sync_quarantine
where org_id = $1 and command_id = any($2) order by received_at, entry_id limit $3"""


class Ended(Struct, frozen=True):
    """What became of a command; `resolved`: it was put aside and somebody has ended that."""

    command_id: UUID
    status: str
    code: str
    flags: Sequence[str]
    resolved: bool


class Effects(Struct, frozen=True):
    """How many events a command made, and how many of them say the same of the same visit twice."""

    deeds: int
    repeats: int


class Held(Struct, frozen=True):
    """A document in a bucket, as the server holds it."""

    bucket: str
    kind: str
    id: UUID
    ver: int
    body: bytes


class JobLine(Struct, frozen=True):
    """A job as the day left it."""

    id: UUID
    number: str
    type: str
    title: str
    state: str
    district_code: str | None
    district_id: UUID | None
    lon_deg: float | None
    lat_deg: float | None
    reported_at: datetime
    arrival_due_at: datetime | None
    arrived_at: datetime | None
    arrival_recorded_at: datetime | None
    arrival_breached: bool
    flags: Sequence[str]
    found_on_site: bool
    is_duplicate: bool


class SentLine(Struct, frozen=True):
    """A crew that was sent, and whether the job's district is its own, a neighbouring one or another."""

    crew_code: str
    reach: str


class ApprovalLine(Struct, frozen=True):
    """What was asked for and who had to decide: a role, or the person of the duty roster."""

    number: str
    amount: Decimal
    currency: str
    role: str | None
    approver_code: str | None
    after_hours: bool
    state: str
    decided_by: str | None
    policy_code: str
    policy_version: int


class SignatureLine(Struct, frozen=True):
    """A signature, or its refusal with the witness."""

    number: str
    signer: str
    refused_reason: str
    witness: str
    flags: Sequence[str]


class PutAsideLine(Struct, frozen=True):
    """A command in quarantine, and how that ended."""

    command_id: UUID
    name: str
    reason: str
    resolution: str | None


async def ended(conn: asyncpg.Connection, org_id: UUID, command_ids: Collection[UUID]) -> dict[UUID, Ended]:
    """Give the outcomes of commands by id; one without an outcome is missing."""
    rows = await conn.fetch(_ENDED, org_id, list(command_ids), MOST)
    return {row["command_id"]: Ended(*row.values()) for row in rows}


async def effects(conn: asyncpg.Connection, org_id: UUID, command_ids: Collection[UUID]) -> dict[UUID, Effects]:
    """Count the events of commands by id; one without events is missing."""
    rows = await conn.fetch(_EFFECTS, org_id, list(command_ids), MOST)
    return {row["command_id"]: Effects(row["deeds"], row["repeats"]) for row in rows}


async def jobs_touched(conn: asyncpg.Connection, org_id: UUID, command_ids: Collection[UUID]) -> list[UUID]:
    """List the jobs that commands did something to."""
    return [row["job_id"] for row in await conn.fetch(_JOBS, org_id, list(command_ids), MOST)]


async def scope(conn: asyncpg.Connection, org_id: UUID, person_id: UUID, now: datetime) -> set[str]:
    """Name the buckets that a person holds at an instant."""
    return {row["bucket"] for row in await conn.fetch(_SCOPE, org_id, person_id, now, MOST)}


async def held(conn: asyncpg.Connection, org_id: UUID, buckets: Collection[str]) -> list[Held]:
    """List the documents of buckets, one line for each membership."""
    return [Held(*row.values()) for row in await conn.fetch(_HELD, org_id, sorted(buckets), MOST)]


async def last_n(conn: asyncpg.Connection, org_id: UUID, device_id: UUID) -> int:
    """Give the number of the last command that the server has of a device; 0 for an unknown one."""
    return await conn.fetchval(_LAST_N, org_id, device_id) or 0


async def jobs(conn: asyncpg.Connection, org_id: UUID, job_ids: Collection[UUID]) -> list[JobLine]:
    """List jobs by number."""
    return [JobLine(*row.values()) for row in await conn.fetch(_WORK, org_id, list(job_ids), MOST)]


async def sent(conn: asyncpg.Connection, org_id: UUID, job_ids: Collection[UUID]) -> list[SentLine]:
    """List the crews that visits of located jobs name, in the order of visits."""
    return [SentLine(*row.values()) for row in await conn.fetch(_SENT, org_id, list(job_ids), MOST)]


async def approvals(conn: asyncpg.Connection, org_id: UUID, job_ids: Collection[UUID]) -> list[ApprovalLine]:
    """List what was asked for on jobs, in order of asking."""
    return [ApprovalLine(*row.values()) for row in await conn.fetch(_APPROVALS, org_id, list(job_ids), MOST)]


async def waiting_approvals(
    conn: asyncpg.Connection, org_id: UUID, job_ids: Collection[UUID]
) -> list[tuple[UUID, UUID, str]]:
    """List what waits for a decision: (job, approval, the code of the person or the role that decides)."""
    rows = await conn.fetch(_WAITING, org_id, list(job_ids), MOST)
    return [(row["job_id"], row["id"], row["login"]) for row in rows]


async def wrongly_dated(conn: asyncpg.Connection, org_id: UUID, device_id: UUID) -> tuple[datetime, datetime] | None:
    """Find a device's latest arrival whose own time was half an hour off or more: (own time, booked time)."""
    row = await conn.fetchrow(_WRONGLY_DATED, org_id, device_id)
    return (row["raw_at"], row["occurred_at"]) if row else None


async def signatures(conn: asyncpg.Connection, org_id: UUID, job_ids: Collection[UUID]) -> list[SignatureLine]:
    """List the signatures on jobs, in order of time."""
    return [SignatureLine(*row.values()) for row in await conn.fetch(_SIGNATURES, org_id, list(job_ids), MOST)]


async def put_aside(conn: asyncpg.Connection, org_id: UUID, command_ids: Collection[UUID]) -> list[PutAsideLine]:
    """List the commands that were put aside, oldest first."""
    return [PutAsideLine(*row.values()) for row in await conn.fetch(_PUT_ASIDE, org_id, list(command_ids), MOST)]
