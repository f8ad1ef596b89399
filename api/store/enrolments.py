"""SQL of one-time enrolment codes. Stores hashes only."""

from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from mobile_contract.schema.people import Role

_ADD = """
insert into enrolment (org_id, enrolment_id, code_hash, person_id, crew_id, made_by, made_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)"""
# The row is locked: of two phones that scan one code the second finds it used.
_LOCK = """
select e.enrolment_id, e.person_id, e.crew_id, e.expires_at, e.used_at, coalesce(p.active, c.active, false) active
from enrolment e
left join person p on p.org_id = e.org_id and p.id = e.person_id
left join crew c on c.org_id = e.org_id and c.id = e.crew_id
where e.org_id = $1 and e.code_hash = $2 for update of e"""
_USE = "update enrolment set used_at = $3, device_id = $4 where org_id = $1 and enrolment_id = $2"
_PURGE = """
delete from enrolment where org_id = $1 and enrolment_id in (
  select enrolment_id from enrolment where org_id = $1 and expires_at < $2::timestamptz - interval '30 days' order by expires_at limit 1000)"""
_PURGE_RESETS = """
delete from reset_token where org_id = $1 and token_id in (
  select token_id from reset_token where org_id = $1 and expires_at < $2::timestamptz - interval '30 days' order by expires_at limit 1000)"""
_PERSON_ROLES = "select roles from person where org_id = $1 and id = $2 and active"
_CREW_ACTIVE = "select active from crew where org_id = $1 and id = $2"


class Enrolment(Struct, frozen=True):
    """An enrolment code as stored; `active`: whom it is for may still work."""

    enrolment_id: UUID
    person_id: UUID | None
    crew_id: UUID | None
    expires_at: datetime
    used_at: datetime | None
    active: bool


class NewEnrolment(Struct, frozen=True, kw_only=True):
    """An enrolment code to be stored."""

    enrolment_id: UUID
    code_hash: bytes
    person_id: UUID | None
    crew_id: UUID | None
    made_by: UUID | None
    expires_at: datetime


async def add(conn: asyncpg.Connection, org_id: UUID, new: NewEnrolment, *, now: datetime) -> None:
    """Store a new code."""
    await conn.execute(
        _ADD, org_id, new.enrolment_id, new.code_hash, new.person_id, new.crew_id, new.made_by, now, new.expires_at
    )


async def lock_by_hash(conn: asyncpg.Connection, org_id: UUID, code_hash: bytes) -> Enrolment | None:
    """Find a code and lock it until the transaction ends."""
    row = await conn.fetchrow(_LOCK, org_id, code_hash)
    return Enrolment(**dict(row)) if row else None


async def use(conn: asyncpg.Connection, org_id: UUID, enrolment_id: UUID, *, device_id: UUID, now: datetime) -> None:
    """Mark a code as used by a device."""
    await conn.execute(_USE, org_id, enrolment_id, now, device_id)


async def person_roles(conn: asyncpg.Connection, org_id: UUID, person_id: UUID) -> frozenset[Role] | None:
    """Name the roles of a person who may work; None where there is none."""
    roles: list[str] | None = await conn.fetchval(_PERSON_ROLES, org_id, person_id)
    return None if roles is None else frozenset(Role(role) for role in roles)


async def crew_active(conn: asyncpg.Connection, org_id: UUID, crew_id: UUID) -> bool:
    """Tell whether there is such a crew that may work."""
    return bool(await conn.fetchval(_CREW_ACTIVE, org_id, crew_id))


async def slug(conn: asyncpg.Connection, org_id: UUID) -> str:
    """Give the slug of an organisation. Raises LookupError where there is none."""
    found: str | None = await conn.fetchval("select slug from organisation where org_id = $1", org_id)
    if found is None:
        raise LookupError("no organisation")
    return found


async def zone(conn: asyncpg.Connection, org_id: UUID) -> str:
    """Give the IANA zone of an organisation. Raises LookupError where there is none."""
    found: str | None = await conn.fetchval("select zone from organisation where org_id = $1", org_id)
    if found is None:
        raise LookupError("no organisation")
    return found


async def purge(conn: asyncpg.Connection, org_id: UUID, *, now: datetime) -> None:
    """Drop codes and password resets that expired a month ago, at most 1,000 of each at a time."""
    await conn.execute(_PURGE, org_id, now)
    await conn.execute(_PURGE_RESETS, org_id, now)
