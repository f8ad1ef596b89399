"""The organisation's key that signs allowances: Ed25519, made with the first one. Its private half never leaves the database but into a Work.

Whoever could read it could make an allowance that a phone without a network believes; the server counts only those that it granted itself.
"""

import secrets
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct
from uuid_utils.compat import uuid7

_FIND = "select key_id, seed, made_at from signing_secret where org_id = $1 order by made_at desc, key_id limit 1"
_ADD = "insert into signing_secret (org_id, key_id, seed, made_at) values ($1, $2, $3, $4)"
# Two first allowances at once must not make two keys.
_LOCK = "select pg_advisory_xact_lock(hashtextextended('signing/' || $1::uuid, 0))"
_SEED_BYTES = 32


class OrganisationKey(Struct, frozen=True, kw_only=True):
    """A signing key of an organisation. The seed never shows in a representation."""

    id: UUID
    seed: bytes
    made_at: datetime
    stored: bool = True

    def __repr__(self) -> str:
        return f"OrganisationKey({self.id})"


async def load_key(conn: asyncpg.Connection, org_id: UUID, *, now: datetime) -> OrganisationKey:
    """Load the key that signs, the newest; where there is none yet make one, which is `store_key`'s to keep once it has signed something.

    Whoever makes the first one keeps others from it until the caller's transaction ends.
    """
    row = await conn.fetchrow(_FIND, org_id)
    if row is None:
        await conn.execute(_LOCK, org_id)
        row = await conn.fetchrow(_FIND, org_id)
    if row is not None:
        return OrganisationKey(id=row["key_id"], seed=row["seed"], made_at=row["made_at"])
    return OrganisationKey(id=uuid7(), seed=secrets.token_bytes(_SEED_BYTES), made_at=now, stored=False)


async def store_key(conn: asyncpg.Connection, org_id: UUID, key: OrganisationKey) -> None:
    """Keep a key that has signed its first allowance."""
    await conn.execute(_ADD, org_id, key.id, key.seed, key.made_at)
