"""Rounds of decisions that were held: each stands behind a savepoint, since what released them is innocent of what they do.

A fault while such a decision is written would else undo the command that released it, be it one behind which a queue waits, or a sweep.
"""

import logging
from collections.abc import Sequence
from typing import Final

import asyncpg

from sync.ask import Ask
from sync.batch import Batch
from sync.faults import may_pass
from sync.outcomes import Answer

log = logging.getLogger("onsite.command")
# Lost races for a new row are run anew by the owner of the transaction.
_RACES: Final = (asyncpg.UniqueViolationError,)


async def run_released(conn: asyncpg.Connection, batch: Batch, asks: Sequence[Ask]) -> list[Answer]:
    """Answer decisions that go on now. One that cannot be written is put aside as `server_fault`; the others take effect.

    Raises what may pass by itself, and asyncpg.UniqueViolationError: the transaction is then run anew.
    """
    try:
        return await _guarded(conn, batch, asks)
    except Exception as error:
        if may_pass(error) or isinstance(error, _RACES):
            raise
        log.warning("decisions that were held are redone one by one", exc_info=error)
    answers = []
    for ask in asks:
        try:
            answers += await _guarded(conn, batch, [ask])
        except Exception as error:
            if may_pass(error) or isinstance(error, _RACES):
                raise
            log.error(
                "poison: a decision that was held is put aside because it cannot be written",
                exc_info=error,
                extra={"command": str(ask.id), "command_name": ask.name, "code": "server_fault"},
            )
            batch.condemn(ask)
            answers += await batch.round([ask])
    return answers


async def _guarded(conn: asyncpg.Connection, batch: Batch, asks: Sequence[Ask]) -> list[Answer]:
    before = batch.state()
    await conn.execute("savepoint released")
    try:
        answers = await batch.round(asks)
    except Exception:
        await conn.execute("rollback to savepoint released")
        batch.restore(before)
        raise
    await conn.execute("release savepoint released")
    return answers
