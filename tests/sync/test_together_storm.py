"""Pulls of one process that go together while others write: each page is the one that its device would get alone in the same snapshot.

And the storm notices: with a fault of the statement's that mixes up whose page is whose, it fails.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from api.database import open_pool, owner_connection
from api.settings import Settings
from mobile_contract.schema.messages import PullAsk
from sync import pull, reading, together
from sync.gate import Gate
from sync.life import ensure_life
from sync.reading import Read, Start, room_of_pull
from sync.together import Together
from tests.devices import assert_device_equals_server
from tests.sync import test_pull_lost_rows
from tests.sync.stage import NOW, Stage
from tests.sync.test_pull_lost_rows import NAIVE, World, write
from tests.sync.test_together import Phone, phone_on, told

PHONES = 20
WRITERS = 4
STORM_S = 12.0
ENOUGH = 800
SECOND = timedelta(seconds=1)
_FETCH = together._fetch
_SOURCE = "select pg_get_functiondef(oid) from pg_proc where proname = 'sync_pages'"

FAULTS = {
    "everybody gets what the first one may see": (
        "public.sync_about(q.life, q.last_n, q.seen_n, q.want)",
        "public.sync_about(q.life, q.last_n, q.seen_n, first_value(q.want) over (order by q.no))",
    ),
    "who has no news gets the last one's": (
        "'}' else '}' end end, w.frames",
        "'}' else '}' end end, coalesce(w.frames, lag(w.frames) over (order by w.no))",
    ),
    "everybody is followed from where the first one stands": (
        "public.sync_moved(q.plain, q.org, q.whole, q.since)",
        "public.sync_moved(q.plain, q.org, q.whole, $7[1]::pg_snapshot)",
    ),
    "who has left a bucket still sees it": (
        "s.org_id = a.org and s.person_id = k.opener and s.from_at <= $5 and (s.to_at is null or s.to_at > $5)",
        "s.org_id = a.org and s.person_id = k.opener and s.from_at <= $5",
    ),
}


@dataclass
class Storm:
    """Phones that pull through one gathering while writers write; `alone` is what each ask would have got by itself in its statement's snapshot."""

    world: World
    stage: Stage
    phones: list[Phone]
    draw: random.Random
    now: datetime = NOW
    gathered: Together = field(default_factory=lambda: Together(Gate(4)))
    alone: dict[tuple[UUID, str, str], Read | Exception] = field(default_factory=dict)
    asks: list[int] = field(default_factory=list)
    compared: int = 0
    news: int = 0

    def clock(self) -> datetime:
        """Tell the time."""
        return self.now

    async def fetch(self, conn: asyncpg.Connection, asks: Sequence["together.Ask"]) -> list[asyncpg.Record]:
        """Ask together as ever, and in the same snapshot once more for each."""
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            now = asks[-1].clock()
            rows = await _FETCH(conn, asks)
            self.asks.append(len(asks))
            for ask in asks:
                read = await reading.read(conn, ask.holder, Start.at(ask.cursor), now, room=room_of_pull())
                self.alone[ask.holder.device_id, ask.cursor.snapshot, read.snapshot] = read
        return rows

    async def follow(self, phone: Phone) -> None:
        """Be one phone until the storm is over."""
        pool = self.stage.pool
        while not self.world.stopped:
            cursor = pull.following(phone.source(pool), PullAsk(cursor=phone.cursor))
            if cursor is None:
                await phone.catch_up(pool, now=self.now)
                continue
            asking = asyncio.ensure_future(self.gathered.read(pool, phone.source(pool).holder, cursor, self.clock))
            if self.draw.random() < 0.05:
                await asyncio.wait({asking}, timeout=0)
                asking.cancel()
                continue
            read = await asking
            if read is None:
                await phone.pull(pool, now=self.now)
                continue
            # Who asked while nobody else did was read alone.
            alone = self.alone.pop((phone.id, cursor.snapshot, read.snapshot), None)
            if alone is not None:
                assert told(read) == told(alone), phone.id
                self.compared += 1
                self.news += read.lines
            page = pull.followed(phone.source(pool), PullAsk(cursor=phone.cursor), read, cursor=cursor, now=self.now)
            assert page is not None
            phone.apply(page)
            self.world.stopped = self.world.stopped or self.compared >= ENOUGH

    async def move_people(self) -> None:
        """Let time pass, and people come into buckets and leave them, a little ago or soon."""
        while not self.world.stopped:
            self.now += SECOND
            phone, at = self.draw.choice(self.phones), self.now + self.draw.randint(-1, 2) * SECOND
            bucket = self.draw.choice(self.world.buckets)
            if self.draw.random() < 0.5:
                await self.stage.give(phone, bucket, at=at)
            else:
                await self.stage.take(phone, bucket, at=at)


