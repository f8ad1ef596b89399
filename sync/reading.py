"""Reads what a page is made of, by the functions beside the first migration. Decides nothing and writes nothing.

`look` is one statement, so it needs no transaction. A page that needs more reads it all in `one_snapshot`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg
from msgspec import Struct

from mobile_contract import limits
from mobile_contract.digest import Digest, from_signed
from sync.cursor import Cursor
from sync.devices import Device
from sync.sessions import AHEAD

DELTA_BYTES = limits.PAGE_BYTES * 7 // 8
"""What changes of held buckets may take of a page: the rest is for filling, which so comes forward with each page."""

_PULL = """
select snapshot, life, acked_n, seen_n, want, oversize, puts, dels, kind, id, ver, h, body
from sync_pull($1, $2, $3, $4, $5, $6::text::pg_snapshot, $7, $8, $9, $10, $11)"""
_FILL = "select no, kind, id, ver, h, body, cut from sync_fill($1, $2, $3, $4, $5, $6)"
_DIGESTS = "select n, x from sync_digests($1, $2, $3)"
_RANGE_SUMS = "select r, n, x from sync_range_sums($1, $2)"
_RANGES = "select kind, id, ver, h, body from sync_ranges($1, $2, $3, $4)"

Queryable: TypeAlias = asyncpg.Pool | asyncpg.Connection


class Holder(Struct, frozen=True):
    """Whose page it is. Without a person only the device's own bucket is read."""

    org_id: UUID
    device_id: UUID
    person_id: UUID | None

    @classmethod
    def of(cls, device: Device, now: datetime) -> "Holder":
        """Name the holder of a recognised device; a revoked one holds for nobody.

        A session that is over still fetches what its person holds now: a crew that changes shift without a network finds its jobs. On a
        crew's device that ends after 14 days, and at once when the person leaves the crew (`sync_scope_of` sees to it); a person's own
        phone fetches as long as the person is active.
        """
        session = device.session
        person_id = session.person_id if session is not None and not device.revoked else None
        if session is not None and session.person_id != device.person_id and session.to_at + AHEAD < now:
            person_id = None
        return cls(device.org_id, device.id, person_id)


class Moved(Struct, frozen=True):
    """A document that moved: the buckets that hold it now and those that no longer do. Body and `h` only where one holds it."""

    kind: str
    id: UUID
    puts: tuple[str, ...]
    dels: tuple[str, ...]
    ver: int
    h: int
    body: bytes | None


class Look(Struct, frozen=True):
    """What a pull finds in one snapshot. `life` None: a new one must begin. `want` in order of urgency; `oversize`: to be reset."""

    snapshot: str
    life: UUID | None
    acked_n: int
    seen_n: int
    want: tuple[str, ...]
    oversize: frozenset[str]
    moved: tuple[Moved, ...]


class Filled(Struct, frozen=True):
    """A document of a bucket (its number among those asked for, from 0). `cut`: no part of the page, it says that the bucket has more."""

    no: int
    kind: str
    id: UUID
    ver: int
    h: int
    body: bytes | None
    cut: bool


@asynccontextmanager
async def one_snapshot(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """Open a transaction in which every statement sees the snapshot of the first. Nothing can be written in it."""
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        yield conn


async def look(conn: Queryable, holder: Holder, cursor: Cursor | None, now: datetime) -> Look:
    """Read the head of a page and what moved in the held buckets since the cursor, in one statement.

    Without a cursor, or in another life than the cursor's, nothing is followed. Documents come in order of kind and id.
    """
    held: list[tuple[str, str | None, UUID | None]] = []
    if cursor is not None:
        held = [(bucket, None, None) for bucket in cursor.buckets]
        if cursor.partial is not None:
            held.append((cursor.partial.bucket, cursor.partial.after_kind, cursor.partial.after_id))
    names = [bucket for bucket, _, _ in held]
    head, *rest = await conn.fetch(
        _PULL,
        holder.org_id,
        holder.device_id,
        holder.person_id,
        now,
        cursor.life if cursor is not None else None,
        cursor.snapshot if cursor is not None else None,
        names,
        [kind for _, kind, _ in held],
        [id for _, _, id in held],
        cursor is not None,
        DELTA_BYTES,
    )
    return Look(
        snapshot=head["snapshot"],
        life=head["life"],
        acked_n=head["acked_n"] or 0,
        seen_n=head["seen_n"] or 0,
        want=tuple(head["want"]),
        oversize=frozenset(names[no - 1] for no in head["oversize"]),
        moved=tuple(sorted((_moved(row, names) for row in rest), key=lambda m: (m.kind, m.id))),
    )


def _moved(row: asyncpg.Record, names: Sequence[str]) -> Moved:
    puts = tuple(names[no - 1] for no in row["puts"] or ())
    dels = tuple(names[no - 1] for no in row["dels"] or ())
    return Moved(row["kind"], row["id"], puts, dels, row["ver"] or 0, row["h"] or 0, row["body"])


async def fill(
    conn: Queryable, org_id: UUID, buckets: Sequence[str], *, after: tuple[str, UUID], documents: int, size: int
) -> list[Filled]:
    """Read documents of buckets, one after the other, the first from after a key: so many and so many bytes at most, but one at least.

    Where a bucket has more, a last row with `cut` names it.
    """
    rows = await conn.fetch(_FILL, org_id, list(buckets), *after, documents, size)
    return [Filled(r["no"] - 1, r["kind"], r["id"], r["ver"] or 0, r["h"] or 0, r["body"], r["cut"]) for r in rows]


async def digests(
    conn: Queryable, org_id: UUID, buckets: Sequence[str], *, documents: int | None = None
) -> dict[str, Digest]:
    """Digest buckets, counting no further than `documents` each (None: all). An empty bucket has the empty digest."""
    if not buckets:
        return {}
    rows = await conn.fetch(_DIGESTS, org_id, list(buckets), documents)
    return {bucket: Digest(r["n"], from_signed(r["x"])) for bucket, r in zip(buckets, rows, strict=True)}


async def range_sums(conn: Queryable, org_id: UUID, bucket: str) -> dict[int, Digest]:
    """Digest each range of a bucket; empty ranges are absent."""
    rows = await conn.fetch(_RANGE_SUMS, org_id, bucket)
    return {r["r"]: Digest(r["n"], from_signed(r["x"])) for r in rows}


async def documents_of_ranges(
    conn: Queryable, org_id: UUID, bucket: str, *, ranges: Sequence[int], size: int
) -> list[Moved] | None:
    """Read the documents of some ranges of a bucket, by key; None when they are more than `size` bytes."""
    rows = await conn.fetch(_RANGES, org_id, bucket, list(ranges), size)
    if any(row["body"] is None for row in rows):
        return None
    return [Moved(r["kind"], r["id"], (bucket,), (), r["ver"], r["h"], r["body"]) for r in rows]
