"""Mends a device that does not hold what it should: the delta first, then the ranges of one bucket that differ, whole.

That a device differs is a defect, of the server or of the device: each is logged. Range sums were made where the device stood, before the
delta; so a range in which something moved differs without a defect. It is sent too, since what is under the change is unknown.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from mobile_contract.ranges import differing, sums_from_wire
from mobile_contract.schema.messages import End, Mend, RepairAsk
from sync import page, pull, reading, wire
from sync.cursor import Cursor, seal_cursor
from sync.life import ensure_life, raise_if_standby
from sync.pull import LifeOver, Page, Source

log = logging.getLogger("onsite.repair")


async def repair(source: Source, ask: RepairAsk, *, now: datetime) -> Page:
    """Make the page that mends one bucket. A bucket that is not held whole is answered with a plain page, a cursor that cannot be
    followed with the request to compare. Where more differs than a page holds, the bucket is reset.

    Raises Standby, Unproven, SessionUnknown; ValueError for sums that are none.
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
        before = page.before_at(cursor) if cursor is not None else page.before_all()
        read = await pull.look(conn, source, before.start, now)
        if cursor is None or cursor.life != read.life:
            return pull.compare_page(source, read, ask.cursor, now)
        # Nothing is begun here: what is left to fill, this bucket perhaps, comes by pull.
        stand = page.stand_after(before, read, filled=False)
        ranges: Sequence[int] = ()
        if ask.bucket in stand.whole:
            ranges = await _differing(conn, source, ask, cursor)
        if ranges:
            mended = await reading.read(conn, source.holder, before.start, now, mend=(ask.bucket, ranges))
            if mended.cut is None:
                read = mended
            else:
                before = page.before_anew(before, ask.bucket)
                read = await pull.look(conn, source, before.start, now)
                ranges, stand = (), page.stand_after(before, read, filled=False)
    frames = list(read.frames)
    if ranges:
        frames.insert(0, wire.frame_mend(Mend(b=stand.names.index(ask.bucket), ranges=tuple(ranges))))
    end = End(
        cursor=seal_cursor(source.keyring, pull.cursor_at(source, read, stand)), acked_n=read.acked_n, more=stand.more
    )
    begin = page.begin_of(before, stand, read, pull.head_of(source, read, now))
    return pull.made(page.write(begin, frames, end), read, idle=False)


async def _differing(conn: asyncpg.Connection, source: Source, ask: RepairAsk, cursor: Cursor) -> Sequence[int]:
    holder = source.holder
    ours, moved = await reading.range_sums(conn, holder.org_id, ask.bucket, cursor.snapshot)
    ranges = differing(ours, sums_from_wire(ask.sums))
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
    return ranges
