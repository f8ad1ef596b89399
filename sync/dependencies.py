"""Decisions that wait for what they follow. A fact never waits; a held decision blocks nothing behind it in the queue.

Owns the SQL of `sync_held`. A decision that one transaction holds while another resolves what it follows is seen by neither: the sweep
in `sync.patience` finds it, as a poll finds a lost notification.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from jobs.context import Via
from jobs.result import Refused
from mobile_contract.limits import AFTER_CHAIN, HELD_DAYS
from mobile_contract.schema.people import Role
from sync.ask import Ask
from sync.devices import roles_on
from sync.outcomes import Answer

PATIENCE = timedelta(days=HELD_DAYS)

_HOLD = """
insert into sync_held (org_id, command_id, after, actor, envelope, occurrence, held_at, expires_at)
select $1, r.command_id, r.after, r.actor, e.envelope, r.occurrence, $5, $6
from jsonb_populate_recordset(null::sync_held, $2::jsonb) r join unnest($3::uuid[], $4::bytea[]) e(command_id, envelope) using (command_id)"""

# Only those whose every predecessor is resolved go on.
_RELEASE = """
delete from sync_held h where org_id = $1 and after && $2::uuid[] and not exists (
  select from unnest(h.after) a(id) left join sync_outcome o on o.org_id = $1 and o.command_id = a.id
  where not a.id = any($3) and (o.command_id is null or (o.status in ('held', 'quarantined') and o.resolution is null)))
returning envelope, held_at"""

_OVERDUE = """
delete from sync_held where org_id = $1 and command_id in (
  select command_id from sync_held where org_id = $1 and expires_at <= $2 order by expires_at, command_id limit $3 for update skip locked)
returning envelope, held_at"""

_FORGOTTEN = """
delete from sync_held where org_id = $1 and command_id in (
  select h.command_id from sync_held h where h.org_id = $1 and not exists (
    select from unnest(h.after) a(id) left join sync_outcome o on o.org_id = $1 and o.command_id = a.id
    where o.command_id is null or (o.status in ('held', 'quarantined') and o.resolution is null))
  order by h.held_at, h.command_id limit $2 for update of h skip locked)
returning envelope, held_at"""

_CHAINS = """
with recursive chain(id, after, depth) as (
  select command_id, after, 1 from sync_held where org_id = $1 and command_id = any($2)
  union select h.command_id, h.after, c.depth + 1 from chain c join sync_held h on h.org_id = $1 and h.command_id = any(c.after)
  where c.depth <= $3)
select distinct id, after from chain order by id limit 5000"""

# A command that came again under another device (a phone that enrolled anew) is that device's.
_STANDING = """
select k.command_id, p.roles, p.active, d.revoked_at is not null revoked, d.device_id is not null and d.person_id is null shared
from unnest($2::uuid[], $3::uuid[], $4::uuid[]) k(command_id, person_id, device_id)
join person p on p.org_id = $1 and p.id = k.person_id
left join sync_outcome o on o.org_id = $1 and o.command_id = k.command_id
left join sync_device d on d.org_id = $1 and d.device_id = coalesce(o.device_id, k.device_id)"""


class Wait(Struct, frozen=True):
    """The decision is held."""

    code: str = "waiting"


def judge(ask: Ask, known: Mapping[UUID, Answer], chains: Mapping[UUID, Sequence[UUID]]) -> Wait | Refused | None:
    """Judge a decision by what it follows: rejected → refused, unresolved → wait, else None: go on.

    `chains` are the held decisions (id → what each follows); a chain longer than 50, or one that comes back to itself, is refused.
    """
    if ask.id in ask.after:
        return Refused("dependency_invalid")
    answers = [known.get(id) for id in ask.after]
    if any(a is not None and a.resolved and not a.took_effect for a in answers):
        return Refused("dependency_rejected")
    if all(a is not None and a.resolved for a in answers):
        return None
    return Wait() if _length(ask, chains) <= AFTER_CHAIN else Refused("dependency_invalid")


def _length(ask: Ask, chains: Mapping[UUID, Sequence[UUID]]) -> int:
    """Count the held decisions of the longest chain that ends in `ask`; beyond the limit when it runs in a circle."""
    level, seen = set(ask.after), 1
    while held := {id for id in level if id in chains}:
        seen += 1
        level = {before for id in held for before in chains[id]}
        if seen > AFTER_CHAIN or ask.id in level:
            return AFTER_CHAIN + 1
    return seen


async def chains_of(conn: asyncpg.Connection, org_id: UUID, ids: Iterable[UUID]) -> dict[UUID, Sequence[UUID]]:
    """List the held decisions among `ids` and those they follow in turn, with what each follows."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    return {row["id"]: row["after"] for row in await conn.fetch(_CHAINS, org_id, wanted, AFTER_CHAIN)}


