"""A strict device for tests: applies pages to the letter, in memory, and compares itself with the server. Shares no code with the one it checks.

Each bucket keeps its own copy of its documents, which a real device need not: so a change that reached one bucket and missed another shows.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET

from mobile_contract.digest import Digest, document_hash, from_hex, from_signed
from mobile_contract.ranges import range_of, range_sums, sums_to_wire
from mobile_contract.schema.messages import Begin, BucketDigest, Del, End, Frame, Mend, PullAsk, Put, RepairAsk
from sync import pull, repair
from sync.cursor import Cursor
from sync.keyring import Keyring, make_keyring
from sync.pull import Page, Source
from sync.reading import Holder

Key: TypeAlias = tuple[str, UUID]
Copy: TypeAlias = dict[Key, tuple[int, int, bytes]]

KEYRING = make_keyring(b"a secret for tests, the same in every session")

_STATE = """
select m.bucket, m.kind, m.id, m.h member_h, d.ver, d.h, d.body from sync_member m
left join sync_doc d on d.org_id = m.org_id and d.kind = m.kind and d.id = m.id
where m.org_id = $1 and m.bucket = any($2) and not m.gone"""


@dataclass(kw_only=True)
class StrictDevice:
    """A device that holds exactly what it was told, and fails on whatever it was not allowed to be told."""

    org_id: UUID
    id: UUID
    person_id: UUID | None
    keyring: Keyring = KEYRING
    cursor: str | None = None
    order: list[str] = field(default_factory=list)
    copies: dict[str, Copy] = field(default_factory=dict)
    staged: dict[str, Copy] = field(default_factory=dict)
    acked_n: int = 0
    warnings: tuple[str, ...] = ()
    pages: int = 0

    def source(self, pool: asyncpg.Pool) -> Source:
        """Say whose pages these are."""
        return Source(pool, self.keyring, Holder(self.org_id, self.id, self.person_id))

    async def pull(self, pool: asyncpg.Pool, *, now: datetime, **ask: Any) -> tuple[Begin, End]:
        """Fetch and apply one page, comparing where the server asks for it; gives its head and foot."""
        page = await pull.pull(self.source(pool), PullAsk(cursor=self.cursor, **ask), now=now)
        begin, end = self.apply(page)
        if not begin.compare:
            return begin, end
        assert "digests" not in ask, "the server asked for digests that it had"
        return await self.pull(pool, now=now, digests=self.digests(), **ask)

    async def catch_up(self, pool: asyncpg.Pool, *, now: datetime, **ask: Any) -> list[Begin]:
        """Pull until there is no more; gives the heads."""
        heads = []
        for _ in range(500):
            begin, end = await self.pull(pool, now=now, **ask)
            heads.append(begin)
            if not end.more:
                return heads
        raise AssertionError("there was always one more page")

    async def repair(self, pool: asyncpg.Pool, bucket: str, *, now: datetime) -> tuple[Begin, End]:
        """Have one bucket mended."""
        sums = sums_to_wire(range_sums((id, h) for (_, id), (_, h, _) in self.copy_of(bucket).items()))
        ask = RepairAsk(cursor=self.cursor, bucket=bucket, sums=sums)
        return self.apply(await repair.repair(self.source(pool), ask, now=now))

    def digests(self) -> dict[str, BucketDigest]:
        """Digest what is held: of a bucket that is being reset, the new copy."""
        return {name: Digest.of(h for _, h, _ in self.copy_of(name).values()).to_wire() for name in self.order}

    def copy_of(self, bucket: str) -> Copy:
        """Give the copy of a bucket that pages change."""
        return self.staged.get(bucket, self.copies.get(bucket, {}))

    @property
    def documents(self) -> Copy:
        """Give what is shown: the documents of all buckets."""
        return {key: content for copy in self.copies.values() for key, content in copy.items()}

    def apply(self, page: Page | bytes) -> tuple[Begin, End]:
        """Apply a page at once; AssertionError for one that breaks the protocol."""
        lines = (page if isinstance(page, bytes) else page.body).splitlines()
        begin, *changes, end = [msgspec.json.decode(line, type=Frame) for line in lines]
        assert isinstance(begin, Begin) and isinstance(end, End)
        self.pages += 1
        if begin.compare:
            assert not changes and end.cursor == self.cursor
            return begin, end
        self._arrange(begin)
        mended: set[Key] = set()
        for change in changes:
            self._change(change, mended)
        if not end.more:
            self._swap(self.staged)
        for name, theirs in ({} if end.digests is UNSET else end.digests).items():
            assert self.digests()[name] == theirs, f"the digest of {name} differs"
        self.cursor, self.acked_n, self.warnings = end.cursor, end.acked_n, end.warnings
        return begin, end

    def _arrange(self, begin: Begin) -> None:
        names = self.order if begin.buckets is UNSET else list(begin.buckets)
        gone = set(self.order) - set(names)
        assert gone <= set(begin.drop) or self.cursor is None, "a bucket vanished without a drop"
        assert not set(begin.drop) & set(names)
        for name in gone:
            self.copies.pop(name, None)
            self.staged.pop(name, None)
        new = set(names) - set(self.order)
        assert new <= {*begin.add, *begin.keep}, "a bucket appeared without being begun"
        assert not set(begin.add) - new, "a bucket was added that is held"
        if begin.add or begin.reset:
            self._swap(set(self.staged) - set(begin.reset))
        for name in begin.keep:
            if name in self.staged:
                self._swap([name])
        for name in begin.add:
            self.copies[name] = {}
        for name in begin.reset:
            assert name in self.copies, "what is reset was never held"
            self.staged[name] = {}
        self.order = names

    def _swap(self, names: Iterable[str]) -> None:
        for name in list(names):
            self.copies[name] = self.staged.pop(name)

    def _change(self, change: Begin | Put | Del | Mend | End, mended: set[Key]) -> None:
        if isinstance(change, Put):
            body = bytes(change.body)
            h = from_hex(change.h)
            assert h == document_hash(change.kind, change.id, change.ver, body)
            assert change.b and len(set(change.b)) == len(change.b)
            for number in change.b:
                copy = self.copy_of(self.order[number])
                before = copy.get((change.kind, change.id))
                assert before is None or before[0] <= change.ver, "a version went back"
                copy[change.kind, change.id] = (change.ver, h, body)
        elif isinstance(change, Del):
            for number in change.b:
                self.copy_of(self.order[number]).pop((change.kind, change.id), None)
        else:
            assert isinstance(change, Mend)
            copy = self.copy_of(self.order[change.b])
            for key in [key for key in copy if range_of(key[1]) in change.ranges]:
                del copy[key]


async def server_state(conn: asyncpg.Connection, org_id: UUID, buckets: Iterable[str]) -> dict[str, Copy]:
    """Read what buckets hold, past row-level security; AssertionError where the tables contradict each other."""
    state: dict[str, Copy] = {bucket: {} for bucket in buckets}
    for row in await conn.fetch(_STATE, org_id, list(state)):
        assert row["body"] is not None and row["member_h"] == row["h"], dict(row)
        state[row["bucket"]][row["kind"], row["id"]] = (row["ver"], from_signed(row["h"]), row["body"])
    return state


async def assert_holds_exactly(device: StrictDevice, conn: asyncpg.Connection) -> None:
    """Compare a device with the server in the snapshot of `conn`'s transaction: whole buckets whole, a partial one up to its last key."""
    cursor = pull.opened(device.source(conn), device.cursor)
    assert isinstance(cursor, Cursor)
    partial = cursor.partial
    state = await server_state(conn, device.org_id, [*cursor.buckets, *([partial.bucket] if partial else [])])
    for bucket in cursor.buckets:
        assert difference(device.copy_of(bucket), state[bucket]) == {}, bucket
    if partial is not None:
        last = (partial.after_kind, partial.after_id)
        upto = {key: content for key, content in state[partial.bucket].items() if key <= last}
        assert difference(device.copy_of(partial.bucket), upto) == {}, partial.bucket


