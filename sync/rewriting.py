"""Writes documents anew whose shape has changed: after an upgrade the stored bodies are those of the version before.

Each body is computed under its lock and stored only where it differs, a few hundred per transaction, while people work. Whoever is
interrupted goes on after the last id, or begins again: what is as it should be is not written.
"""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from jobs.projection import JOB_DOCUMENTS, MASTER_DOCUMENTS, Projected
from sync import documents, outcomes
from sync.devices import state_documents
from sync.execute import Poke, no_listeners, retrying
from sync.transaction import org_transaction

AT_ONCE: Final = 300
KINDS: Final = (*MASTER_DOCUMENTS, *JOB_DOCUMENTS, "job", "open_job", "outcome", "device")

_NEXT = """
select id, ver from sync_doc where org_id = $1 and kind = $2 and id > $3 and body is not null order by id limit $4"""
_NOW = "select id, ver from sync_doc where org_id = $1 and kind = $2 and id = any($3)"


class Rewritten(Struct, frozen=True):
    """Documents of a kind that one transaction looked at, how many of them it wrote, and the last id."""

    kind: str
    looked_at: int
    written: int
    last: UUID


async def rewrite(
    pool: asyncpg.Pool, org_id: UUID, kind: str, *, after: UUID | None = None, poke: Poke = no_listeners
) -> AsyncIterator[Rewritten]:
    """Write the documents of a kind anew where they differ, by id, each few in a transaction of its own."""
    last = after or UUID(int=0)
    while (done := await retrying(partial(_some, pool, org_id, kind, last))) is not None:
        step, touched = done
        poke(org_id, touched)
        last = step.last
        yield step


async def _some(pool: asyncpg.Pool, org_id: UUID, kind: str, after: UUID) -> tuple[Rewritten, set[str]] | None:
    async with org_transaction(pool, org_id) as conn:
        before = {row["id"]: row["ver"] for row in await conn.fetch(_NEXT, org_id, kind, after, AT_ONCE)}
        if not before:
            return None
        ids = list(before)
        if kind in ("outcome", "device"):
            touched = await documents.write(conn, org_id, [], await _given(conn, org_id, kind, ids))
        else:
            touched = await documents.write(conn, org_id, [(kind, id) for id in ids])
        rows = await conn.fetch(_NOW, org_id, kind, ids)
        written = sum(row["ver"] != before[row["id"]] for row in rows)
        return Rewritten(kind, len(ids), written, ids[-1]), touched


async def _given(conn: asyncpg.Connection, org_id: UUID, kind: str, ids: Sequence[UUID]) -> list[Projected]:
    """Make the documents that no projection computes."""
    if kind == "outcome":
        answers = (await outcomes.find(conn, org_id, ids)).values()
        return [document for answer in answers if (document := outcomes.document_of(answer)) is not None]
    return await state_documents(conn, org_id, ids)
