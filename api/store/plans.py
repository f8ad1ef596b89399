"""SQL of proposals: keep one, find one, say that it was committed. What is too old goes with `sync.retention`."""

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

_KEEP: Final = """
insert into plan_proposal (org_id, id, kind, made_at, made_by, expires_at, body, basis) values ($1, $2, $3, $4, $5, $6, $7, $8)"""

UNCOMMITTED_MAX: Final = 200
"""Proposals of an organisation that nobody has committed."""

# Whoever commits one of these meanwhile keeps it.
_CROWDED: Final = """
delete from plan_proposal where org_id = $1 and id in (
  select id from plan_proposal where org_id = $1 and committed_at is null and id = any(array(
    select id from plan_proposal where org_id = $1 and committed_at is null order by made_at desc, id desc limit 1000 offset $2))
  for update skip locked)"""

_COLUMNS: Final = "id, kind, made_at, expires_at, body, committed_at, commit_key, commit_digest, commit_answer"
_FIND: Final = f"select {_COLUMNS} from plan_proposal where org_id = $1 and id = $2"
_BASIS: Final = "select basis from plan_proposal where org_id = $1 and id = $2"
_BY_KEY: Final = f"select {_COLUMNS} from plan_proposal where org_id = $1 and commit_key = $2"
_COMMITTED: Final = """
update plan_proposal set committed_at = $3, commit_key = $4, commit_digest = $5, commit_answer = $6, basis = null where org_id = $1 and id = $2"""


class NewPlan(Struct, frozen=True, kw_only=True):
    """A proposal to keep; `basis` is left out where it is too large."""

    id: UUID
    kind: str
    made_at: datetime
    made_by: UUID | None
    expires_at: datetime
    body: bytes
    basis: bytes | None


class KeptPlan(Struct, frozen=True, kw_only=True):
    """A proposal as it is kept, with what became of it."""

    id: UUID
    kind: str
    made_at: datetime
    expires_at: datetime
    body: bytes
    committed_at: datetime | None
    commit_key: UUID | None
    commit_digest: bytes | None
    commit_answer: bytes | None


class Commit(Struct, frozen=True, kw_only=True):
    """That a proposal was committed: by which request, and what was answered."""

    at: datetime
    key: UUID
    digest: bytes
    answer: bytes


async def keep(conn: asyncpg.Connection, org_id: UUID, plan: NewPlan) -> None:
    """Keep a proposal, and let go of the oldest where too many wait."""
    await conn.execute(_CROWDED, org_id, UNCOMMITTED_MAX - 1)
    await conn.execute(
        _KEEP, org_id, plan.id, plan.kind, plan.made_at, plan.made_by, plan.expires_at, plan.body, plan.basis
    )


async def find(conn: asyncpg.Connection, org_id: UUID, id: UUID, *, lock: bool = False) -> KeptPlan | None:
    """Find a proposal. With `lock` nobody else commits it until the transaction ends."""
    row = await conn.fetchrow(f"{_FIND} for update" if lock else _FIND, org_id, id)
    return None if row is None else _plan(row)


async def find_basis(conn: asyncpg.Connection, org_id: UUID, id: UUID) -> bytes | None:
    """Read the problem and the plan of a proposal; None where they are not kept: too large, or committed."""
    basis: bytes | None = await conn.fetchval(_BASIS, org_id, id)
    return basis


async def find_by_key(conn: asyncpg.Connection, org_id: UUID, key: UUID) -> KeptPlan | None:
    """Find the proposal that a request committed."""
    row = await conn.fetchrow(_BY_KEY, org_id, key)
    return None if row is None else _plan(row)


async def mark_committed(conn: asyncpg.Connection, org_id: UUID, id: UUID, commit: Commit) -> None:
    """Say that a proposal was committed. What explains its visits goes: they stand in the plan now."""
    await conn.execute(_COMMITTED, org_id, id, commit.at, commit.key, commit.digest, commit.answer)


def _plan(row: asyncpg.Record) -> KeptPlan:
    return KeptPlan(**{field: row[field] for field in KeptPlan.__struct_fields__})
