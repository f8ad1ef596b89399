"""Time that passes for retention: marks of transaction ids at chosen instants, and what a run of it removed."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import asyncpg

from sync.retention import CHUNKS, Keep, retain
from sync.transaction import org_transaction
from tests.waiting import until

KEEP = Keep()
_NEWEST = "select coalesce(max(xid::text::int8), 0) from sync_member where org_id = $1"
_MARKED = "select coalesce(max(xid::text::int8), 0) from sync_mark where org_id = $1 and at = $2"


async def removed(
    pool: asyncpg.Pool, org_id: UUID, now: datetime, *, keep: Keep = KEEP, chunks: int = CHUNKS
) -> Counter[str]:
    """Run retention once and count what it removed, by kind."""
    found: Counter[str] = Counter()
    async for swept in retain(pool, org_id, keep, now=now, chunks=chunks):
        found[swept.kind] += swept.rows
    return found


async def marked(pool: asyncpg.Pool, org_id: UUID, now: datetime) -> int:
    """Have retention write a mark that is above all that was written so far, and give it.

    Transactions that others have open on the same server hold it back: then it is written again.
    """

    async def written() -> int:
        async with org_transaction(pool, org_id) as conn:
            await conn.execute("delete from sync_mark where org_id = $1 and at = $2", org_id, now)
        await removed(pool, org_id, now)
        async with org_transaction(pool, org_id) as conn:
            mark: int = await conn.fetchval(_MARKED, org_id, now)
            newest: int = await conn.fetchval(_NEWEST, org_id)
        return mark if mark > newest else 0

    mark: int = await until(written)
    return mark


async def gone_rows(pool: asyncpg.Pool, org_id: UUID) -> int:
    """Count the memberships that ended and are still known."""
    async with org_transaction(pool, org_id) as conn:
        count: int = await conn.fetchval("select count(*) from sync_member where org_id = $1 and gone", org_id)
        return count


async def floors(pool: asyncpg.Pool, org_id: UUID) -> dict[str, int]:
    """Read the floor of each bucket that has one."""
    async with org_transaction(pool, org_id) as conn:
        rows: Iterable[asyncpg.Record] = await conn.fetch(
            "select bucket, floor::text::int8 floor from sync_floor where org_id = $1", org_id
        )
        return {row["bucket"]: row["floor"] for row in rows}