async def assert_device_equals_server(device: StrictDevice, pool: asyncpg.Pool, *, now: datetime) -> None:
    """On a quiet server: what a device got by snapshot and changes is what a new device gets by a snapshot, and digests agree."""
    await device.catch_up(pool, now=now, check=True)
    fresh = StrictDevice(org_id=device.org_id, id=device.id, person_id=device.person_id, keyring=device.keyring)
    await fresh.catch_up(pool, now=now)
    assert set(device.copies) == set(fresh.copies)
    assert not device.staged
    for bucket, copy in fresh.copies.items():
        assert difference(device.copies[bucket], copy) == {}, bucket
    assert device.acked_n == fresh.acked_n


def difference(ours: Copy, theirs: Copy) -> dict[Key, tuple[object, object]]:
    """Show where two copies differ; nothing when they are equal."""
    return {
        key: (ours.get(key), theirs.get(key)) for key in sorted({*ours, *theirs}) if ours.get(key) != theirs.get(key)
    }


class OneConnection:
    """A pool of one connection, so that a pull sees the snapshot of the transaction that is open on it."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self._conn = conn

    async def fetch(self, *args: Any) -> list[asyncpg.Record]:
        """Run a query."""
        rows: list[asyncpg.Record] = await self._conn.fetch(*args)
        return rows

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend the connection."""
        yield self._conn
