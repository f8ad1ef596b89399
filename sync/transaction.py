"""Transactions of one organisation. Owns BEGIN, the row-level security setting, COMMIT and what is to happen after it; never decides what is written."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from uuid import UUID

import asyncpg

_after: ContextVar[list[Callable[[], None]] | None] = ContextVar("after_commit", default=None)


@asynccontextmanager
async def org_transaction(
    pool: asyncpg.Pool, org_id: UUID, *, plan_once: bool = False
) -> AsyncIterator[asyncpg.Connection]:
    """Open a READ COMMITTED transaction in which only `org_id`'s rows are visible; commit at the end, roll back on any exception.

    BEGIN and the settings travel in one round trip; `org_id` is a UUID, so its text cannot carry SQL. `plan_once`: for statements that
    look rows up by their keys, so that a plan made for any values is as good as one made for these, which is else made five times over.
    """
    planning = "set local plan_cache_mode = force_generic_plan; " if plan_once else ""
    waiting: list[Callable[[], None]] = []
    async with pool.acquire() as conn:
        await conn.execute(f"begin; {planning}select set_config('onsite.org', '{UUID(bytes=org_id.bytes)}', true)")
        before = _after.set(waiting)
        try:
            yield conn
        except BaseException:
            if not conn.is_closed():
                await conn.execute("rollback")
            raise
        finally:
            _after.reset(before)
        await conn.execute("commit")
    for do in waiting:
        do()


def after_commit(do: Callable[[], None]) -> None:
    """Do something once the open transaction of this task is committed, and never if it is not; at once where none is open."""
    waiting = _after.get()
    if waiting is None:
        do()
    else:
        waiting.append(do)
