"""The lost-row test: twelve writers at once, with rollbacks, savepoints, slow transactions, moves and deletes, and no page is ever wrong.

Beside it two cursors that look right, the highest identity seen and the latest time seen, follow the same commits and lose rows.
"""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from api.database import open_pool, owner_connection
from api.settings import Settings
from jobs.projection import Projected
from mobile_contract import limits
from sync import documents
from sync.life import ensure_life
from sync.transaction import org_transaction
from tests.devices import OneConnection, StrictDevice, assert_device_equals_server, assert_holds_exactly

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
WRITERS = 12
WRITING_S = 14.0
SLOWEST_S = 1.5
KINDS = ("note", "task", "visit")
# A writer that lost a lock or a race: it goes on with something else.
LOST_RACES = (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError, asyncpg.LockNotAvailableError)

NAIVE = """
create table naive_change (seq bigint generated always as identity primary key, at timestamptz not null default now());
grant select, insert on naive_change to onsite_app;
create index on naive_change (at)"""


@dataclass
class World:
    """What writers write: documents in buckets of one organisation, by the server's own function."""

    pool: asyncpg.Pool
    org_id: UUID
    draw: random.Random
    buckets: list[str]
    keys: list[tuple[str, UUID]]
    commits: int = 0
    rollbacks: int = 0
    stopped: bool = False
    naive: set[int] = field(default_factory=set)

    def change(self) -> list[Projected]:
        """Draw a few documents: new bodies, further buckets, deletes, returns."""
        some = self.draw.sample(self.keys, self.draw.randint(1, 5))
        return [self._document(*key) for key in some]

    def _document(self, kind: str, id: UUID) -> Projected:
        if self.draw.random() < 0.15:
            return Projected(kind, id, None)
        body = b'{"text":"%s"}' % (b"%x" % self.draw.getrandbits(64))
        held = tuple(sorted(self.draw.sample(self.buckets, self.draw.randint(0, 2))))
        return Projected(kind, id, body, held)


async def write(world: World) -> None:
    """Be one writer until the world stops."""
    while not world.stopped:
        slow = world.draw.random() < 0.05
        fails = world.draw.random() < 0.2
        seqs: list[int] = []
        try:
            async with org_transaction(world.pool, world.org_id) as conn:
                for _ in range(world.draw.randint(1, 2)):
                    seqs += await write_once(conn, world)
                if slow:
                    await conn.execute("select pg_sleep($1)", world.draw.uniform(0.1, SLOWEST_S))
                if fails:
                    raise LookupError("rolled back")
        except LookupError:
            world.rollbacks += 1
        except LOST_RACES:
            world.rollbacks += 1
        else:
            world.commits += 1
            world.naive.update(seqs)


async def move(conn: asyncpg.Connection, world: World) -> None:
    """Let a few documents leave a bucket, some of them for another."""
    bucket, other = world.draw.sample(world.buckets, 2)
    leaving = world.draw.sample(world.keys, 6)
    if world.draw.random() < 0.5:
        bodies = [Projected(*key, b'{"moved":"%x"}' % world.draw.getrandbits(32), (other,)) for key in leaving[:3]]
        await documents.write(conn, world.org_id, [], bodies)
    await documents.leave(conn, world.org_id, bucket, leaving)


async def write_once(conn: asyncpg.Connection, world: World) -> list[int]:
    """Write documents, some of them inside a savepoint that is rolled back; gives the identities that count if it commits."""
    if world.draw.random() < 0.3:
        await conn.execute("savepoint inner_one")
        await documents.write(conn, world.org_id, [], world.change())
        await conn.execute("insert into naive_change default values")
        await conn.execute(
            "rollback to savepoint inner_one" if world.draw.random() < 0.6 else "release savepoint inner_one"
        )
    await documents.write(conn, world.org_id, [], world.change())
    if world.draw.random() < 0.5:
        await move(conn, world)
    return [await conn.fetchval("insert into naive_change default values returning seq")]


async def read(world: World, device: StrictDevice, settings: Settings) -> int:
    """Be one device until the world stops: every second page is compared with the server in the snapshot it was read in."""
    compared = 0
    async with owner_connection(settings) as conn:
        while not world.stopped:
            await device.pull(world.pool, now=NOW)
            async with conn.transaction(isolation="repeatable_read", readonly=True):
                await device.pull(cast(asyncpg.Pool, OneConnection(conn)), now=NOW)
                await assert_holds_exactly(device, conn)
                compared += 1
            if world.draw.random() < 0.05:
                await shuffle_scope(conn, world, device)
    return compared


async def shuffle_scope(conn: asyncpg.Connection, world: World, device: StrictDevice) -> None:
    """Let a person lose or regain a bucket."""
    bucket = world.draw.choice(world.buckets)
    changed = await conn.execute(
        "update sync_scope set to_at = case when to_at is null then $4::timestamptz end where org_id = $1 and person_id = $2 and bucket = $3",
        world.org_id,
        device.person_id,
        bucket,
        NOW - timedelta(minutes=1),
    )
    if changed == "UPDATE 0":
        await hold(conn, device, bucket)


