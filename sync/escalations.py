"""Approvals by the clock: a step that waited too long goes to the policy's stand-in, a delegation that begins or ends is followed. For the timer.

Goes through `execute` like any other decision, so events, documents and inboxes follow. Decides nothing about who approves.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

import asyncpg
import msgspec
from msgspec import Struct

from jobs.context import Actor, Occurrence, Via
from mobile_contract.schema.approval_commands import EscalateApproval, FollowDelegation
from mobile_contract.schema.base import Command
from sync.ask import Ask, digest_of
from sync.execute import Poke, no_listeners, run
from sync.transaction import org_transaction

AT_ONCE: Final = 50

_DUE: Final = """
select id, job_id, step, escalate_at from approval
where org_id = $1 and state = 'waiting' and escalate_at <= $2 order by escalate_at, id limit $3"""
# Begun and not shown yet, or over and still shown.
_TURNED: Final = """
select id, xmin::text revision from delegation
where org_id = $1 and to_at > $2::timestamptz - interval '400 days' and in_force <> (from_at <= $2 and to_at > $2) order by id limit $3"""


async def escalate_due(pool: asyncpg.Pool, org_id: UUID, *, now: datetime, poke: Poke = no_listeners) -> int:
    """Escalate the approvals whose step has waited too long, a few per transaction; give how many."""

    def ask(row: asyncpg.Record) -> Ask:
        command = EscalateApproval(job_id=row["job_id"], approval_id=row["id"], step=row["step"])
        # One escalation of a step is one command, however many timers see it.
        return _ask(org_id, command, uuid5(row["id"], f"escalate/{row['step']}/{row['escalate_at']}"), now)

    return await _sweep(pool, org_id, Due(_DUE, ask), now=now, poke=poke)


async def follow_delegations(pool: asyncpg.Pool, org_id: UUID, *, now: datetime, poke: Poke = no_listeners) -> int:
    """Show what waits to whoever may decide it by a delegation that has begun, changed or ended; give how many were followed."""

    def ask(row: asyncpg.Record) -> Ask:
        # Two timers that see the same row send the same command; a row that was written since is followed anew.
        turn = f"follow/{now}/{row['revision']}"
        return _ask(org_id, FollowDelegation(delegation_id=row["id"]), uuid5(row["id"], turn), now)

    return await _sweep(pool, org_id, Due(_TURNED, ask), now=now, poke=poke)


class Due(Struct, frozen=True):
    """A query for what is due (organisation, now, limit) and the command for each of its rows."""

    statement: str
    ask: Callable[[asyncpg.Record], Ask]


async def _sweep(pool: asyncpg.Pool, org_id: UUID, due: Due, *, now: datetime, poke: Poke) -> int:
    total = 0
    while True:
        async with org_transaction(pool, org_id) as conn:
            rows = await conn.fetch(due.statement, org_id, now, AT_ONCE)
        answers = await run(pool, org_id, [due.ask(row) for row in rows], now=now, poke=poke) if rows else ()
        fresh = sum(answer.took_effect and not answer.repeated for answer in answers)
        total += fresh
        if len(rows) < AT_ONCE or not fresh:
            return total


def _ask(org_id: UUID, command: Command, id: UUID, now: datetime) -> Ask:
    name, args = str(command.__struct_config__.tag), msgspec.json.encode(command)
    return Ask(
        id=id,
        name=name,
        args=args,
        digest=digest_of(name, args),
        raw=args,
        actor=Actor(org_id=org_id, via=Via.TIMER),
        occurrence=Occurrence(at=now),
        received_at=now,
    )
