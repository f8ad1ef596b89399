"""What is kept how long: removes what is older, a thousand rows per transaction, and never more than devices can do without.

Ended memberships go with a floor: in the transaction that removes them their bucket forgets, and a pull from further back than the floor is
sent that bucket anew. Decides nothing about the work itself: jobs and what was reported about them stay. Owns `sync_floor` and `sync_mark`.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from mobile_contract import limits
from sync import documents
from sync.buckets import MEMORY
from sync.execute import Poke, no_listeners, retrying
from sync.life import ensure_life
from sync.transaction import org_transaction

AT_ONCE: Final = 1_000
# A notice is a document: its removal locks and writes it.
NOTICES_AT_ONCE: Final = 200
# Of one kind in one run: the rest waits for the next one.
CHUNKS: Final = 200
MARK_EVERY: Final = timedelta(days=1)

# Every transaction below the oldest one that is open now has ended.
_MARK = """
insert into sync_mark (org_id, at, xid, system)
select $1, $2, pg_snapshot_xmin(pg_current_snapshot()), c.system_identifier from pg_control_system() c
where not exists (select from sync_mark m where m.org_id = $1 and m.at > $2::timestamptz - $3::interval and m.system = c.system_identifier)
on conflict (org_id, at) do nothing"""

# Ids of another server say nothing about this one's: until a restored database has marks of its own that are old enough, all stays.
_CUTOFF = """
select m.at, m.xid::text::int8 xid from sync_mark m
where m.org_id = $1 and m.at <= $2 and m.system = (select c.system_identifier from pg_control_system() c) order by m.at desc limit 1"""

_FORGET_MARKS = "delete from sync_mark where org_id = $1 and at < $2"

# What a writer has taken up again meanwhile is passed over, and whoever takes up what goes here makes it anew. Cursors of another life
# are never followed, so a floor of another life says nothing and is replaced.
_ENDED = """
with life as materialized (select sync_life_now() life),
old as (
  select m.bucket, m.kind, m.id from sync_member m
  where m.org_id = $1 and m.gone and m.xid < $2::int8::text::xid8 and exists (select from life where life is not null)
  order by m.xid limit $3 for update skip locked),
removed as (
  delete from sync_member m using old where m.org_id = $1 and m.bucket = old.bucket and m.kind = old.kind and m.id = old.id
  returning m.bucket, m.xid::text::int8 xid),
raised as (
  insert into sync_floor as f (org_id, bucket, life, floor)
  select $1, r.bucket, life.life, (max(r.xid) + 1)::text::xid8 from removed r, life group by r.bucket, life.life order by r.bucket
  on conflict (org_id, bucket) do update set life = excluded.life,
    floor = case when f.life = excluded.life then greatest(f.floor, excluded.floor) else excluded.floor end)
select count(*) from removed"""
_COUNT_ENDED = "select count(*) from sync_member where org_id = $1 and gone and xid < $2::int8::text::xid8"

_TAKE_NOTICES = """
delete from notice where org_id = $1 and id in (
  select id from notice where org_id = $1 and at < $2 order by id limit $3 for update skip locked) returning id"""
_COUNT_NOTICES = "select count(*) from notice where org_id = $1 and at < $2"

# A tombstone of a document keeps its version; that of an answer or a notice has nobody left to keep it for: its id is used once. What
# tells devices that it has left is the membership.
_TOMBSTONES = """
delete from sync_doc d using (
  select x.id from sync_doc x where x.org_id = $1 and x.kind = $2 and x.id = any($3) and x.body is null order by x.id
  for update skip locked) k
