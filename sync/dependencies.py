"""Decisions that wait for what they follow. A fact never waits; a held decision blocks nothing behind it in the queue."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from jobs.result import Refused
from sync.ask import Ask
from sync.outcomes import Answer

PATIENCE = timedelta(days=5)
CHAIN = 50

_HOLD = """
insert into sync_held (org_id, command_id, after, actor, envelope, occurrence, held_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (org_id, command_id) do nothing"""

# Only those whose every predecessor is resolved go on, in the order in which they were held.
_RELEASE = """
delete from sync_held h where org_id = $1 and after && $2::uuid[] and not exists (
  select from unnest(h.after) a(id) left join sync_outcome o on o.org_id = $1 and o.command_id = a.id
  where not a.id = any($2) and (o.command_id is null or (o.status in ('held', 'quarantined') and o.resolution is null)))
returning envelope, held_at"""


class Wait(Struct, frozen=True):
    """The decision is held."""

    code: str = "waiting"


def judge(ask: Ask, known: Mapping[UUID, Answer]) -> Wait | Refused | None:
    """Judge a decision by what it follows: rejected → refused, unresolved → wait, else None: go on."""
    if ask.id in ask.after:
        return Refused("dependency_invalid")
    answers = [known.get(id) for id in ask.after]
    if any(a is not None and a.resolved and not a.took_effect for a in answers):
        return Refused("dependency_rejected")
    if any(a is None or not a.resolved for a in answers):
        return Wait()
    return None


async def hold(conn: asyncpg.Connection, org_id: UUID, asks: Sequence[Ask], now: datetime) -> None:
    """Keep decisions until what they follow is resolved, five days at most."""
    for ask in asks:
        await conn.execute(
            _HOLD,
            org_id,
            ask.id,
            list(ask.after),
            ask.actor,
            msgspec.msgpack.encode(ask),
            ask.occurrence,
            now,
            now + PATIENCE,
        )


async def release(conn: asyncpg.Connection, org_id: UUID, resolved: Iterable[UUID]) -> list[Ask]:
    """Take out the held decisions that nothing keeps waiting any more, oldest first."""
    ids = sorted(set(resolved))
    if not ids:
        return []
    rows = sorted(await conn.fetch(_RELEASE, org_id, ids), key=lambda row: row["held_at"])
    asks = [msgspec.msgpack.decode(row["envelope"], type=Ask) for row in rows]
    return [msgspec.structs.replace(ask, released=True) for ask in asks]
