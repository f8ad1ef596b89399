"""Reads pages, by the functions beside the migrations: the database writes their frames, nothing is decoded on the way. Decides nothing.

`read` is one statement, so it needs no transaction. What needs digests or sums beside a page reads it all in `one_snapshot`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from mobile_contract import limits
from mobile_contract.digest import Digest, from_signed
from sync.cursor import Cursor

DELTA_BYTES = limits.PAGE_BYTES * 7 // 8
"""What changes of held buckets may take of a page: the rest is for filling, which so comes forward with each page."""
# However much moved, a page brings filling forward by this many documents.
FILL_DOCUMENTS_MIN: Final = 250

_PAGE: Final = """
select about, frame
from sync_page($1, $2, $3, $4, $5, $6, $7, $8::text::pg_snapshot, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)"""
_DIGESTS: Final = "select n, x from sync_digests($1, $2, $3)"
_RANGE_SUMS: Final = "select r, n, x, moved from sync_range_sums($1, $2, $3::text::pg_snapshot)"

Queryable: TypeAlias = asyncpg.Pool | asyncpg.Connection


class Unproven(Exception):
    """No device has this secret."""


class SessionUnknown(Exception):
    """The session is none of this device."""


class Holder(Struct, frozen=True):
    """Whose page it is. With a `secret_hash` the statement proves the device itself, and `session_id` says for whom it is open; without one
    the caller has done so, and names the person. Without a person only the device's own bucket is read.
    """

    org_id: UUID
    device_id: UUID
    person_id: UUID | None = None
    secret_hash: bytes | None = None
    session_id: UUID | None = None


class Start(Struct, frozen=True, kw_only=True):
    """Where a page begins: the buckets a device holds, of the `part` one what comes up to a key; those `waiting` are to be sent anew.

    `since` is the snapshot at which it holds them in that life; None: as they are now.
    """

    life: UUID | None = None
    since: str | None = None
    whole: tuple[str, ...] = ()
    part: str | None = None
    upto: tuple[str | None, UUID | None] = (None, None)
    waiting: tuple[str, ...] = ()

    @classmethod
    def at(cls, cursor: Cursor) -> "Start":
        """Begin where a cursor stands."""
        part = cursor.partial
        return cls(
            life=cursor.life,
            since=cursor.snapshot,
            whole=cursor.buckets,
            part=part.bucket if part is not None else None,
            upto=(part.after_kind, part.after_id) if part is not None else (None, None),
            waiting=cursor.resets,
        )


class Room(Struct, frozen=True, kw_only=True):
    """What a page may bring of buckets that are being filled; however much moved, `documents_min` of them."""

    documents: int
    documents_min: int


def room_of_pull() -> Room:
    """Give the room of a pull."""
    return Room(documents=limits.PAGE_DOCUMENTS, documents_min=FILL_DOCUMENTS_MIN)


class About(Struct, frozen=True, kw_only=True):
    """What the database tells about a page beside its frames; of them the first `moved` are what moved. The rest is as in `Read`.

    `lines`: how many frames there are, where they come in one piece.
    """

    refused: Literal["device", "session"] | None = None
    snapshot: str = ""
    life: UUID | None = None
    acked_n: int = 0
    seen_n: int = 0
    want: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    kept: int = 0
    again: frozenset[str] = frozenset()
    left_out: int = 0
    documents: int | None = None
    cut: int | None = None
    last: tuple[str, UUID] | None = None
    moved: int = 0
    lines: int | None = None


_ABOUT: Final = msgspec.json.Decoder(About)


class Read(Struct, frozen=True):
    """A page as it was read in one snapshot. `life` None: a new one must begin. `want` in order of urgency.

    `names`: the buckets as frames count them, the first `kept` of them followed, the others filled one after the other, those in `again`
    anew. None: as before, and nothing moved. `left_out` buckets would be more than the limit; `documents` are held then, where counted.
    `cut`: the number, among those filled, of the bucket that has more; `last`: the last key sent of it.
    """

    snapshot: str
    life: UUID | None
    acked_n: int
    seen_n: int
    want: tuple[str, ...]
    names: tuple[str, ...] | None
    kept: int
    again: frozenset[str]
    left_out: int
    documents: int | None
    cut: int | None
    last: tuple[str, UUID] | None
    frames: tuple[bytes, ...]
    lines: int


@asynccontextmanager
async def one_snapshot(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """Open a transaction in which every statement sees the snapshot of the first. Nothing can be written in it."""
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        yield conn


async def read(
    conn: Queryable,
    holder: Holder,
    start: Start,
    now: datetime,
    *,
    room: Room | None = None,
    mend: tuple[str, Sequence[int]] | None = None,
) -> Read:
    """Read what moved in the held buckets and, where there is `room`, what fills the others; `mend` names ranges of a bucket that come too.

    Without `since` and without room, or in another life, the head alone. Raises Unproven, SessionUnknown; ValueError for a body of
    more than one line.
    """
    for weighed in (False, True):
        rows = await conn.fetch(
            _PAGE,
            holder.org_id,
            holder.device_id,
            holder.secret_hash,
            holder.session_id,
            holder.person_id,
            now,
            start.life,
            start.since,
            start.whole,
            start.part,
            *start.upto,
            start.waiting,
            room is not None,
            weighed,
            *(mend or (None, None)),
            room.documents if room is not None else limits.SCOPE_DOCUMENTS,
            room.documents_min if room is not None else 0,
            limits.PAGE_BYTES,
            DELTA_BYTES,
            limits.SCOPE_DOCUMENTS,
        )
        about = about_of(rows[-1]["about"])
        frames = tuple([row[1] for row in rows if row[1] is not None])
        if sum(map(len, frames[: about.moved])) <= DELTA_BYTES:
            break
    return read_of(about, frames)


def about_of(told: str) -> About:
    """Take in what the database tells about a page. Raises Unproven, SessionUnknown where it was refused."""
    about = _ABOUT.decode(told)
    if about.refused is not None:
        raise Unproven if about.refused == "device" else SessionUnknown
    return about


def read_of(about: About, frames: tuple[bytes, ...]) -> Read:
    """Put a page together. Raises ValueError for a body of more than one line."""
    lines = len(frames) if about.lines is None else about.lines
    # A line break in a body would end its frame.
    if not (_are_lines(frames) if about.lines is None else sum(piece.count(b"\n") for piece in frames) == lines):
        raise ValueError("a document's body is one line")
    return Read(
        snapshot=about.snapshot,
        life=about.life,
        acked_n=about.acked_n,
        seen_n=about.seen_n,
        want=about.want,
        names=about.names,
        kept=about.kept,
        again=about.again,
        left_out=about.left_out,
        documents=about.documents,
        cut=about.cut,
        last=about.last,
        frames=frames,
        lines=lines,
    )


def _are_lines(frames: Sequence[bytes]) -> bool:
    """Tell whether each frame has its one line break at its end: looking for the first of each takes half of the time that counting does."""
    return sum([frame.find(b"\n") for frame in frames]) == sum(map(len, frames)) - len(frames)


async def digests(
    conn: Queryable, org_id: UUID, buckets: Sequence[str], *, documents: int | None = None
) -> dict[str, Digest]:
    """Digest buckets, counting no further than `documents` each (None: all). An empty bucket has the empty digest."""
    if not buckets:
        return {}
    rows = await conn.fetch(_DIGESTS, org_id, list(buckets), documents)
    return {bucket: Digest(r["n"], from_signed(r["x"])) for bucket, r in zip(buckets, rows, strict=True)}


async def range_sums(conn: Queryable, org_id: UUID, bucket: str, since: str) -> tuple[dict[int, Digest], set[int]]:
    """Digest each range of a bucket (empty ones are absent), and tell in which something moved since a snapshot."""
    rows = await conn.fetch(_RANGE_SUMS, org_id, bucket, since)
    sums = {r["r"]: Digest(r["n"], from_signed(r["x"])) for r in rows if r["n"]}
    return sums, {r["r"] for r in rows if r["moved"]}
