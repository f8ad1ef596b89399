"""Transactions of one organisation. Owns BEGIN, the row-level security setting and COMMIT; never decides what is written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg


@asynccontextmanager
async def org_transaction(pool: asyncpg.Pool, org_id: UUID) -> AsyncIterator[asyncpg.Connection]:
    """Open a READ COMMITTED transaction in which only `org_id`'s rows are visible; commit at the end, roll back on any exception.

    BEGIN and the setting travel in one round trip; `org_id` is a UUID, so its text cannot carry SQL.
    """
    async with pool.acquire() as conn:
        await conn.execute(f"begin; select set_config('onsite.org', '{UUID(bytes=org_id.bytes)}', true)")
        try:
            yield conn
        except BaseException:
            if not conn.is_closed():
                await conn.execute("rollback")
            raise
        await conn.execute("commit")
