"""SQL of trackers: apps of other makers that may report where one person is. Stores hashes only."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from mobile_contract.schema.map import TrackerLine

# Each position would else be another version of the row.
SEEN_EVERY: Final = timedelta(minutes=1)

_FIND: Final = "select person_id, secret_hash, seen_at from onsite_tracker($1, $2)"
_ADD: Final = """
insert into tracker (org_id, tracker_id, name, person_id, secret_hash, made_by, made_at)
select $1, $2, $3, p.id, $5, $6, $7 from person p where p.org_id = $1 and p.id = $4 and p.active returning tracker_id"""
_LIST: Final = """
select tracker_id, person_id, name, made_at, seen_at, revoked_at from tracker
where org_id = $1 and ($2::uuid is null or tracker_id > $2) order by tracker_id limit $3"""
_REVOKE: Final = """
update tracker set revoked_at = coalesce(revoked_at, $3) where org_id = $1 and tracker_id = $2 returning tracker_id"""
_SEEN: Final = "update tracker set seen_at = $3 where org_id = $1 and tracker_id = $2"


class StoredTracker(Struct, frozen=True):
    """A live tracker as stored, of somebody who works here."""

    person_id: UUID
    secret_hash: bytes
    seen_at: datetime | None


class NewTracker(Struct, frozen=True, kw_only=True):
    """A tracker to be stored."""

    tracker_id: UUID
    name: str
    person_id: UUID
    secret_hash: bytes
    made_by: UUID | None


async def find(pool: asyncpg.Pool, org_id: UUID, tracker_id: UUID) -> StoredTracker | None:
    """Find a tracker that is not revoked and whose person has not left."""
    row = await pool.fetchrow(_FIND, org_id, tracker_id)
    return msgspec.convert(dict(row), StoredTracker) if row else None


async def add(conn: asyncpg.Connection, org_id: UUID, new: NewTracker, *, now: datetime) -> bool:
    """Store a new tracker; False when its person is unknown or has left."""
    made = await conn.fetchval(_ADD, org_id, new.tracker_id, new.name, new.person_id, new.secret_hash, new.made_by, now)
    return made is not None


async def list_trackers(
    conn: asyncpg.Connection, org_id: UUID, *, after: UUID | None = None, limit: int = 200
) -> Sequence[TrackerLine]:
    """List trackers by id (oldest first) after the one named, at most `limit`."""
    return [msgspec.convert(dict(row), TrackerLine) for row in await conn.fetch(_LIST, org_id, after, limit)]


async def revoke(conn: asyncpg.Connection, org_id: UUID, tracker_id: UUID, *, now: datetime) -> bool:
    """Revoke a tracker; False when there is none. The first revocation stands."""
    return await conn.fetchval(_REVOKE, org_id, tracker_id, now) is not None


async def note_seen(conn: asyncpg.Connection, org_id: UUID, tracker_id: UUID, *, now: datetime) -> None:
    """Note when a tracker was heard of."""
    await conn.execute(_SEEN, org_id, tracker_id, now)
