"""Holds whose day has come: a job that is held until an instant goes on by itself then. For the timer.

Goes through `execute` like any other decision, so events, documents and scopes follow. Decides nothing about holds without an end.
"""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

import asyncpg
import msgspec

from jobs.context import Actor, Occurrence, Via
from mobile_contract.schema.decisions import ReleaseJob
from sync.ask import Ask, digest_of
from sync.execute import Poke, no_listeners, run
from sync.transaction import org_transaction

AT_ONCE: Final = 50
_NAME: Final = "release_job"

# The number of the last event makes the command's id: two timers that see the same hold send the same command, and the next hold is another.
_DUE = """
select j.id, (select max(e.seq) from event e where e.org_id = $1 and e.job_id = j.id) seq from job j
where j.org_id = $1 and j.state = 'on_hold' and j.held_until <= $2 order by j.id limit $3"""


async def release_due(pool: asyncpg.Pool, org_id: UUID, *, now: datetime, poke: Poke = no_listeners) -> int:
    """Release the jobs whose hold has ended, a few per transaction; give how many."""
    total = 0
    while True:
        async with org_transaction(pool, org_id) as conn:
            rows = await conn.fetch(_DUE, org_id, now, AT_ONCE)
        asks = [_ask(org_id, row["id"], row["seq"], now) for row in rows]
        answers = await run(pool, org_id, asks, now=now, poke=poke) if asks else ()
        fresh = sum(not answer.repeated for answer in answers)
        total += fresh
        if len(rows) < AT_ONCE or not fresh:
            return total


def _ask(org_id: UUID, job_id: UUID, seq: int | None, now: datetime) -> Ask:
    args = msgspec.json.encode(ReleaseJob(job_id=job_id))
    return Ask(
        id=uuid5(job_id, f"held until, after event {seq}"),
        name=_NAME,
        args=args,
        digest=digest_of(_NAME, args),
        raw=args,
        actor=Actor(org_id=org_id, via=Via.TIMER),
        occurrence=Occurrence(at=now),
        received_at=now,
    )
