"""Answers pulls: the page that brings a device from its cursor to the snapshot in which the page is read. Writes nothing.

The cursor is PostgreSQL's snapshot (protocol §3), so no change is ever skipped. A pull that finds nothing to fill is one statement; any
other page is read in one REPEATABLE READ transaction. A cursor that cannot be followed is compared, never refused.
"""

import os
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
from sync.cursor import Cursor, Unusable, open_cursor, seal_cursor
from sync.keyring import Keyring
from sync.life import ensure_life, raise_if_standby
from sync.page import Changes, Plan, Stand
from sync.reading import Holder, Look

NEAR_LIMIT: Final = "scope_near_limit"
TOO_LARGE: Final = "scope_too_large"
# However much moved, a page brings filling forward by this many documents.
_FILL_DOCUMENTS_MIN: Final = 250
_ATTEMPTS: Final = 3


class Page(Struct, frozen=True):
    """A page as it leaves. `idle`: it says nothing new, so a long poll may wait; `want`: the buckets whose change would matter."""

    body: bytes
    idle: bool
    want: tuple[str, ...]
    acked_n: int
    seen_n: int


class Source(Struct, frozen=True):
    """Where pages come from and whose they are."""

    pool: asyncpg.Pool
    keyring: Keyring
    holder: Holder


class LifeOver(Exception):
    """There is no life that holds: a new one must begin before anything is answered."""


async def pull(source: Source, ask: PullAsk, *, now: datetime) -> Page:
    """Make one page. Raises Standby; ValueError for digests that are none."""
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


async def look(conn: reading.Queryable, source: Source, cursor: Cursor | None, now: datetime) -> Look:
    """Read the head of a page and what moved. Raises LifeOver."""
    seen = await reading.look(conn, source.holder, cursor, now)
    if seen.life is None:
        raise LifeOver
    return seen


async def _pull(source: Source, ask: PullAsk, theirs: Mapping[str, Digest], now: datetime) -> Page:
    found = opened(source, ask.cursor)
    cursor = found if isinstance(found, Cursor) else None
    compared = ask.digests is not None
    fresh = found is None and not compared
    filling = cursor is not None and (cursor.partial is not None or cursor.resets)
    if not (fresh or filling or ask.check or compared):
        seen = await look(source.pool, source, cursor, now)
        if cursor is None or cursor.life != seen.life:
            return compare_page(source, seen, ask.cursor, now)
        plan = page.plan_on(cursor, seen)
        if not plan.candidates:
            return _written(_Reading(source, seen, plan, now))
    async with reading.one_snapshot(source.pool) as conn:
        seen = await look(conn, source, cursor, now)
        following = cursor if cursor is not None and cursor.life == seen.life else None
        if following is not None:
            plan = page.plan_on(following, seen)
        elif fresh:
            plan = page.plan_anew(seen)
        elif compared:
            mine = await reading.digests(conn, source.holder.org_id, [b for b in page.wanted(seen) if b in theirs])
            plan = page.plan_compared(seen, mine, theirs)
        else:
            return compare_page(source, seen, ask.cursor, now)
        return await _filled(conn, _Reading(source, seen, plan, now), check=ask.check)


class _Reading(Struct, frozen=True):
    source: Source
    seen: Look
    plan: Plan
    now: datetime


async def _filled(conn: asyncpg.Connection, made: _Reading, *, check: bool) -> Page:
    """Read documents for the candidates of a plan as far as the page has room, and the digests asked for."""
    org_id = made.source.holder.org_id
    plan, warnings = await _within_limits(conn, made)
    filled: list[reading.Filled] = []
    if plan.candidates:
        moved = Changes(plan.before or ())
        moved.move(made.seen.moved)
        filled = await reading.fill(
            conn,
            org_id,
            [c.bucket for c in plan.candidates],
            after=plan.candidates[0].after or page.FIRST_KEY,
            documents=max(_FILL_DOCUMENTS_MIN, limits.PAGE_DOCUMENTS - len(moved)),
            size=limits.PAGE_BYTES - moved.size,
        )
    stand = page.stand_after(plan, filled)
    changes = Changes(stand.names)
    changes.move(made.seen.moved)
    changes.fill(filled, plan.candidates)
    digests: dict[str, BucketDigest] | UnsetType = UNSET
    if check:
        digests = await _digests(conn, made, stand, changes.touched)
    made = msgspec.structs.replace(made, plan=plan)
    return _written(made, stand=stand, changes=changes, digests=digests, warnings=warnings)


