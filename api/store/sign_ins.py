"""SQL of sign-ins, refresh tokens and callers. A sign-in is the family of its refresh tokens: it ends as a whole."""

from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

_START = """
insert into sign_in (org_id, sign_in_id, person_id, started_at, expires_at) values ($1, $2, $3, $4, $5)"""
_ADD = "insert into refresh_token (org_id, token_id, sign_in_id, secret_hash, issued_at) values ($1, $2, $3, $4, $5)"

# The sign-in's row is the lock of its family: two uses of one token come one after the other, and the second is a reuse.
_LOCK = """
select t.sign_in_id, t.secret_hash, t.used_at, s.person_id, s.expires_at, s.revoked_at, p.active, coalesce(c.must_change, false) must_change
from refresh_token t
join sign_in s on s.org_id = t.org_id and s.sign_in_id = t.sign_in_id
join person p on p.org_id = s.org_id and p.id = s.person_id
left join credential c on c.org_id = s.org_id and c.person_id = s.person_id
where t.org_id = $1 and t.token_id = $2 for update of s, t"""
_USE = "update refresh_token set used_at = $3 where org_id = $1 and token_id = $2"
_REVOKE = """
update sign_in set revoked_at = $3, revoked_because = $4 where org_id = $1 and sign_in_id = $2 and revoked_at is null"""
_REVOKE_PERSON = """
update sign_in set revoked_at = $3, revoked_because = $4
where org_id = $1 and person_id = $2 and revoked_at is null and sign_in_id is distinct from $5"""
# Kept for a month after their end, so that a late reuse is still recognised.
_PURGE = """
delete from sign_in where org_id = $1 and sign_in_id in
  (select sign_in_id from sign_in where org_id = $1 and expires_at < $2::timestamptz - interval '30 days' order by expires_at limit 1000)"""
_CALLER = "select roles, active, must_change, signed_in from onsite_caller($1, $2, $3, $4)"


class Refresh(Struct, frozen=True):
    """A refresh token as stored, with its sign-in and person."""

    sign_in_id: UUID
    secret_hash: bytes
    used_at: datetime | None
    person_id: UUID
    expires_at: datetime
    revoked_at: datetime | None
    active: bool
    must_change: bool


class CallerRow(Struct, frozen=True):
    """What a request has to know of its person, as it is now."""

    roles: list[str]
    active: bool
    must_change: bool
    signed_in: bool


class NewSignIn(Struct, frozen=True, kw_only=True):
    """A sign-in to be stored."""

    sign_in_id: UUID
    person_id: UUID
    expires_at: datetime


async def start(conn: asyncpg.Connection, org_id: UUID, new: NewSignIn, *, now: datetime) -> None:
    """Store a new sign-in."""
    await conn.execute(_START, org_id, new.sign_in_id, new.person_id, now, new.expires_at)


async def add_refresh(
    conn: asyncpg.Connection, org_id: UUID, sign_in_id: UUID, *, token_id: UUID, secret_hash: bytes, now: datetime
) -> None:
    """Store a refresh token of a sign-in."""
    await conn.execute(_ADD, org_id, token_id, sign_in_id, secret_hash, now)


async def lock_refresh(conn: asyncpg.Connection, org_id: UUID, token_id: UUID) -> Refresh | None:
    """Find a refresh token and lock its family until the transaction ends."""
    row = await conn.fetchrow(_LOCK, org_id, token_id)
    return Refresh(**dict(row)) if row else None


async def use_refresh(conn: asyncpg.Connection, org_id: UUID, token_id: UUID, *, now: datetime) -> None:
    """Mark a refresh token as used."""
    await conn.execute(_USE, org_id, token_id, now)


async def revoke(conn: asyncpg.Connection, org_id: UUID, sign_in_id: UUID, *, because: str, now: datetime) -> None:
    """End a sign-in with all its tokens; one that has ended stays as it is."""
    await conn.execute(_REVOKE, org_id, sign_in_id, now, because)


async def revoke_person(
    conn: asyncpg.Connection, org_id: UUID, person_id: UUID, *, because: str, now: datetime, but: UUID | None = None
) -> None:
    """End all sign-ins of a person, but one."""
    await conn.execute(_REVOKE_PERSON, org_id, person_id, now, because, but)


async def purge(conn: asyncpg.Connection, org_id: UUID, *, now: datetime) -> None:
    """Drop sign-ins that ended a month ago, at most 1,000 at a time."""
    await conn.execute(_PURGE, org_id, now)


async def caller(
    pool: asyncpg.Pool, org_id: UUID, person_id: UUID, sign_in_id: UUID | None, *, now: datetime
) -> CallerRow | None:
    """Ask in one round trip what a person may be now, and whether the sign-in is still good; None for an unknown person."""
    row = await pool.fetchrow(_CALLER, org_id, person_id, sign_in_id, now)
    return CallerRow(**dict(row)) if row else None
