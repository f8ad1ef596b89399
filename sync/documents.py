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
from sync.literals import blobs, booleans, numbers, texts, uuids

_LOCK = (
    "select kind, id, ver, h, body, buckets, hashes from sync_lock_documents($1, $2::text::text[], $3::text::uuid[])"
)
_WRITE = """
select sync_write_documents($1,
  $2::text::text[], $3::text::uuid[], $4::text::int8[], $5::text::int8[], $6::text::bytea[],
  $7::text::text[], $8::text::uuid[], $9::text::int8[], $10::text::int8[], $11::text::bytea[],
  $12::text::text[], $13::text::text[], $14::text::uuid[], $15::text::int8[], $16::text::bool[])"""


class Row(Struct, frozen=True):
    """A document as it is to be stored; `h` signed, as PostgreSQL holds it."""

    kind: str
    id: UUID
    ver: int
    h: int
    body: bytes | None


class Locked(Struct, frozen=True):
    """A document as it is stored, locked, with the buckets that hold it (bucket → h)."""

    row: Row
    held: dict[str, int]


Member = tuple[str, str, UUID, int, bool]


class Changes(Struct, frozen=True):
    """What is to be written: documents that were locked, documents that are new, memberships in the order of their key."""

    old: Sequence[Row]
    new: Sequence[Row]
    members: Sequence[Member]


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
        keys |= late
    projected = [*await project(conn, org_id, keys), *(_kept(document, locked) for document in given)]
    changed: list[Row] = []
    fresh: list[Row] = []
    members: list[Member] = []
    for document in projected:
        known = locked.get((document.kind, document.id))
        row = next_row(document, None if known is None else known.row)
        if row is None:
            continue
        if known is None:
            fresh.append(row)
        elif row is not known.row:
            changed.append(row)
        members.extend(next_members(document, row, {} if known is None else known.held))
    await _store(conn, org_id, Changes(changed, fresh, sorted(members, key=lambda m: (m[0], m[1], m[2].int))))
    return {member[0] for member in members}


async def leave(conn: asyncpg.Connection, org_id: UUID, bucket: str, keys: Sequence[Key]) -> None:
    """Take documents out of a bucket; one that no bucket holds any more is deleted, and keeps its version."""
    if not keys:
        return
    alone: list[Row] = []
    members: list[Member] = []
    for (kind, id), known in (await _lock(conn, org_id, set(keys))).items():
        if bucket not in known.held:
            continue
        members.append((bucket, kind, id, known.held[bucket], True))
        if len(known.held) == 1:
            alone.append(Row(kind, id, known.row.ver + 1, 0, None))
    await _store(conn, org_id, Changes(alone, [], members))


def _kept(document: Projected, locked: dict[Key, Locked]) -> Projected:
    known = locked.get((document.kind, document.id))
    if known is None or not known.held:
        return document
    return Projected(document.kind, document.id, document.body, tuple(sorted({*document.buckets, *known.held})))


async def _lock(conn: asyncpg.Connection, org_id: UUID, keys: set[Key]) -> dict[Key, Locked]:
    ordered = sorted(keys, key=lambda key: (key[0], key[1].int))
    rows = await conn.fetch(_LOCK, org_id, texts(kind for kind, _ in ordered), uuids(id for _, id in ordered))
    return {
        (kind, id): Locked(Row(kind, id, ver, h, body), dict(zip(buckets, hashes, strict=True)))
        for kind, id, ver, h, body, buckets, hashes in rows
    }


def next_row(document: Projected, stored: Row | None) -> Row | None:
    """Tell how a document is stored next: the row itself when nothing changed, None when there is nothing to store."""
    if stored is None:
        return None if document.body is None else _row(document, 1)
    return stored if stored.body == document.body else _row(document, stored.ver + 1)


def _row(document: Projected, ver: int) -> Row:
    h = 0 if document.body is None else to_signed(document_hash(document.kind, document.id, ver, document.body))
    return Row(document.kind, document.id, ver, h, document.body)


def next_members(document: Projected, row: Row, held: dict[str, int]) -> list[Member]:
    """List the memberships to write: (bucket, kind, id, h, gone), only those that differ from what is held (bucket → h)."""
    wanted = () if document.body is None else document.buckets
    put = [(bucket, row.kind, row.id, row.h, False) for bucket in wanted if held.get(bucket) != row.h]
    gone = [(bucket, row.kind, row.id, row.h, True) for bucket in held if bucket not in wanted]
    return put + gone


async def _store(conn: asyncpg.Connection, org_id: UUID, changes: Changes) -> None:
    """Write documents first, then memberships."""
    if changes.old or changes.new or changes.members:
        await conn.execute(
            _WRITE, org_id, *_columns(changes.old), *_columns(changes.new), *_member_columns(changes.members)
        )


def _columns(rows: Sequence[Row]) -> tuple[str, ...]:
    return (
        texts(r.kind for r in rows),
        uuids(r.id for r in rows),
        numbers(r.ver for r in rows),
        numbers(r.h for r in rows),
        blobs(r.body for r in rows),
    )


def _member_columns(members: Sequence[Member]) -> tuple[str, ...]:
    return (
        texts(m[0] for m in members),
        texts(m[1] for m in members),
        uuids(m[2] for m in members),
        numbers(m[3] for m in members),
        booleans(m[4] for m in members),
    )