where d.org_id = $1 and d.kind = $2 and d.id = k.id"""


class Keep(Struct, frozen=True, kw_only=True):
    """For how long each kind of row is kept."""

    ended: timedelta = MEMORY
    outcomes: timedelta = timedelta(days=limits.COMMAND_MEMORY_DAYS)
    quarantine: timedelta = timedelta(days=400)
    sessions: timedelta = timedelta(days=400)
    notices: timedelta = timedelta(days=90)
    tracks: timedelta = timedelta(days=30)
    # Nobody can show or commit one that has expired; a committed one stays for whoever wants to take it back.
    proposals: timedelta = timedelta(0)
    committed: timedelta = timedelta(days=30)


class Swept(Struct, frozen=True):
    """Rows of a kind that one transaction removed."""

    kind: str
    rows: int


class _Sweep(Struct, frozen=True):
    """Rows that go by their age alone: `where` names them (`$2` the instant before which they are too old), `key` identifies one."""

    kind: str
    keep: str
    table: str
    key: str
    where: str

    def before(self, keep: Keep, now: datetime) -> datetime:
        """Give the instant before which rows are too old."""
        kept: timedelta = getattr(keep, self.keep)
        return now - kept

    @property
    def count(self) -> str:
        """Write the statement that counts what is due."""
        return f"select count(*) from {self.table} t where t.org_id = $1 and {self.where}"

    @property
    def take(self) -> str:
        """Write the statement that removes a few and returns them."""
        columns = self.key.split(", ")
        chosen = ", ".join(f"t.{column}" for column in columns)
        same = " and ".join(f"t.{column} = k.{column}" for column in columns)
        return (
            f"with k as (select {chosen} from {self.table} t where t.org_id = $1 and {self.where} limit $3 for update skip locked) "
            f"delete from {self.table} t using k where t.org_id = $1 and {same} returning t.{columns[0]}"
        )


# The answer to a command stays as long as its device may ask again: until the device has shown it, so that no document of it is left.
_OUTCOMES: Final = _Sweep(
    "outcomes", "outcomes", "sync_outcome", "command_id",
    "t.received_at < $2 and t.status <> 'held' and (t.status <> 'quarantined' or t.resolution is not null) and not exists ("
    "select from sync_member m where m.org_id = $1 and m.kind = 'outcome' and m.id = t.command_id and not m.gone)"
    " and (t.device_id is null or t.n <= (select s.seen_n from sync_device_seen s where s.org_id = $1 and s.device_id = t.device_id))",
)  # fmt: skip
_SWEEPS: Final = (
    _OUTCOMES,
    _Sweep("quarantine", "quarantine", "sync_quarantine", "entry_id", "t.resolution is not null and t.resolved_at < $2"),
    _Sweep("unreadable batches", "quarantine", "sync_unreadable", "device_id, sha256", "t.received_at < $2"),
    _Sweep("sessions", "sessions", "sync_session", "session_id", "t.to_at < $2"),
    _Sweep("ended scopes", "sessions", "sync_scope", "person_id, bucket, cause, from_at", "t.to_at < $2"),
    _Sweep(
        "positions", "tracks", "position_track", "person_id, at",
        "t.at < $2 and t.person_id in (select p.person_id from position p where p.org_id = $1)",
    ),
    _Sweep("last places", "tracks", "position", "person_id",
        "t.at < $2 and not exists (select from position_track k where k.org_id = $1 and k.person_id = t.person_id)"),
    _Sweep("proposals", "proposals", "plan_proposal", "id", "t.committed_at is null and t.expires_at < $2"),
    _Sweep("committed proposals", "committed", "plan_proposal", "id", "t.committed_at < $2"),
)  # fmt: skip


async def retain(
    pool: asyncpg.Pool,
    org_id: UUID,
    keep: Keep,
    *,
    now: datetime,
    poke: Poke = no_listeners,
    chunks: int = CHUNKS,
) -> AsyncIterator[Swept]:
    """Remove what is too old, each step in a transaction of its own, and give what each removed.

    At most `chunks` transactions for each kind; the next call goes on. Twice does no harm, nor do two at once. Raises Standby.
    """
    await ensure_life(pool)
    cutoff = await retrying(partial(_mark, pool, org_id, keep, now))
    for _ in range(chunks if cutoff is not None else 0):
        rows = await retrying(partial(_remove_ended, pool, org_id, cutoff))
        yield Swept("ended memberships", rows)
        if rows < AT_ONCE:
            break
    for sweep in _SWEEPS:
        for _ in range(chunks):
            rows = await retrying(partial(_sweep, pool, org_id, sweep, sweep.before(keep, now)))
            yield Swept(sweep.kind, rows)
            if rows < AT_ONCE:
                break
    for _ in range(chunks):
        touched, rows = await retrying(partial(_notices, pool, org_id, now - keep.notices))
        poke(org_id, touched)
        yield Swept("notices", rows)
        if rows < NOTICES_AT_ONCE:
            break


async def due(pool: asyncpg.Pool, org_id: UUID, keep: Keep, *, now: datetime) -> Sequence[Swept]:
    """Count what `retain` would remove by and by; changes nothing."""
    async with org_transaction(pool, org_id) as conn:
        cutoff = await _cutoff(conn, org_id, now - keep.ended)
        ended = 0 if cutoff is None else await conn.fetchval(_COUNT_ENDED, org_id, cutoff["xid"])
        found = [Swept("ended memberships", ended)]
        for sweep in _SWEEPS:
            found += [Swept(sweep.kind, await conn.fetchval(sweep.count, org_id, sweep.before(keep, now)))]
        found.append(Swept("notices", await conn.fetchval(_COUNT_NOTICES, org_id, now - keep.notices)))
    return found


async def _mark(pool: asyncpg.Pool, org_id: UUID, keep: Keep, now: datetime) -> int | None:
    """Write down how far transaction ids have come, once a day; give the id below which all are old enough, if any are."""
    async with org_transaction(pool, org_id) as conn:
        await conn.execute(_MARK, org_id, now, MARK_EVERY)
        cutoff = await _cutoff(conn, org_id, now - keep.ended)
        if cutoff is None:
            return None
        await conn.execute(_FORGET_MARKS, org_id, cutoff["at"])
        xid: int = cutoff["xid"]
        return xid


async def _cutoff(conn: asyncpg.Connection, org_id: UUID, before: datetime) -> asyncpg.Record | None:
    return await conn.fetchrow(_CUTOFF, org_id, before)


async def _remove_ended(pool: asyncpg.Pool, org_id: UUID, below: int | None) -> int:
    async with org_transaction(pool, org_id) as conn:
        rows: int = await conn.fetchval(_ENDED, org_id, below, AT_ONCE)
        return rows


async def _sweep(pool: asyncpg.Pool, org_id: UUID, sweep: _Sweep, before: datetime) -> int:
    async with org_transaction(pool, org_id) as conn:
        rows = await conn.fetch(sweep.take, org_id, before, AT_ONCE)
        if sweep is _OUTCOMES and rows:
            await conn.execute(_TOMBSTONES, org_id, "outcome", [row[0] for row in rows])
        return len(rows)


async def _notices(pool: asyncpg.Pool, org_id: UUID, before: datetime) -> tuple[set[str], int]:
    async with org_transaction(pool, org_id) as conn:
        rows = await conn.fetch(_TAKE_NOTICES, org_id, before, NOTICES_AT_ONCE)
        ids = [row["id"] for row in rows]
        touched = await documents.write(conn, org_id, [("notice", id) for id in ids])
        await conn.execute(_TOMBSTONES, org_id, "notice", ids)
        return touched, len(rows)
