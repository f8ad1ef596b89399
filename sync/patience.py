"""Held decisions whose time has come: those that waited too long, and those that nothing keeps waiting though no release saw them.

For the timer. Everything goes through `execute`, so outcome, notice and documents follow.
"""

from datetime import datetime
from uuid import UUID

import asyncpg

from sync import dependencies
from sync.execute import Executed, Poke, execute, no_listeners, retrying
from sync.transaction import org_transaction

AT_ONCE = 50


async def expire_held(conn: asyncpg.Connection, org_id: UUID, *, now: datetime) -> Executed:
    """Refuse up to 50 decisions that were held for five days, and execute up to 50 that could have gone on before.

    In the caller's transaction. No answers: nothing was due.
    """
    overdue = await dependencies.take_overdue(conn, org_id, now, AT_ONCE)
    forgotten = await dependencies.take_forgotten(conn, org_id, AT_ONCE)
    if not overdue and not forgotten:
        return Executed((), frozenset())
    return await execute(conn, org_id, [*forgotten, *overdue], now=now)


async def sweep_held(pool: asyncpg.Pool, org_id: UUID, *, now: datetime, poke: Poke = no_listeners) -> int:
    """Do `expire_held` in transactions of its own until nothing is due; give how many decisions were answered."""

    async def once() -> Executed:
        async with org_transaction(pool, org_id) as conn:
            return await expire_held(conn, org_id, now=now)

    total = 0
    while answers := (done := await retrying(once)).answers:
        poke(org_id, done.touched)
        total += len(answers)
    return total
