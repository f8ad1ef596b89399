"""SQL of API keys. Stores hashes only."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from mobile_contract.schema.access import ApiKeyLine

_FIND = "select secret_hash, scopes from onsite_api_key($1, $2, $3)"
_ADD = """
insert into api_key (org_id, key_id, name, secret_hash, scopes, made_by, made_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)"""
_LIST = """
select key_id, name, scopes, made_at, expires_at, revoked_at from api_key
where org_id = $1 and ($2::uuid is null or key_id > $2) order by key_id limit $3"""
_REVOKE = "update api_key set revoked_at = coalesce(revoked_at, $3) where org_id = $1 and key_id = $2 returning key_id"


class StoredKey(Struct, frozen=True):
    """A live key as stored."""

    secret_hash: bytes
    scopes: frozenset[str]


class NewKey(Struct, frozen=True, kw_only=True):
    """A key to be stored."""

    key_id: UUID
    name: str
    secret_hash: bytes
    scopes: tuple[str, ...]
    made_by: UUID | None
    expires_at: datetime | None


async def find(pool: asyncpg.Pool, org_id: UUID, key_id: UUID, *, now: datetime) -> StoredKey | None:
    """Find a key that is neither revoked nor expired."""
    row = await pool.fetchrow(_FIND, org_id, key_id, now)
    return StoredKey(row["secret_hash"], frozenset(row["scopes"])) if row else None


async def add(conn: asyncpg.Connection, org_id: UUID, new: NewKey, *, now: datetime) -> None:
    """Store a new key."""
    await conn.execute(
        _ADD, org_id, new.key_id, new.name, new.secret_hash, list(new.scopes), new.made_by, now, new.expires_at
    )


async def list_keys(
    conn: asyncpg.Connection, org_id: UUID, *, after: UUID | None = None, limit: int = 200
) -> Sequence[ApiKeyLine]:
    """List keys by id (oldest first) after the one named, at most `limit`."""
    rows = await conn.fetch(_LIST, org_id, after, limit)
    return [ApiKeyLine(**{**dict(row), "scopes": tuple(row["scopes"])}) for row in rows]


async def revoke(conn: asyncpg.Connection, org_id: UUID, key_id: UUID, *, now: datetime) -> bool:
    """Revoke a key; False when there is none. The first revocation stands."""
    return await conn.fetchval(_REVOKE, org_id, key_id, now) is not None