async def hold(conn: asyncpg.Connection, device: StrictDevice, bucket: str) -> None:
    """Give a person a bucket."""
    await conn.execute(
        "insert into sync_scope (org_id, person_id, bucket, cause, from_at, prio) values ($1, $2, $3, $2, $4, 5)",
        device.org_id,
        device.person_id,
        bucket,
        NOW - timedelta(days=1),
    )


@dataclass
class Naive:
    """A cursor that looks right: it remembers the highest value it saw."""

    column: str
    last: Any
    seen: set[int] = field(default_factory=set)

    async def follow(self, conn: asyncpg.Connection) -> None:
        """Read what is new."""
        rows = await conn.fetch(
            f"select seq, {self.column} as value from naive_change where {self.column} > $1", self.last
        )
        self.seen.update(row["seq"] for row in rows)
        self.last = max((row["value"] for row in rows), default=self.last)


async def follow_naively(world: World, settings: Settings, cursors: list[Naive]) -> None:
    """Let the naive cursors follow until the world stops, and once more when all is quiet."""
    async with owner_connection(settings) as conn:
        while not world.stopped:
            for cursor in cursors:
                await cursor.follow(conn)


def a_device(world: World) -> StrictDevice:
    return StrictDevice(org_id=world.org_id, id=uuid7(), person_id=uuid7())


@pytest.mark.slow
async def test_no_row_is_lost_under_twelve_writers_and_naive_cursors_lose_many(
    fresh_settings: Settings, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small pages, so that buckets are being filled while writers write.
    monkeypatch.setattr(limits, "PAGE_DOCUMENTS", 25)
    monkeypatch.setattr("sync.reading.FILL_DOCUMENTS_MIN", 5)
    draw = random.Random(seed)
    pool = await open_pool(fresh_settings, size_max=WRITERS + 6)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        owner = await stack.enter_async_context(owner_connection(fresh_settings))
        await owner.execute(NAIVE)
        await ensure_life(pool)
        keys = [(draw.choice(KINDS), UUID(int=draw.getrandbits(128), version=4)) for _ in range(800)]
        world = World(pool, uuid7(), draw, [f"crew/{i}" for i in range(6)], keys)
        devices = [a_device(world) for _ in range(4)]
        for device in devices:
            await owner.execute(
                "insert into sync_device (org_id, device_id, name, secret_hash, enrolled_at) values ($1, $2, 'd', '', $3)",
                world.org_id,
                device.id,
                NOW,
            )
            for bucket in draw.sample(world.buckets, 4):
                await hold(owner, device, bucket)
        cursors = [Naive("seq", 0), Naive("at", NOW - timedelta(days=365 * 20))]
        tasks = [
            *(asyncio.create_task(write(world)) for _ in range(WRITERS)),
            asyncio.create_task(follow_naively(world, fresh_settings, cursors)),
        ]
        readers = [asyncio.create_task(read(world, device, fresh_settings)) for device in devices]
        await asyncio.wait([*tasks, *readers], timeout=WRITING_S, return_when=asyncio.FIRST_EXCEPTION)
        world.stopped = True
        await asyncio.gather(*tasks)
        compared = sum(await asyncio.gather(*readers))
        for cursor in cursors:
            await cursor.follow(owner)
        lost = [len(world.naive - cursor.seen) for cursor in cursors]
        print(
            f"{world.commits} commits, {world.rollbacks} rolled back, {compared} pages compared; naive cursors lost {lost} of {len(world.naive)} rows"
        )
        assert world.commits > 100
        assert compared > 100
        assert min(lost) > 0
        for device in devices:
            await assert_device_equals_server(device, pool, now=NOW)


@pytest.mark.slow
async def test_a_foreign_transaction_left_open_delays_nobody(fresh_settings: Settings, seed: int) -> None:
    draw = random.Random(seed)
    pool = await open_pool(fresh_settings, size_max=6)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        owner = await stack.enter_async_context(owner_connection(fresh_settings))
        foreign = await stack.enter_async_context(owner_connection(fresh_settings))
        await ensure_life(pool)
        keys = [("note", UUID(int=draw.getrandbits(128), version=4)) for _ in range(50)]
        world = World(pool, uuid7(), draw, ["crew/1"], keys)
        device = a_device(world)
        await owner.execute(
            "insert into sync_device (org_id, device_id, name, secret_hash, enrolled_at) values ($1, $2, 'd', '', $3)",
            world.org_id,
            device.id,
            NOW,
        )
        await hold(owner, device, "crew/1")
        await device.catch_up(pool, now=NOW)
        async with foreign.transaction():
            assert await foreign.fetchval("select pg_current_xact_id()") is not None
            open_for = asyncio.create_task(foreign.execute("select pg_sleep(5)"))
            written = 0
            while not open_for.done():
                key = draw.choice(keys)
                text = b'{"n":%d}' % written
                async with org_transaction(pool, world.org_id) as conn:
                    await documents.write(conn, world.org_id, [], [Projected(*key, text, ("crew/1",))])
                # What was committed a moment ago is in the very next page, though an older transaction is still open.
                await device.pull(pool, now=NOW)
                assert device.documents[key][2] == text
                written += 1
            await open_for
        assert written > 50
        await assert_device_equals_server(device, pool, now=NOW)
