"""Time that passes for retention: marks of transaction ids at chosen instants, and what a run of it removed."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import asyncpg

from sync.retention import CHUNKS, Keep, retain
from sync.transaction import org_transaction

KEEP = Keep()
_MOVE_UP = """
update sync_mark set xid = greatest(xid, (
  select ((coalesce(max(m.xid::text::int8), 2) + 1)::text)::xid8 from sync_member m where m.org_id = $1))
where org_id = $1 and at = $2"""


async def removed(
    pool: asyncpg.Pool, org_id: UUID, now: datetime, *, keep: Keep = KEEP, chunks: int = CHUNKS
) -> Counter[str]:
    """Run retention once and count what it removed, by kind."""
    found: Counter[str] = Counter()
    async for swept in retain(pool, org_id, keep, now=now, chunks=chunks):
        found[swept.kind] += swept.rows
    return found


async def marked(pool: asyncpg.Pool, org_id: UUID, now: datetime) -> None:
    """Have retention write a mark that is above all that was written so far.

    Transactions that others have open on the same server hold it back. They are none of this organisation's, whose have all ended: so
    it is moved up by hand then.
    """
    await removed(pool, org_id, now)
    async with org_transaction(pool, org_id) as conn:
        await conn.execute(_MOVE_UP, org_id, now)


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
