"""How things stand in the real database, read by statements of its own past row-level security. Uses nothing of `sync`.

What a document must say is taken from the tables of what devices hold (`sync_doc`, `sync_member`); that these are what the trade's tables
make them is checked apart, against `jobs.projection` (`false_documents`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from jobs import projection
from tests.simulation.backend import Content, Effect, Key, Stored, Truth

_HELD: Final = """
select m.bucket, d.kind, d.id, d.ver, d.body from sync_member m join sync_doc d using (org_id, kind, id)
where m.org_id = $1 and not m.gone"""
_DOCUMENTS: Final = "select kind, id, ver, body from sync_doc where org_id = $1"
_OUTCOMES: Final = """
select o.command_id, o.status, o.code, o.device_id, o.n, o.digest, o.actor_id, q.occurrence from sync_outcome o
left join sync_quarantine q on q.org_id = $1 and q.command_id = o.command_id where o.org_id = $1"""
_EVENTS: Final = """
select command_id, max(count)::int times, min(not_before) not_before, max(not_after) not_after, min(actor_id::text)::uuid actor_id from (
  select command_id, name, visit_id, job_id, count(*) count, min(not_before) not_before, max(not_after) not_after, min(actor_id::text) actor_id
  from event where org_id = $1 group by 1, 2, 3, 4) e group by 1"""
_QUARANTINE: Final = (
    "select command_id, digest, bytes from sync_quarantine where org_id = $1 and command_id is not null"
)
_LAST_N: Final = "select device_id, last_n from sync_device where org_id = $1"

# Whoever works on a device that is not revoked: themselves, the crews they are in with these crews' districts, and what everybody has.
_WANTS: Final = """
with working as (
  select p.id, p.roles from sync_session s join person p on p.org_id = $1 and p.id = s.person_id and p.active
  join sync_device d on d.org_id = $1 and d.device_id = $2 and d.revoked_at is null
  where s.org_id = $1 and s.session_id = $3 and s.device_id = $2
    and (d.crew_id is null or (s.to_at + $5::interval >= $4 and exists (
      select from crew_member c where c.org_id = $1 and c.person_id = p.id and c.crew_id = d.crew_id and c.from_at <= $4
        and (c.to_at is null or c.to_at > $4))))),
crews as (
  select c.* from working w join crew_member m on m.org_id = $1 and m.person_id = w.id and m.from_at <= $4
    and (m.to_at is null or m.to_at > $4) join crew c on c.org_id = $1 and c.id = m.crew_id)
select 'dev/' || $2::uuid bucket
union select 'me/' || id from working
union select 'crew/' || id from crews
union select 'district/' || x || '/open' from crews, jsonb_array_elements_text(district_ids) x
union select 'ref' from working order by 1"""
_LEAKS: Final = """
select d.id from sync_doc d join job j on j.org_id = $1 and j.id = d.id
where d.org_id = $1 and d.kind = 'open_job' and j.description <> '' and position(convert_to(j.description, 'UTF8') in d.body) > 0
order by 1"""
_AFTER_SESSION: Final = timedelta(days=14)


class Documents(Struct, frozen=True):
    """What the buckets hold, and which documents no bucket holds any more."""

    buckets: Mapping[str, Mapping[Key, Content]]
    deleted: frozenset[Key]


async def documents(eyes: asyncpg.Connection, org_id: UUID) -> Documents:
    """Read what each bucket holds."""
    buckets: dict[str, dict[Key, Content]] = {}
    held: set[Key] = set()
    for row in await eyes.fetch(_HELD, org_id):
        key = (row["kind"], row["id"])
        buckets.setdefault(row["bucket"], {})[key] = Content(row["ver"], row["body"])
        held.add(key)
    known = {
        (row["kind"], row["id"]) for row in await eyes.fetch("select kind, id from sync_doc where org_id = $1", org_id)
    }
    return Documents(buckets, frozenset(known - held))


async def wants(
    eyes: asyncpg.Connection, org_id: UUID, device_id: UUID, session_id: UUID | None, at: datetime
) -> list[str]:
    """Name the buckets that a device may hold under a session at an instant."""
    rows = await eyes.fetch(_WANTS, org_id, device_id, session_id, at, _AFTER_SESSION)
    return [row["bucket"] for row in rows]


async def leaks(eyes: asyncpg.Connection, org_id: UUID) -> list[UUID]:
    """Name the jobs whose reduced view, which all in the district may read, says what only their crew may read."""
    return [row["id"] for row in await eyes.fetch(_LEAKS, org_id)]


async def truth(eyes: asyncpg.Connection, org_id: UUID, stand: Documents, order: Mapping[UUID, int]) -> Truth:
    """Read everything that the auditor wants to know; the `order` in which commands took effect is given."""
    events = {row["command_id"]: row for row in await eyes.fetch(_EVENTS, org_id)}
    outcomes: dict[UUID, Stored] = {}
    effects: dict[UUID, tuple[Effect, ...]] = {}
    for row in await eyes.fetch(_OUTCOMES, org_id):
        id, event = row["command_id"], events.get(row["command_id"])
        outcomes[id] = _stored(row, event)
        # A command that finds everything as it wants it leaves no event.
        times = event["times"] if event is not None else int(row["status"] in ("applied", "merged"))
        author = event["actor_id"] if event is not None else row["actor_id"]
        effects[id] = (Effect(order.get(id, 0), author),) * times
    for id in events.keys() - outcomes.keys():
        effects[id] = (Effect(0, None),)
    return Truth(
        buckets=stand.buckets,
        deleted=stand.deleted,
        outcomes=outcomes,
        effects={id: each for id, each in effects.items() if each},
        quarantine={row["command_id"]: row["digest"] for row in await eyes.fetch(_QUARANTINE, org_id)},
        last_n={row["device_id"]: row["last_n"] for row in await eyes.fetch(_LAST_N, org_id)},
    )


def _stored(row: asyncpg.Record, event: asyncpg.Record | None) -> Stored:
    return Stored(
        status=row["status"],
        code=row["code"],
        device_id=row["device_id"],
        n=row["n"],
        sha256=row["digest"],
        not_before=event["not_before"] if event is not None else None,
        not_after=event["not_after"] if event is not None else None,
    )


async def false_documents(conn: Any, org_id: UUID, stand: Documents) -> list[str]:
    """Compare what devices are given with what the trade's tables make it: bodies and buckets. Gives what differs."""
    where: dict[Key, set[str]] = {}
    for bucket, held in stand.buckets.items():
        for key in held:
            where.setdefault(key, set()).add(bucket)
    own = {"outcome", "device"}
    keys = {key for key in (*where, *stand.deleted) if key[0] not in own}
    bodies = {key: content.body for held in stand.buckets.values() for key, content in held.items()}
    wrong = []
    for p in await projection.project(conn, org_id, keys):
        key = (p.kind, p.id)
        expected = set(p.buckets) if p.body is not None else set()
        if where.get(key, set()) != expected or (expected and bodies[key] != p.body):
            wrong.append(
                f"{key} is in {where.get(key)} as {bodies.get(key)!r}; it should be in {expected} as {p.body!r}"
            )
    return wrong
