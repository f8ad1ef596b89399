"""Writes what devices hold: documents and memberships, in the caller's transaction. Decides no body and no bucket: `jobs.projection` does.

The order is the proof: lock the documents, compute after the lock, write documents, write memberships (protocol §2). Folded into one
statement, or without the lock, pages go wrong.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg
from msgspec import Struct

from jobs.projection import Projected, found_at_sites, project
from jobs.work import Key
from mobile_contract.digest import document_hash, to_signed

# One look into the index per key, in the order of the keys, which is the order of the locks. As a join the planner, before it has
# statistics, reads all documents of the organisation instead.
_LOCK = """
select d.kind, d.id, d.ver, d.h, d.body from unnest($2::text[], $3::uuid[]) k(kind, id)
cross join lateral (select x.kind, x.id, x.ver, x.h, x.body from sync_doc x
  where x.org_id = $1 and x.kind = k.kind and x.id = k.id for update) d"""

_MEMBERS = """
select m.bucket, m.kind, m.id, m.h from sync_member m
join unnest($2::text[], $3::uuid[]) k(kind, id) on m.kind = k.kind and m.id = k.id
where m.org_id = $1 and not m.gone"""

_UPDATE = """
update sync_doc d set ver = k.ver, h = k.h, body = k.body
from unnest($2::text[], $3::uuid[], $4::int8[], $5::int8[], $6::bytea[]) k(kind, id, ver, h, body)
where d.org_id = $1 and d.kind = k.kind and d.id = k.id"""

_INSERT = """
insert into sync_doc (org_id, kind, id, ver, h, body)
select $1, k.* from unnest($2::text[], $3::uuid[], $4::int8[], $5::int8[], $6::bytea[]) k(kind, id, ver, h, body)"""

_MEMBER = """
insert into sync_member (org_id, bucket, kind, id, xid, h, gone)
select $1, k.bucket, k.kind, k.id, pg_current_xact_id(), k.h, k.gone
from unnest($2::text[], $3::text[], $4::uuid[], $5::int8[], $6::bool[]) k(bucket, kind, id, h, gone)
on conflict (org_id, bucket, kind, id) do update set xid = excluded.xid, h = excluded.h, gone = excluded.gone"""


class Row(Struct, frozen=True):
    """A document as it is to be stored; `h` signed, as PostgreSQL holds it."""

    kind: str
    id: UUID
    ver: int
    h: int
    body: bytes | None


Member = tuple[str, str, UUID, int, bool]


async def write(
    conn: asyncpg.Connection, org_id: UUID, keys: Iterable[Key], given: Sequence[Projected] = ()
) -> set[str]:
    """Write the documents of the keys (computed after their locks) and the `given` ones; return the buckets in which something changed.

    A given document (an outcome) stays in the buckets that hold it already: `leave` is the only way out.
    Raises asyncpg.UniqueViolationError when another transaction made the same document first: the caller runs its transaction anew.
    """
    keys = set(keys)
    wanted = {*keys, *((p.kind, p.id) for p in given)}
    if not wanted:
        return set()
    locked = await _lock(conn, org_id, wanted)
    # What was added to a site while its lock was awaited was not in the family then, and who added it did not see this change.
    late = await found_at_sites(conn, org_id, keys) - wanted
    if late:
        locked |= await _lock(conn, org_id, late)
        keys, wanted = keys | late, wanted | late
    held: dict[Key, dict[str, int]] = {}
    if locked:
        for r in await conn.fetch(_MEMBERS, org_id, *_columns(wanted)):
            held.setdefault((r["kind"], r["id"]), {})[r["bucket"]] = r["h"]
    projected = [*await project(conn, org_id, keys), *(_kept(document, held) for document in given)]
    changed: list[Row] = []
    fresh: list[Row] = []
    members: list[Member] = []
    for document in projected:
        key = (document.kind, document.id)
        row = next_row(document, locked.get(key))
        if row is None:
            continue
        if key not in locked:
            fresh.append(row)
        elif row is not locked[key]:
            changed.append(row)
        members.extend(next_members(document, row, held.get(key, {})))
    await _store(conn, org_id, _UPDATE, changed)
    await _store(conn, org_id, _INSERT, fresh)
    if members:
        await conn.execute(_MEMBER, org_id, *(list(column) for column in zip(*sorted(members), strict=True)))
    return {member[0] for member in members}


async def leave(conn: asyncpg.Connection, org_id: UUID, bucket: str, keys: Sequence[Key]) -> None:
    """Take documents out of a bucket; one that no bucket holds any more is deleted, and keeps its version."""
    if not keys:
        return
    kinds, ids = [k for k, _ in sorted(keys)], [i for _, i in sorted(keys)]
    locked = [Row(*r.values()) for r in await conn.fetch(_LOCK, org_id, kinds, ids)]
    held: dict[Key, set[str]] = {}
    for r in await conn.fetch(_MEMBERS, org_id, kinds, ids):
        held.setdefault((r["kind"], r["id"]), set()).add(r["bucket"])
    left = [row for row in locked if bucket in held.get((row.kind, row.id), ())]
    alone = [Row(r.kind, r.id, r.ver + 1, 0, None) for r in left if len(held[(r.kind, r.id)]) == 1]
    await _store(conn, org_id, _UPDATE, alone)
    if left:
        columns = list(zip(*((bucket, r.kind, r.id, r.h, True) for r in left), strict=True))
        await conn.execute(_MEMBER, org_id, *(list(column) for column in columns))


def _kept(document: Projected, held: dict[Key, dict[str, int]]) -> Projected:
    buckets = {*document.buckets, *held.get((document.kind, document.id), ())}
    return Projected(document.kind, document.id, document.body, tuple(sorted(buckets)))


async def _lock(conn: asyncpg.Connection, org_id: UUID, keys: set[Key]) -> dict[Key, Row]:
    rows = await conn.fetch(_LOCK, org_id, *_columns(keys))
    return {(r["kind"], r["id"]): Row(*r.values()) for r in rows}


def _columns(keys: set[Key]) -> tuple[list[str], list[UUID]]:
    ordered = sorted(keys)
    return [kind for kind, _ in ordered], [id for _, id in ordered]


def next_row(document: Projected, stored: Row | None) -> Row | None:
    """Tell how a document is stored next: the row itself when nothing changed, None when there is nothing to store."""
    if stored is None:
        if document.body is None:
            return None
        return _row(document, 1)
    if stored.body == document.body:
        return stored
    return _row(document, stored.ver + 1)


def _row(document: Projected, ver: int) -> Row:
    h = 0 if document.body is None else to_signed(document_hash(document.kind, document.id, ver, document.body))
    return Row(document.kind, document.id, ver, h, document.body)


def next_members(document: Projected, row: Row, held: dict[str, int]) -> list[Member]:
    """List the memberships to write: (bucket, kind, id, h, gone), only those that differ from what is held (bucket → h)."""
    wanted = () if document.body is None else document.buckets
    put = [(bucket, row.kind, row.id, row.h, False) for bucket in wanted if held.get(bucket) != row.h]
    gone = [(bucket, row.kind, row.id, row.h, True) for bucket in held if bucket not in wanted]
    return put + gone


async def _store(conn: asyncpg.Connection, org_id: UUID, statement: str, rows: Sequence[Row]) -> None:
    if rows:
        await conn.execute(
            statement,
            org_id,
            [r.kind for r in rows],
            [r.id for r in rows],
            [r.ver for r in rows],
            [r.h for r in rows],
            [r.body for r in rows],
        )
