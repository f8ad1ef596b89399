"""Retention never changes what a device ends with: random histories, each lived twice, once with retention and once without.

In between transactions stay open over pulls, devices are away, buckets are half filled. Two wrong ideas of a floor are tried as well, and
are caught.
"""

import contextlib
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
import pytest

from api.database import open_pool, owner_connection
from api.settings import Settings
from mobile_contract import limits
from sync import documents
from sync.life import ensure_life
from tests.devices import Copy, StrictDevice, assert_device_equals_server
from tests.sync.ageing import KEEP, marked, removed
from tests.sync.stage import NOW, Stage

BUCKETS = ("crew/1", "crew/2", "ref")
STEPS = 60
HISTORIES = 12
SMALL_PAGE = 6


@dataclass
class Life:
    """One organisation that lives through a history. `forgets`: retention runs where the history says so."""

    stage: Stage
    forgets: bool
    devices: list[StrictDevice]
    now: datetime = NOW
    open: dict[UUID, tuple[asyncpg.Connection, contextlib.AsyncExitStack]] = field(default_factory=dict)
    resets: int = 0
    removed: int = 0

    async def step(self, draw: random.Random, ids: list[UUID]) -> None:
        """Do what the dice say; the same dice say the same in both lives."""
        what = draw.choices(("put", "leave", "delete", "begin", "end", "pull", "forget"), (8, 6, 2, 3, 3, 6, 3))[0]
        id = draw.choice([id for id in ids if id not in self.open] or ids)
        device, bucket = draw.choice(self.devices), draw.choice(BUCKETS)
        buckets = tuple(sorted(draw.sample(BUCKETS, draw.randint(1, 3))))
        text = f"{draw.getrandbits(32):x}"
        if what == "pull":
            await self._pull(device)
        elif what == "forget":
            await self._forget()
        elif what == "end" and self.open:
            await self._end(draw.choice(sorted(self.open)))
        elif id in self.open:
            return
        elif what == "put":
            await self.stage.put(text, *buckets, id=id)
        elif what == "leave":
            await self.stage.leave(bucket, id)
        elif what == "delete":
            await self.stage.delete(id)
        elif what == "begin":
            await self._begin(id, bucket)

    async def _begin(self, id: UUID, bucket: str) -> None:
        """Take a document out of a bucket and do not commit yet."""
        stack = contextlib.AsyncExitStack()
        conn = await stack.enter_async_context(self.stage.pool.acquire())
        await conn.execute(f"begin; select set_config('onsite.org', '{self.stage.org_id}', true)")
        await documents.leave(conn, self.stage.org_id, bucket, [("note", id)])
        self.open[id] = (conn, stack)

    async def _end(self, id: UUID) -> None:
        conn, stack = self.open.pop(id)
        await conn.execute("commit")
        await stack.aclose()

    async def _pull(self, device: StrictDevice) -> None:
        begin, _ = await device.pull(self.stage.pool, now=self.now)
        self.resets += len(begin.reset)

    async def _forget(self) -> None:
        """Let three months pass. Nothing stays open for so long."""
        for id in sorted(self.open):
            await self._end(id)
        if self.forgets:
            await marked(self.stage.pool, self.stage.org_id, self.now)
        self.now += KEEP.ended
        if self.forgets:
            self.removed += (await removed(self.stage.pool, self.stage.org_id, self.now))["ended memberships"]

    async def end(self) -> None:
        """Commit what is open and let every device catch up."""
        await self._forget()
        for device in self.devices:
            for head in await device.catch_up(self.stage.pool, now=self.now, check=True):
                self.resets += len(head.reset)

    def held(self) -> list[dict[str, Copy]]:
        """Give what each device holds, but for its own bucket."""
        return [{name: device.copies[name] for name in BUCKETS} for device in self.devices]


async def live(pool: asyncpg.Pool, seed: int, *, forgets: bool) -> Life:
    """Live one history to its end."""
    draw = random.Random(seed)
    stage = Stage(pool)
    life = Life(stage, forgets, [await stage.device(*BUCKETS) for _ in range(3)])
    ids = [UUID(int=draw.getrandbits(128), version=4) for _ in range(14)]
    for _ in range(STEPS):
        await life.step(draw, ids)
    await life.end()
    return life


async def both(pool: asyncpg.Pool, seed: int) -> Life:
    """Live a history twice and compare the ends; give the life with retention."""
    with_it, without = await live(pool, seed, forgets=True), await live(pool, seed, forgets=False)
    assert with_it.held() == without.held(), f"seed {seed}"
    for device in with_it.devices:
        await assert_device_equals_server(device, pool, now=with_it.now)
    return with_it


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAGE_DOCUMENTS", SMALL_PAGE)
    monkeypatch.setattr("sync.reading.FILL_DOCUMENTS_MIN", 2)


@contextlib.asynccontextmanager
async def living(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(settings, size_max=20)
    try:
        await ensure_life(pool)
        yield pool
    finally:
        pool.terminate()


@pytest.mark.slow
@pytest.mark.usefixtures("small_pages")
async def test_every_device_ends_with_the_same_with_retention_and_without(own_cluster: Settings, seed: int) -> None:
    async with living(own_cluster) as pool:
        lives = [await both(pool, seed + n) for n in range(HISTORIES)]
    removed_rows, resets = sum(life.removed for life in lives), sum(life.resets for life in lives)
    print(f"{HISTORIES} histories of {STEPS} steps: {removed_rows} rows removed, {resets} resets")
    assert removed_rows > HISTORIES
    assert resets > HISTORIES


@pytest.mark.slow
@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("wrong", ["pg_snapshot_xmax", "no floor"])
async def test_a_wrong_floor_is_caught(own_cluster: Settings, seed: int, wrong: str) -> None:
    await break_floor(own_cluster, wrong)
    async with living(own_cluster) as pool:
        for tried in range(10 * HISTORIES):
            try:
                await both(pool, seed + tried)
            except AssertionError:
                print(f"{wrong}: caught by history {tried + 1}")
                return
    raise AssertionError(f"{wrong}: {10 * HISTORIES} histories noticed nothing")


async def break_floor(settings: Settings, wrong: str) -> None:
    """Compare floors with the highest transaction of the cursor in place of the oldest open one, or with nothing at all."""
    compared = re.compile(r"(\w+\.floor) > pg_snapshot_xmin\(([^)]+)\)")
    instead = r"\1 > pg_snapshot_xmax(\2)" if wrong == "pg_snapshot_xmax" else "false"
    async with owner_connection(settings) as conn:
        source = await conn.fetchval("select pg_get_functiondef('sync_page'::regproc)")
        broken, times = compared.subn(instead, source)
        assert times == 1, "the pull compares floors in another way now: break that one"
        await conn.execute(broken)
