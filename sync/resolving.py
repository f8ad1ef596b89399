"""Ending a quarantine by hand: apply, correct or discard. A new command with its own id in place of the one put aside.

The new command keeps the author, the original time and its cause; the original outcome gains the resolution, and what waited for it goes
on. Never changes what was put aside.
"""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from jobs.context import Actor, Occurrence
from jobs.result import Refused
from jobs.rules.may import may_by_hand
from mobile_contract.schema.messages import CommandEnvelope
from mobile_contract.schema.outcome import Resolution, ResolutionKind
from sync import outcomes, quarantine
from sync.ask import Ask, digest_of
from sync.execute import Executed, Poke, execute, no_listeners, retrying
from sync.outcomes import Answer
from sync.quarantine import Entry
from sync.transaction import org_transaction


class Decision(Struct, frozen=True, kw_only=True):
    """What is decided: the id of the new command, how the entry ends, and for a correction the new arguments as JSON.

    `name` corrects the command's name too.
    """

    command_id: UUID
    kind: ResolutionKind
    name: str = ""
    args: bytes = b""


class Resolved(Struct, frozen=True):
    """The entry as it is now, and the answer to the command in its place (None: discarded)."""

    entry: Entry
    answer: Answer | None


async def resolve(
    pool: asyncpg.Pool,
    actor: Actor,
    entry_id: UUID,
    decision: Decision,
    *,
    now: datetime,
    poke: Poke = no_listeners,
) -> Resolved | Refused:
    """End a quarantine. The same decision twice gives the same answer.

    Refused `forbidden`, `not_found`, `quarantine_resolved`, `nothing_to_apply`, or the code for which the new command was refused:
    then the entry still waits. Raises HandlerFault when the handler raises (again).
    """
    if not may_by_hand(actor):
        return Refused("forbidden")
    touched: set[str] = set()

    async def once() -> Resolved | Refused:
        touched.clear()
        async with org_transaction(pool, actor.org_id) as conn:
            entry = await quarantine.lock(conn, actor.org_id, entry_id)
            if entry is None:
                return Refused("not_found")
            if entry.resolution is not None:
                return await _again(conn, actor, entry, decision)
            done = await _decide(conn, actor, entry, decision, now=now)
            if isinstance(done, Refused):
                return done
            touched.update(done.touched)
            answer = done.answers[0] if done.answers else None
            if answer is not None and not answer.took_effect:
                return Refused(answer.code, answer.detail)
            await quarantine.close(conn, actor.org_id, entry_id, decision.kind, by=actor.person_id, now=now)
            ended = await quarantine.lock(conn, actor.org_id, entry_id)
            return Resolved(ended or entry, answer)

    result = await retrying(once)
    poke(actor.org_id, touched)
    return result


async def _decide(
    conn: asyncpg.Connection, actor: Actor, entry: Entry, decision: Decision, *, now: datetime
) -> Executed | Refused:
    if decision.kind is ResolutionKind.DISCARDED:
        ended = Resolution(kind=decision.kind, by=actor.person_id, at=now)
        endings = {} if entry.command_id is None else {entry.command_id: ended}
        return await execute(conn, actor.org_id, [], now=now, endings=endings)
    ask = _ask(actor, entry, decision, now=now)
    return ask if isinstance(ask, Refused) else await execute(conn, actor.org_id, [ask], now=now)


def _ask(actor: Actor, entry: Entry, decision: Decision, *, now: datetime) -> Ask | Refused:
    name, args = decision.name or entry.name, decision.args
    if decision.kind is ResolutionKind.APPLIED:
        try:
            envelope = msgspec.json.decode(entry.raw, type=CommandEnvelope)
        except msgspec.MsgspecError:
            return Refused("nothing_to_apply")
        name, args = envelope.name, bytes(envelope.args)
    if not args:
        return Refused("nothing_to_apply")
    return Ask(
        id=decision.command_id,
        name=name,
        args=args,
        digest=digest_of(name, args),
        raw=args,
        actor=actor,
        occurrence=entry.occurrence or Occurrence(at=entry.received_at, not_after=entry.received_at, clock="receipt"),
        received_at=now,
        cause=entry.command_id,
        on_behalf_of=entry.person_id,
        ends=decision.kind,
    )


async def _again(conn: asyncpg.Connection, actor: Actor, entry: Entry, decision: Decision) -> Resolved | Refused:
    """Answer a decision that was taken before: the same one again, or another one that comes too late."""
    known = (await outcomes.find(conn, actor.org_id, [decision.command_id])).get(decision.command_id)
    discarded = decision.kind is entry.resolution is ResolutionKind.DISCARDED
    if (known is not None and known.cause == entry.command_id) or discarded:
        return Resolved(entry, known)
    return Refused("quarantine_resolved", {"resolution": str(entry.resolution or "")})
