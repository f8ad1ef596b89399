"""Rate limits that all processes share: GCRA with one instant per key. Keys are hashed; nothing personal is stored."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from msgspec import Struct

# One statement, so that two processes cannot both take the last place. No row comes back when the key is over its limit, and none is
# kept for an organisation that does not exist: anybody may name one.
_TAKE = """
insert into throttle as t (org_id, key, free_at)
select org_id, $2, $3::timestamptz + $4::interval from organisation where org_id = $1
on conflict (org_id, key) do update set free_at = greatest(t.free_at, $3::timestamptz) + $4::interval
  where t.free_at <= $3::timestamptz + $5::interval
returning free_at"""

_MARK = """
insert into throttle (org_id, key, free_at) select org_id, $2, $3 from organisation where org_id = $1
on conflict (org_id, key) do update set free_at = excluded.free_at"""
_FREE_AT = "select free_at from throttle where org_id = $1 and key = $2"
_FORGET = "delete from throttle where org_id = $1 and key = $2"
_PURGE = """
delete from throttle where org_id = $1 and key in (select key from throttle where org_id = $1 and free_at < $2 order by free_at limit $3)"""
AT_ONCE = 10_000


class Rate(Struct, frozen=True):
    """A limit: `burst` at once, then one per `every`."""

    name: str
    burst: int
    every: timedelta

    def key(self, *parts: str) -> bytes:
        """Make the stored key of what is limited: 32 bytes."""
        return hashlib.sha256("\0".join((self.name, *parts)).encode()).digest()


async def take(conn: asyncpg.Connection, org_id: UUID, rate: Rate, key: bytes, *, now: datetime) -> timedelta | None:
    """Take one place; None when there was one, or nothing to limit without an organisation, else how long to wait for the next."""
    slack = rate.every * (rate.burst - 1)
    if await conn.fetchval(_TAKE, org_id, key, now, rate.every, slack) is not None:
        return None
    free_at: datetime | None = await conn.fetchval(_FREE_AT, org_id, key)
    return max(free_at - slack - now, timedelta(seconds=1)) if free_at else None


async def mark(conn: asyncpg.Connection, org_id: UUID, key: bytes, *, until: datetime) -> None:
    """Remember a key until an instant, for `is_marked`."""
    await conn.execute(_MARK, org_id, key, until)


async def is_marked(conn: asyncpg.Connection, org_id: UUID, key: bytes, *, now: datetime) -> bool:
    """Tell whether a key is still remembered."""
    until: datetime | None = await conn.fetchval(_FREE_AT, org_id, key)
    return until is not None and until > now


async def forget(conn: asyncpg.Connection, org_id: UUID, key: bytes) -> None:
    """Give all places back: the caller has proven to be welcome."""
    await conn.execute(_FORGET, org_id, key)


async def purge(conn: asyncpg.Connection, org_id: UUID, *, now: datetime) -> bool:
    """Drop keys that limit nothing any more, at most 10,000 at a time; tell whether there may be more."""
    done: str = await conn.execute(_PURGE, org_id, now, AT_ONCE)
    return int(done.removeprefix("DELETE ")) == AT_ONCE
