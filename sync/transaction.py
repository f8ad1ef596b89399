"""Transactions of one organisation. Owns BEGIN, the row-level security setting, COMMIT and what is to happen after it; never decides what is written."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

T = TypeVar("T")
_after: ContextVar[list[Callable[[], None]] | None] = ContextVar("after_commit", default=None)


@asynccontextmanager
async def org_transaction(
    pool: asyncpg.Pool,
    org_id: UUID,
    *,
    plan_once: bool = False,
    meanwhile: Callable[[], None] | None = None,
) -> AsyncIterator[asyncpg.Connection]:
    """Open a READ COMMITTED transaction in which only `org_id`'s rows are visible; commit at the end, roll back on any exception.

    BEGIN and the settings travel in one round trip; `org_id` is a UUID, so its text cannot carry SQL. `plan_once`: for statements that
    look rows up by their keys, so that a plan made for any values is as good as one made for these, which is else made five times over.
    `meanwhile` is done while the commit waits for the disk; it must not raise.
    """
    planning = "set local plan_cache_mode = force_generic_plan; " if plan_once else ""
    waiting: list[Callable[[], None]] = []
    async with pool.acquire() as conn:
        await conn.execute(f"begin; {planning}select set_config('onsite.org', '{UUID(bytes=org_id.bytes)}', true)")
        before = _after.set(waiting)
        try:
            yield conn
        except BaseException:
            if not _lost(conn):
                await conn.execute("rollback")
            raise
        finally:
            _after.reset(before)
        if meanwhile is None:
            await conn.execute("commit")
        else:
            async with on_its_way(conn.execute("commit")):
                meanwhile()
    for do in waiting:
        do()


def _lost(conn: asyncpg.Connection) -> bool:
    """Tell whether a connection has ended; the pool may have taken it back already, and then it answers nothing more."""
    try:
        return bool(conn.is_closed())
    except asyncpg.InterfaceError:
        return True


@asynccontextmanager
async def on_its_way(statement: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Send a statement, and do the body while the database works on it; at the end the statement is awaited, and its task has the result.

    The body must not use the connection. When the body raises, the statement is let come to its end first.
    """
    sent = asyncio.create_task(statement)
    try:
        # The task runs until it has sent.
        await asyncio.sleep(0)
        yield sent
    except BaseException:
        with suppress(Exception):
            await sent
        raise
    await sent


def after_commit(do: Callable[[], None]) -> None:
    """Do something once the open transaction of this task is committed, and never if it is not; at once where none is open."""
    waiting = _after.get()
    if waiting is None:
        do()
    else:
        waiting.append(do)