async def hold(conn: asyncpg.Connection, org_id: UUID, asks: Sequence[Ask], now: datetime) -> None:
    """Keep decisions until what they follow is resolved, five days at most."""
    if not asks:
        return
    rows: list[dict[str, Any]] = [
        {"command_id": a.id, "after": a.after, "actor": a.actor, "occurrence": a.occurrence} for a in asks
    ]
    envelopes = [msgspec.msgpack.encode(ask) for ask in asks]
    await conn.execute(_HOLD, org_id, rows, [a.id for a in asks], envelopes, now, now + PATIENCE)


async def release(conn: asyncpg.Connection, org_id: UUID, newly: Iterable[UUID], resolved: Iterable[UUID]) -> list[Ask]:
    """Take out the held decisions that follow one of `newly` and that nothing keeps waiting any more, oldest first.

    `resolved` are all commands that count as resolved though their answers may not be stored yet.
    """
    rows = await conn.fetch(_RELEASE, org_id, sorted(newly), sorted(resolved))
    return await _taken(conn, org_id, rows)


async def take_forgotten(conn: asyncpg.Connection, org_id: UUID, limit: int) -> list[Ask]:
    """Take out held decisions whose predecessors are all resolved: those that no release saw."""
    return await _taken(conn, org_id, await conn.fetch(_FORGOTTEN, org_id, limit))


async def take_overdue(conn: asyncpg.Connection, org_id: UUID, now: datetime, limit: int) -> list[Ask]:
    """Take out the decisions whose patience has ended, to be refused."""
    asks = await _taken(conn, org_id, await conn.fetch(_OVERDUE, org_id, now, limit))
    return [msgspec.structs.replace(ask, barred=ask.barred or "dependency_expired") for ask in asks]


async def _taken(conn: asyncpg.Connection, org_id: UUID, rows: Sequence[asyncpg.Record]) -> list[Ask]:
    """Read the asks, each with its person as that person stands now: a decision needs its person active when it is taken."""
    if not rows:
        return []
    held = [(row["held_at"], msgspec.msgpack.decode(row["envelope"], type=Ask)) for row in rows]
    asks = [ask for _, ask in sorted(held, key=lambda pair: (pair[0], pair[1].n or 0, pair[1].id))]
    keys = [a.id for a in asks], [a.actor.person_id for a in asks], [a.actor.device_id for a in asks]
    standing = {row["command_id"]: row for row in await conn.fetch(_STANDING, org_id, *keys)}
    return [_as_it_stands(ask, standing.get(ask.id)) for ask in asks]


def _as_it_stands(ask: Ask, row: asyncpg.Record | None) -> Ask:
    if row is None:
        return msgspec.structs.replace(ask, released=True)
    roles = roles_on(frozenset(Role(role) for role in row["roles"]), shared=row["shared"])
    actor = msgspec.structs.replace(ask.actor, roles=roles, active=row["active"])
    barred = "device_revoked" if row["revoked"] and ask.actor.via is Via.DEVICE else ask.barred
    return msgspec.structs.replace(ask, actor=actor, released=True, barred=barred)
