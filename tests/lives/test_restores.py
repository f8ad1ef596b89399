"""A dump carries the life along, and transaction ids of another server. Neither may be believed."""

import asyncpg
import pytest

from api.database import owner_connection
from api.settings import Settings
from sync import pull
from sync.cursor import Cursor, snapshot_xmin
from sync.life import current_life, ensure_life
from sync.reading import Start
from tests.devices import StrictDevice
from tests.lives.checking import Differences, differences, words
from tests.lives.servers import burn, reconnect, staged, use_database
from tests.sync.stage import NOW, Stage

BUCKETS = ("crew/1", "ref")
_BELIEVE = """
update sync_life set rel = 'public.sync_life'::regclass, system = (select system_identifier from pg_control_system()),
  db = (select oid from pg_database where datname = current_database())"""
_SETTLE_NOTHING = """
create or replace function sync_settle(from_block bigint, to_block bigint) returns bigint
language sql volatile security definer set search_path = pg_catalog, public, pg_temp as 'select 0::bigint'"""


async def device_of(stage: Stage) -> StrictDevice:
    """Give a device that has followed for a while."""
    device = await stage.device(*BUCKETS)
    await stage.put("before", "crew/1")
    await stage.put_many(3, "ref")
    await device.catch_up(stage.pool, now=NOW)
    assert len(device.copies["crew/1"]) >= 1
    return device


async def follow_on(stage: Stage, device: StrictDevice, settings: Settings) -> Differences:
    """Write under the restored database, pull, compare."""
    await reconnect(stage, settings)
    cursor = pull.opened(device.source(stage.pool), device.cursor)
    assert isinstance(cursor, Cursor)
    id = await stage.put("after", "crew/1")
    async with owner_connection(settings) as conn:
        xid = await conn.fetchval("select max(xid::text::int8) from sync_member where id = $1", id)
    assert xid < snapshot_xmin(cursor.snapshot), "the danger was not there: this server is ahead of the dumped one"
    await device.catch_up(stage.pool, now=NOW)
    return await differences(settings, device, BUCKETS)


@pytest.mark.slow
async def test_with_a_life_believed_that_came_in_a_dump_a_row_is_missed(
    fresh_settings: Settings, own_cluster: Settings
) -> None:
    await burn(fresh_settings, 20_000)
    async with staged(fresh_settings) as stage:
        believing, device = await device_of(stage), await device_of(stage)
        life = await current_life(stage.pool)
        await use_database(own_cluster, fresh_settings)
        async with owner_connection(own_cluster) as conn:
            assert await conn.fetchval("select life from sync_life") == life, "the dump did not carry the life along"
            await conn.execute(_BELIEVE)
        found = await follow_on(stage, believing, own_cluster)
        print(f"life of the dump believed: {words(found)}")
        assert found.keys() == {"crew/1"}
        await use_database(own_cluster, fresh_settings)
        assert await follow_on(stage, device, own_cluster) == {}
        assert await current_life(stage.pool) != life


@pytest.mark.slow
async def test_with_foreign_transaction_ids_kept_every_pull_repeats_them(
    fresh_settings: Settings, own_cluster: Settings
) -> None:
    await burn(fresh_settings, 20_000)
    async with staged(fresh_settings) as stage:
        device = await device_of(stage)
        await use_database(own_cluster, fresh_settings)
        async with owner_connection(own_cluster) as conn:
            await conn.execute(_SETTLE_NOTHING)
        repeated = await repeats(stage, device, own_cluster)
        print(f"foreign ids kept: {repeated} memberships come with every pull")
        assert repeated >= 4
        await use_database(own_cluster, fresh_settings)
        assert await repeats(stage, await device_of_other(stage, own_cluster), own_cluster) == 0


async def device_of_other(stage: Stage, settings: Settings) -> StrictDevice:
    """Give a device of the restored database."""
    await reconnect(stage, settings)
    return await stage.device(*BUCKETS)


async def repeats(stage: Stage, device: StrictDevice, settings: Settings) -> int:
    """Catch up on a quiet server, then count what one more look calls moved. The device's content is right either way."""
    await reconnect(stage, settings)
    await ensure_life(stage.pool)
    await device.catch_up(stage.pool, now=NOW)
    assert await differences(settings, device, BUCKETS) == {}
    source = device.source(stage.pool)
    cursor = pull.opened(source, device.cursor)
    assert isinstance(cursor, Cursor)
    return (await pull.look(stage.pool, source, Start.at(cursor), NOW)).lines


@pytest.mark.slow
async def test_what_was_forgotten_before_the_dump_resets_nobody_after_it(
    fresh_settings: Settings, own_cluster: Settings
) -> None:
    await burn(fresh_settings, 20_000)
    async with staged(fresh_settings) as stage:
        device = await device_of(stage)
        await raise_floor(fresh_settings, stage)
        await use_database(own_cluster, fresh_settings)
        await reconnect(stage, own_cluster)
        heads = await device.catch_up(stage.pool, now=NOW)
        assert heads[0].compare or heads[0].keep
        await stage.put("after", "crew/1")
        (begin,) = await device.catch_up(stage.pool, now=NOW)
        assert begin.reset == (), "a floor of the dumped server, far above this one's ids, was believed"
        assert await differences(own_cluster, device, BUCKETS) == {}


async def raise_floor(settings: Settings, stage: Stage) -> None:
    """Let a bucket have forgotten up to now."""
    async with owner_connection(settings) as conn:
        await _raise(conn, stage)


async def _raise(conn: asyncpg.Connection, stage: Stage) -> None:
    await conn.execute(
        "insert into sync_floor select $1, 'crew/1', life, pg_snapshot_xmin(pg_current_snapshot()) from sync_life",
        stage.org_id,
    )
