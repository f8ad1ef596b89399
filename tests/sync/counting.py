"""Counts the statements that reach PostgreSQL, as the driver reports them."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg
from asyncpg.connection import LoggedQuery

from api.database import open_pool
from api.settings import Settings


@contextlib.asynccontextmanager
async def counted_pool(settings: Settings) -> AsyncIterator[tuple[asyncpg.Pool, list[str]]]:
    """Open a pool of one connection and the list of statements it runs, in order; clear the list to begin anew."""
    statements: list[str] = []
    pool = await open_pool(settings, size_max=1)
    try:
        async with pool.acquire() as conn:
            conn.add_query_logger(lambda logged: statements.extend(_told(logged)))
        yield pool, statements
    finally:
        await pool.close()


def _told(logged: LoggedQuery) -> list[str]:
    """Leave out what the driver asks about types, once per connection."""
    text = " ".join(logged.query.split())
    return [] if "typeinfo" in text or "jit" in text else [text]
