"""Counts the statements that a piece of work sends to the database, whichever connections of the pool it uses. Never changes them."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

T = TypeVar("T")


async def counted(pool: asyncpg.Pool, work: Callable[[], Awaitable[T]]) -> tuple[int, T]:
    """Do the work twice, the first time to prepare and connect, and give the statements of the second with its result."""
    await work()
    seen: list[str] = []

    def note(record: Any) -> None:
        seen.append(record.query)

    connections = [holder._con for holder in pool._holders if holder._con is not None]
    for connection in connections:
        connection.add_query_logger(note)
    try:
        result = await work()
    finally:
        for connection in connections:
            connection.remove_query_logger(note)
    return len(seen), result
