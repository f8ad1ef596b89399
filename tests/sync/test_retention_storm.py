"""Retention while twelve writers write and devices pull: what has ended is forgotten as soon as it can be, and no page is ever wrong."""

import asyncio
import contextlib
import random
from datetime import timedelta
from functools import partial
from typing import cast
from uuid import UUID

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from api.database import open_pool, owner_connection
from api.settings import Settings
from mobile_contract import limits
from sync import retention
from sync.life import ensure_life
from sync.retention import Keep
from tests.devices import OneConnection, StrictDevice, assert_device_equals_server, assert_holds_exactly
from tests.sync import test_pull_lost_rows
from tests.sync.ageing import floors, removed
from tests.sync.test_pull_lost_rows import NAIVE, NOW, WRITERS, World, a_device, hold, read, write
from tests.waiting import until

STORM_S = 8.0
AT_ONCE = Keep(ended=timedelta(0))


async def forget_on(world: World, found: list[int]) -> None:
    """Forget again and again until the world stops, each time as if a day had passed."""
    day = 0
    while not world.stopped:
        day += 1
        gone = await removed(world.pool, world.org_id, NOW + timedelta(days=day), keep=AT_ONCE)
        found.append(gone["ended memberships"])


async def read_rarely(world: World, device: StrictDevice, settings: Settings, found: list[int]) -> int:
    """Be a device that is away while memberships are forgotten; give how many buckets were sent to it anew."""
    resets = 0
    async with owner_connection(settings) as conn:
        while not world.stopped:
            async with conn.transaction(isolation="repeatable_read", readonly=True):
                for head in await device.catch_up(cast(asyncpg.Pool, OneConnection(conn)), now=NOW):
                    resets += len(head.reset)
                await assert_holds_exactly(device, conn)
            await until(partial(_reached, world, found, sum(found) + 15), timeout_s=4 * STORM_S)
    return resets


@pytest.mark.slow
async def test_no_page_is_wrong_while_what_ended_is_forgotten_at_once(
    own_cluster: Settings, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAGE_DOCUMENTS", 25)
    monkeypatch.setattr("sync.reading.FILL_DOCUMENTS_MIN", 5)
    monkeypatch.setattr(retention, "AT_ONCE", 20)
    # Nothing is forgotten that is younger than the oldest open transaction of the server, hence one that nobody else uses.
    monkeypatch.setattr(test_pull_lost_rows, "SLOWEST_S", 0.3)
    draw = random.Random(seed)
    pool = await open_pool(own_cluster, size_max=WRITERS + 8)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        owner = await stack.enter_async_context(owner_connection(own_cluster))
        await owner.execute(NAIVE)
        await ensure_life(pool)
        keys = [(draw.choice(("note", "task")), UUID(int=draw.getrandbits(128), version=4)) for _ in range(600)]
        world = World(pool, uuid7(), draw, [f"crew/{i}" for i in range(6)], keys)
        devices = [a_device(world) for _ in range(6)]
        for device in devices:
            await enrol(owner, world, device)
            for bucket in draw.sample(world.buckets, 4):
                await hold(owner, device, bucket)
        forgotten: list[int] = []
        tasks = [*(asyncio.create_task(write(world)) for _ in range(WRITERS))]
        tasks += [asyncio.create_task(forget_on(world, forgotten)) for _ in range(2)]
        readers = [asyncio.create_task(read(world, device, own_cluster)) for device in devices[:4]]
        rare = [asyncio.create_task(read_rarely(world, device, own_cluster, forgotten)) for device in devices[4:]]
        await asyncio.wait([*tasks, *readers, *rare], timeout=STORM_S, return_when=asyncio.FIRST_EXCEPTION)
        world.stopped = True
        await asyncio.gather(*tasks)
        compared, resets = sum(await asyncio.gather(*readers)), sum(await asyncio.gather(*rare))
        print(f"{world.commits} commits, {compared} pages compared, {sum(forgotten)} forgotten, {resets} resets")
        assert world.commits > 100
        assert compared > 50
        assert sum(forgotten) > 20
        assert resets > 0
        assert await floors(pool, world.org_id)
        for device in devices:
            await assert_device_equals_server(device, pool, now=NOW)


def _reached(world: World, found: list[int], enough: int) -> bool:
    return world.stopped or sum(found) >= enough


async def enrol(owner: asyncpg.Connection, world: World, device: StrictDevice) -> None:
    await owner.execute(
        "insert into sync_device (org_id, device_id, name, secret_hash, enrolled_at) values ($1, $2, 'd', '', $3)",
        *(world.org_id, device.id, NOW),
    )