@contextlib.asynccontextmanager
async def storm_on(settings: Settings, draw: random.Random) -> AsyncIterator[Storm]:
    """Make a world with its phones on a database of its own."""
    pool = await open_pool(settings, size_max=WRITERS + 8)
    try:
        async with owner_connection(settings) as owner:
            await owner.execute(NAIVE)
        await ensure_life(pool)
        stage = Stage(pool)
        keys = [(draw.choice(("note", "task")), UUID(int=draw.getrandbits(128), version=4)) for _ in range(300)]
        world = World(pool, stage.org_id, draw, [f"crew/{i}" for i in range(6)], keys)
        phones = [await phone_on(stage, *draw.sample(world.buckets, draw.randint(1, 4))) for _ in range(PHONES)]
        yield Storm(world, stage, phones, draw)
    finally:
        await pool.close()


async def weather(storm: Storm) -> None:
    """Let it blow until enough pages were compared, the time is over or something is wrong; raises what was wrong."""
    writing = [asyncio.create_task(write(storm.world)) for _ in range(WRITERS)]
    writing.append(asyncio.create_task(storm.move_people()))
    following = [asyncio.create_task(storm.follow(phone)) for phone in storm.phones]
    await asyncio.wait([*writing, *following], timeout=STORM_S, return_when=asyncio.FIRST_EXCEPTION)
    storm.world.stopped = True
    ended = await asyncio.gather(*writing, *following, return_exceptions=True)
    for wrong in ended:
        if isinstance(wrong, BaseException):
            raise wrong


@pytest.fixture
def witnessed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    # A slow transaction every now and then, so that snapshots have open ones in the middle; the storm is short.
    monkeypatch.setattr(test_pull_lost_rows, "SLOWEST_S", 0.3)
    return monkeypatch


@pytest.mark.slow
async def test_each_page_is_the_one_that_its_device_gets_alone_in_that_snapshot(
    fresh_settings: Settings, seed: int, witnessed: pytest.MonkeyPatch
) -> None:
    async with storm_on(fresh_settings, random.Random(seed)) as storm:
        witnessed.setattr(together, "_fetch", storm.fetch)
        await weather(storm)
        together_at_most = max(storm.asks)
        print(
            f"{storm.world.commits} commits, {storm.compared} pages, {storm.news} changes, {len(storm.asks)} statements"
        )
        assert storm.compared > 150
        assert storm.news > 50
        assert storm.world.commits > 20
        assert together_at_most > 4
        assert len(storm.asks) < storm.compared
        for phone in storm.phones:
            await assert_device_equals_server(phone, storm.stage.pool, now=storm.now)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
async def test_the_storm_finds_a_statement_that_mixes_up_its_asks(
    fresh_settings: Settings, seed: int, witnessed: pytest.MonkeyPatch, fault: str
) -> None:
    right, wrong = FAULTS[fault]
    async with owner_connection(fresh_settings) as owner:
        source = await owner.fetchval(_SOURCE)
        assert source.count(right) == 1
        await owner.execute(source.replace(right, wrong))
    async with storm_on(fresh_settings, random.Random(seed)) as storm:
        witnessed.setattr(together, "_fetch", storm.fetch)
        # Noticed by the comparison, or because the page contradicts itself.
        with pytest.raises((AssertionError, ValueError)):
            await weather(storm)
