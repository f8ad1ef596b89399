"""The one door: every change of the trade's state goes through `execute`, whatever way the command came.

`execute` works inside the caller's transaction; `run` owns one. An answer leaves only after the commit. The order of things inside is
`sync.batch`.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import asyncpg
from msgspec import Struct

from jobs.loading import load_organisation
from mobile_contract.schema.outcome import Resolution
from sync.ask import Ask
from sync.batch import Batch, Beforehand, HandlerFault
from sync.outcomes import Answer
from sync.releasing import run_released
from sync.transaction import after_commit, org_transaction

__all__ = ["Executed", "HandlerFault", "Poke", "execute", "no_listeners", "retrying", "run"]

log = logging.getLogger("onsite.command")
T = TypeVar("T")
Poke = Callable[[UUID, Iterable[str]], None]
RETRIES = 3
_RETRYABLE = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
    asyncpg.LockNotAvailableError,
)


class Executed(Struct, frozen=True):
    """Answers in the order asked, and the buckets to poke once the transaction is committed."""

    answers: tuple[Answer, ...]
    touched: frozenset[str]


def no_listeners(org_id: UUID, touched: Iterable[str]) -> None:
    """Poke nobody."""


async def run(
    pool: asyncpg.Pool,
    org_id: UUID,
    asks: Sequence[Ask],
    *,
    now: datetime,
    poke: Poke = no_listeners,
) -> tuple[Answer, ...]:
    """Execute commands in one transaction of their own and answer after its commit.

    Retries 40P01, 40001 and lost races for a new row three times. Raises HandlerFault when a handler raises; then nothing is changed.
    """

    async def once() -> Executed:
        async with org_transaction(pool, org_id) as conn:
            return await execute(conn, org_id, asks, now=now)

    done = await retrying(once)
    poke(org_id, done.touched)
    return done.answers


async def retrying(once: Callable[[], Awaitable[T]]) -> T:
    """Run a whole transaction, anew when it lost against another one; the last failure is raised."""
    for _ in range(RETRIES):
        try:
            return await once()
        except _RETRYABLE as error:
            log.info("retry %s", type(error).__name__)
    return await once()


async def execute(
    conn: asyncpg.Connection,
    org_id: UUID,
    asks: Sequence[Ask],
    *,
    now: datetime,
    poison: frozenset[UUID] = frozenset(),
    endings: Mapping[UUID, Resolution] | None = None,
    beforehand: Beforehand | None = None,
) -> Executed:
    """Execute commands in order inside the caller's transaction; answers come in that order.

    A command whose id has an answer gets that answer again (other bytes: `id_reused`). Commands in `poison` are put aside unseen as
    `server_fault`. `endings` end quarantines by hand (outcome id → resolution). Held decisions that all this releases are executed too.
    `beforehand` is what the caller has looked up in the same transaction. Each command's line is logged after the commit.
    Raises HandlerFault, and asyncpg.UniqueViolationError when another transaction answered one of the commands first: run it anew.
    """
    known = beforehand or Beforehand(org=await load_organisation(conn, org_id))
    batch = Batch(conn, known, now, poison)
    if endings:
        await batch.end(endings)
    held = any(ask.released for ask in asks)
    answers = await (run_released(conn, batch, asks) if held else batch.round(asks))
    while released := await batch.unblocked():
        await run_released(conn, batch, released)
    touched = await batch.write()
    after_commit(batch.log)
    return Executed(tuple(batch.final(answer) for answer in answers), frozenset(touched))