async def _within_limits(conn: asyncpg.Connection, made: _Reading) -> tuple[Plan, tuple[str, ...]]:
    """Leave out what would take a person past 50,000 documents; what is held already stays. Counted only where a bucket begins."""
    plan, crowded = made.plan, _crowded(made.seen)
    begin = [c.bucket for c in plan.candidates if c.after is None and not c.reset]
    if not begin:
        return plan, crowded
    held = [*plan.whole, *(c.bucket for c in plan.candidates if c.bucket not in begin)]
    counts = await reading.digests(
        conn, made.source.holder.org_id, [*held, *begin], documents=limits.SCOPE_DOCUMENTS + 1
    )
    total = sum(counts[bucket].count for bucket in held)
    left_out: set[str] = set()
    for bucket in begin:
        if total + counts[bucket].count > limits.SCOPE_DOCUMENTS:
            left_out.add(bucket)
        else:
            total += counts[bucket].count
    if left_out:
        crowded = tuple(sorted({*crowded, TOO_LARGE}))
    elif total > limits.SCOPE_DOCUMENTS * limits.SCOPE_WARN_SHARE:
        crowded = tuple(sorted({*crowded, NEAR_LIMIT}))
    candidates = tuple(c for c in plan.candidates if c.bucket not in left_out)
    return msgspec.structs.replace(plan, candidates=candidates), crowded


def _crowded(seen: Look) -> tuple[str, ...]:
    if len(seen.want) > limits.SCOPE_BUCKETS:
        return (TOO_LARGE,)
    return (NEAR_LIMIT,) if len(seen.want) > limits.SCOPE_BUCKETS * limits.SCOPE_WARN_SHARE else ()


async def _digests(
    conn: asyncpg.Connection, made: _Reading, stand: Stand, touched: set[str]
) -> dict[str, BucketDigest]:
    """Digest the touched buckets that are small, and one bucket of any size that changes with the hour."""
    org_id = made.source.holder.org_id
    small = [bucket for bucket in stand.whole if bucket in touched]
    found = await reading.digests(conn, org_id, small, documents=limits.DIGEST_DOCUMENTS + 1)
    found = {bucket: digest for bucket, digest in found.items() if digest.count <= limits.DIGEST_DOCUMENTS}
    if stand.whole:
        turn = stand.whole[int(made.now.timestamp()) // 3600 % len(stand.whole)]
        if turn not in found:
            found |= await reading.digests(conn, org_id, [turn])
    return {bucket: digest.to_wire() for bucket, digest in found.items()}


def _written(
    made: _Reading,
    *,
    stand: Stand | None = None,
    changes: Changes | None = None,
    digests: dict[str, BucketDigest] | UnsetType = UNSET,
    warnings: tuple[str, ...] | None = None,
) -> Page:
    source, seen, plan = made.source, made.seen, made.plan
    stand = page.stand_after(plan, ()) if stand is None else stand
    if changes is None:
        changes = Changes(stand.names)
        changes.move(seen.moved)
    begin = page.begin_of(plan, stand, head_of(source, seen, made.now))
    end = End(
        cursor=seal_cursor(source.keyring, cursor_at(source, seen, stand)),
        acked_n=seen.acked_n,
        more=stand.more,
        digests=digests,
        warnings=_crowded(seen) if warnings is None else warnings,
    )
    idle = not (len(changes) or stand.more or begin.buckets is not UNSET or begin.keep or begin.reset or begin.add)
    return _page(page.write(begin, changes.frames(), end), seen, idle=idle)


def cursor_at(source: Source, seen: Look, stand: Stand) -> Cursor:
    """Make the cursor of a device that stands there in that snapshot."""
    assert seen.life is not None
    return Cursor(
        life=seen.life,
        snapshot=seen.snapshot,
        device=source.holder.device_id,
        major=version.MAJOR,
        buckets=stand.whole,
        partial=stand.partial,
        resets=stand.resets,
    )


def head_of(source: Source, seen: Look, now: datetime) -> Begin:
    """Make the head of a page, with an anchor of its own."""
    assert seen.life is not None
    anchor = make_anchor(source.keyring, now, source.holder.device_id, os.urandom(8))
    return Begin(life=seen.life, server_time=now, anchor=anchor)


def compare_page(source: Source, seen: Look, token: str | None, now: datetime) -> Page:
    """Ask the device to pull again with its digests; it stays where it stands."""
    begin = msgspec.structs.replace(head_of(source, seen, now), compare=True)
    end = End(cursor=token, acked_n=seen.acked_n, more=True)
    return _page(page.write(begin, (), end), seen, idle=False)


def _page(body: bytes, seen: Look, *, idle: bool) -> Page:
    return Page(body, idle, page.wanted(seen), seen.acked_n, seen.seen_n)
