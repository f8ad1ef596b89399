"""Answers pulls: the page that brings a device from its cursor to the snapshot in which the page is read. Writes nothing.

The cursor is PostgreSQL's snapshot (protocol §3), so no change is ever skipped. A page is one statement; only one with digests beside it is
read in a REPEATABLE READ transaction. A cursor that cannot be followed is compared, never refused.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import asyncpg
import msgspec
from msgspec import UNSET, Struct, UnsetType

from mobile_contract import limits, version
from mobile_contract.digest import Digest
from mobile_contract.schema.messages import Begin, BucketDigest, End, PullAsk
from sync import page, reading
from sync.clock import make_anchor
from sync.cursor import Cursor, Unusable, is_by_current_key, is_recent, open_cursor, seal_cursor
from sync.keyring import Keyring
from sync.life import ensure_life, raise_if_standby
from sync.page import Before, Stand
from sync.reading import Holder, Read, Room, Start, room_of_pull

NEAR_LIMIT: Final = "scope_near_limit"
TOO_LARGE: Final = "scope_too_large"
_ATTEMPTS: Final = 3
_NUMBERS: Final = re.compile(rb'^\{"frame":"(?:put|del)","b":\[([0-9,]+)\]', re.MULTILINE)


class Page(Struct, frozen=True):
    """A page as it leaves. `idle`: it says nothing new, so a long poll may wait; `want`: the buckets whose change would matter.

    `cursor` is the one that the device brought, where it could be read; `onward` says where it goes on at once, where there is more.
    """

    body: bytes
    idle: bool
    want: tuple[str, ...]
    acked_n: int
    seen_n: int
    cursor: Cursor | None = None
    onward: "Onward | None" = None


class Onward(Struct, frozen=True):
    """Where a device will go on: its next cursor, as it brings it and as it reads."""

    token: str
    cursor: Cursor


class Source(Struct, frozen=True):
    """Where pages come from and whose they are."""

    pool: asyncpg.Pool
    keyring: Keyring
    holder: Holder


class LifeOver(Exception):
    """There is no life that holds: a new one must begin before anything is answered."""


async def pull(source: Source, ask: PullAsk, *, now: datetime) -> Page:
    """Make one page. Raises Standby, Unproven, SessionUnknown; ValueError for digests that are none."""
    theirs = {bucket: Digest.from_wire(wire) for bucket, wire in (ask.digests or {}).items()}
    for _ in range(_ATTEMPTS):
        try:
            return await _pull(source, ask, theirs, now)
        except LifeOver:
            await ensure_life(source.pool)
        except asyncpg.PostgresError as error:
            await raise_if_standby(source.pool, error)
            raise
    raise LifeOver


def opened(source: Source, token: str | None) -> Cursor | Unusable | None:
    """Open the cursor that a device brought; None when it brought none."""
    if token is None:
        return None
    return open_cursor(source.keyring, token, device=source.holder.device_id, major=version.MAJOR)


def following(source: Source, ask: PullAsk) -> Cursor | None:
    """Give the cursor of a device that only follows what it holds whole: its page needs nothing but `since`, and no digests beside it."""
    cursor = at_cursor(source, ask)
    return cursor if cursor is not None and cursor.partial is None and not cursor.resets else None


def followed(
    source: Source, ask: PullAsk, read: Read, *, cursor: Cursor, now: datetime, last: bool = True
) -> Page | None:
    """Make the page of a device at a cursor, of what was read before; None where a new life must begin.

    Where it may not be the `last` one, it says that there is more, and is not read on from.
    """
    if read.life is None:
        return None
    if read.life != cursor.life:
        return compare_page(source, read, ask.cursor, now)
    if last and read.names is None and _may_stay(source, ask, read, cursor):
        return _nothing_new(source, ask, read, cursor=cursor, now=now)
    before = page.before_at(cursor)
    return _written(source, (before, page.stand_after(before, read), read), cursor=cursor, now=now, last=last)


def _may_stay(source: Source, ask: PullAsk, read: Read, cursor: Cursor) -> bool:
    """Tell whether a device to which nothing happened keeps its cursor."""
    # Where it has yet to learn of outcomes the page needs a cursor of its own: one that comes late must not take them back.
    knows = ask.seen_n >= read.acked_n
    # A key that was replaced is to be removed one day.
    return knows and is_by_current_key(source.keyring, ask.cursor or "") and is_recent(cursor, read.snapshot)


def _nothing_new(source: Source, ask: PullAsk, read: Read, *, cursor: Cursor, now: datetime) -> Page:
    """Make the page of a device to which nothing happened: it stays at its cursor."""
    end = End(cursor=ask.cursor, acked_n=read.acked_n, more=False, warnings=_warnings(read))
    return made(page.write(head_of(source, read, now), (), end), read, cursor, idle=True)


def at_cursor(source: Source, ask: PullAsk) -> Cursor | None:
    """Give the cursor of a device that goes on from there, and asks for nothing beside its page."""
    if ask.check or ask.digests is not None or ask.cursor is None:
        return None
    cursor = opened(source, ask.cursor)
    return cursor if isinstance(cursor, Cursor) else None


def onward_from(source: Source, cursor: Cursor, read: Read) -> Onward | None:
    """Tell where a device goes on after the page that was read at its cursor; None where there is no more, or another life has begun."""
    if read.life != cursor.life:
        return None
    stand = page.stand_after(page.before_at(cursor), read)
    if not stand.more:
        return None
    after = cursor_at(source, read, stand)
    return Onward(seal_cursor(source.keyring, after), after)


async def look_on(source: Source, onward: Onward, now: datetime) -> Read:
    """Read the page at which a device will go on. Raises LifeOver, Unproven, SessionUnknown."""
    return await look(source.pool, source, page.before_at(onward.cursor).start, now, room=room_of_pull())


async def look(
    conn: reading.Queryable, source: Source, start: Start, now: datetime, *, room: Room | None = None
) -> Read:
    """Read what moved since a start, or without one the head alone. Raises LifeOver."""
    read = await reading.read(conn, source.holder, start, now, room=room)
    if read.life is None:
        raise LifeOver
    return read


async def _pull(source: Source, ask: PullAsk, theirs: Mapping[str, Digest], now: datetime) -> Page:
    found = opened(source, ask.cursor)
    cursor = found if isinstance(found, Cursor) else None
    compared = ask.digests is not None
    if not (ask.check or compared):
        return await _page(source.pool, source, _Asked(ask, cursor, fresh=found is None), now)
    async with reading.one_snapshot(source.pool) as conn:
        if compared:
            head = await look(conn, source, Start(), now)
            if cursor is None or cursor.life != head.life:
                want = page.wanted(head)
                mine = await reading.digests(conn, source.holder.org_id, [b for b in want if b in theirs])
                return await _page(conn, source, _Asked(ask, before=page.before_compared(want, mine, theirs)), now)
        return await _page(conn, source, _Asked(ask, cursor, fresh=found is None), now)


class _Asked(Struct, frozen=True):
    ask: PullAsk
    cursor: Cursor | None = None
    fresh: bool = False
    before: Before | None = None


async def _page(conn: reading.Queryable, source: Source, asked: _Asked, now: datetime) -> Page:
    ask, cursor, before = asked.ask, asked.cursor, asked.before
    if before is None and cursor is not None:
        before = page.before_at(cursor)
    elif before is None and asked.fresh:
        before = page.before_all()
    if before is None:
        return compare_page(source, await look(conn, source, Start(), now), ask.cursor, now)
    read = await look(conn, source, before.start, now, room=room_of_pull())
    if before.start.since is not None and before.start.life != read.life:
        return compare_page(source, read, ask.cursor, now)
    stand = page.stand_after(before, read)
    if ask.check:
        digests = await _digests(conn, source, (stand, read), now)
        return _written(source, (before, stand, read), cursor=cursor, now=now, digests=digests)
    return _written(source, (before, stand, read), cursor=cursor, now=now)


def _written(
    source: Source,
    found: tuple[Before, Stand, Read],
    *,
    cursor: Cursor | None,
    now: datetime,
    digests: dict[str, BucketDigest] | UnsetType = UNSET,
    last: bool = True,
) -> Page:
    before, stand, read = found
    begin = page.begin_of(before, stand, read, head_of(source, read, now))
    after = cursor_at(source, read, stand)
    token = seal_cursor(source.keyring, after)
    end = End(
        cursor=token,
        acked_n=read.acked_n,
        more=stand.more or not last,
        digests=digests,
        warnings=_warnings(read),
    )
    idle = not (read.lines or end.more or begin.buckets is not UNSET or begin.keep or begin.reset or begin.add)
    done = made(page.write(begin, read.frames, end), read, cursor, idle=idle)
    return msgspec.structs.replace(done, onward=Onward(token, after)) if stand.more else done


def _warnings(read: Read) -> tuple[str, ...]:
    crowded, counted = len(read.want), read.documents or 0
    found = set()
    if crowded > limits.SCOPE_BUCKETS or read.left_out:
        found.add(TOO_LARGE)
    if limits.SCOPE_BUCKETS >= crowded > limits.SCOPE_BUCKETS * limits.SCOPE_WARN_SHARE:
        found.add(NEAR_LIMIT)
    if not read.left_out and counted > limits.SCOPE_DOCUMENTS * limits.SCOPE_WARN_SHARE:
        found.add(NEAR_LIMIT)
    return tuple(sorted(found))


async def _digests(
    conn: reading.Queryable, source: Source, after: tuple[Stand, Read], now: datetime
) -> dict[str, BucketDigest]:
    """Digest the touched buckets that are small, and one bucket of any size that changes with the hour."""
    stand, read = after
    org_id, names = source.holder.org_id, stand.names
    numbers = {int(n) for piece in read.frames for found in set(_NUMBERS.findall(piece)) for n in found.split(b",")}
    small = [bucket for bucket in stand.whole if names.index(bucket) in numbers]
    found = await reading.digests(conn, org_id, small, documents=limits.DIGEST_DOCUMENTS + 1)
    found = {bucket: digest for bucket, digest in found.items() if digest.count <= limits.DIGEST_DOCUMENTS}
    if stand.whole:
        turn = stand.whole[int(now.timestamp()) // 3600 % len(stand.whole)]
        if turn not in found:
            found |= await reading.digests(conn, org_id, [turn])
    return {bucket: digest.to_wire() for bucket, digest in found.items()}


def cursor_at(source: Source, read: Read, stand: Stand) -> Cursor:
    """Make the cursor of a device that stands there in that snapshot."""
    assert read.life is not None
    return Cursor(
        life=read.life,
        snapshot=read.snapshot,
        device=source.holder.device_id,
        major=version.MAJOR,
        buckets=stand.whole,
        partial=stand.partial,
        resets=stand.resets,
    )


def head_of(source: Source, read: Read, now: datetime) -> Begin:
    """Make the head of a page, with an anchor of its own."""
    assert read.life is not None
    anchor = make_anchor(source.keyring, now, source.holder.device_id)
    return Begin(life=read.life, server_time=now, anchor=anchor)


def compare_page(source: Source, read: Read, token: str | None, now: datetime) -> Page:
    """Ask the device to pull again with its digests; it stays where it stands."""
    begin = msgspec.structs.replace(head_of(source, read, now), compare=True)
    end = End(cursor=token, acked_n=read.acked_n, more=True)
    return made(page.write(begin, (), end), read, idle=False)


def made(body: bytes, read: Read, cursor: Cursor | None = None, *, idle: bool) -> Page:
    """Wrap a page up with what its sender needs to know of it."""
    return Page(body, idle, page.wanted(read), read.acked_n, read.seen_n, cursor)
