"""Mends a device that does not hold what it should: the delta first, then the ranges of one bucket that differ, whole.

That a device differs is a defect, of the server or of the device: each is logged. Range sums were made where the device stood, before the
delta; so a range in which something moved differs without a defect. It is sent too, since what is under the change is unknown.
"""

import logging
from datetime import datetime

import asyncpg
from msgspec import Struct

from mobile_contract import limits
from mobile_contract.ranges import differing, range_of, sums_from_wire
from mobile_contract.schema.messages import End, Mend, RepairAsk
from sync import page, pull, reading, wire
from sync.cursor import Cursor, seal_cursor
from sync.life import ensure_life, raise_if_standby
from sync.page import Candidate, Changes, Stand
from sync.pull import LifeOver, Page, Source

log = logging.getLogger("onsite.repair")


class _Mended(Struct, frozen=True):
    """What is sent of a bucket: the ranges and their documents, or nothing of it now since it is reset as a whole."""

    ranges: tuple[int, ...] = ()
    documents: tuple[reading.Moved, ...] = ()
    reset: bool = False


async def repair(source: Source, ask: RepairAsk, *, now: datetime) -> Page:
    """Make the page that mends one bucket. A bucket that is not held whole is answered with a plain page, a cursor that cannot be
    followed with the request to compare. Where more differs than a page holds, the bucket is reset.

    Raises Standby; ValueError for sums that are none.
    """
    sums_from_wire(ask.sums)
    for _ in range(3):
        try:
            return await _repair(source, ask, now)
        except LifeOver:
            await ensure_life(source.pool)
        except asyncpg.PostgresError as error:
            await raise_if_standby(source.pool, error)
            raise
    raise LifeOver


async def _repair(source: Source, ask: RepairAsk, now: datetime) -> Page:
    found = pull.opened(source, ask.cursor)
    cursor = found if isinstance(found, Cursor) else None
    async with reading.one_snapshot(source.pool) as conn:
        seen = await pull.look(conn, source, cursor, now)
        if cursor is None or cursor.life != seen.life:
            return pull.compare_page(source, seen, ask.cursor, now)
        plan = page.plan_on(cursor, seen)
        mended = _Mended()
        if ask.bucket in plan.whole:
            mended = await _differing(conn, source, ask, seen)
    # Nothing is begun here: what is left to fill, this bucket perhaps, comes by pull.
    first = plan.candidates[0] if plan.candidates else None
    partial = cursor.partial if first is not None and first.after is not None else None
    left = [c for c in plan.candidates if c.after is None]
    if mended.reset:
        left.append(Candidate(ask.bucket, reset=True))
    stand = Stand(
        whole=tuple(bucket for bucket in plan.whole if not (mended.reset and bucket == ask.bucket)),
        partial=partial,
        resets=tuple(c.bucket for c in left if c.reset),
        begun=(),
        more=bool(left) or partial is not None,
    )
    changes = Changes(stand.names)
    changes.move(seen.moved)
    changes.move(mended.documents)
    frames = list(changes.frames())
    if mended.ranges:
        frames.insert(0, wire.frame_mend(Mend(b=stand.names.index(ask.bucket), ranges=mended.ranges)))
    end = End(
        cursor=seal_cursor(source.keyring, pull.cursor_at(source, seen, stand)), acked_n=seen.acked_n, more=stand.more
    )
    begin = page.begin_of(plan, stand, pull.head_of(source, seen, now))
    return Page(
        page.write(begin, frames, end), idle=False, want=page.wanted(seen), acked_n=seen.acked_n, seen_n=seen.seen_n
    )


async def _differing(conn: asyncpg.Connection, source: Source, ask: RepairAsk, seen: reading.Look) -> _Mended:
    holder = source.holder
    ours = await reading.range_sums(conn, holder.org_id, ask.bucket)
    ranges = differing(ours, sums_from_wire(ask.sums))
    moved = {range_of(m.id) for m in seen.moved if ask.bucket in (*m.puts, *m.dels)}
    real = [index for index in ranges if index not in moved]
    if real:
        log.error(
            "device differs",
            extra={
                "org": str(holder.org_id),
                "device": str(holder.device_id),
                "bucket": ask.bucket,
                "ranges": len(real),
            },
        )
    if not ranges:
        return _Mended()
    room = limits.PAGE_BYTES - sum(160 + len(m.body or b"") for m in seen.moved)
    documents = await reading.documents_of_ranges(conn, holder.org_id, ask.bucket, ranges=ranges, size=room)
    if documents is None:
        return _Mended(reset=True)
    return _Mended(tuple(ranges), tuple(documents))
