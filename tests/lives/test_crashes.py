"""A crash draws transaction ids a second time. With the life believed over a crash a device misses what is written under them."""

import pytest

from api import cluster
from api.settings import Settings
from sync import pull
from sync.cursor import Cursor
from sync.life import current_life
from tests.devices import StrictDevice
from tests.lives.checking import Differences, differences, words
from tests.lives.servers import abort, believe_life, flush_late, kill_a_backend, reconnect, staged
from tests.sync.stage import NOW, Stage

BUCKETS = ("crew/1", "ref")


def highest_seen(device: StrictDevice, stage: Stage) -> int:
    cursor = pull.opened(device.source(stage.pool), device.cursor)
    assert isinstance(cursor, Cursor)
    return int(cursor.snapshot.split(":")[1])


async def end_power(settings: Settings) -> None:
    """End every process of the server at once, as SIGQUIT does, and start it again."""
    assert cluster.down(settings.place, mode="immediate")
    cluster.up(settings.place)


async def crash(stage: Stage, settings: Settings, *, killed: bool) -> tuple[Differences, bool]:
    """Let a device follow, 20 transactions fail, the server crash; write, pull, compare. Gives also whether a new life began."""
    device = await stage.device(*BUCKETS)
    await stage.put("before", "crew/1")
    await stage.put_many(3, "ref")
    await device.catch_up(stage.pool, now=NOW)
    life = await current_life(stage.pool)
    await abort(settings, 20)
    await device.catch_up(stage.pool, now=NOW)
    assert await differences(settings, device, BUCKETS) == {}
    drawn = highest_seen(device, stage)
    await (kill_a_backend(settings) if killed else end_power(settings))
    await reconnect(stage, settings)
    await stage.put("after", "crew/1")
    async with stage.pool.acquire() as conn, conn.transaction():
        await conn.execute("select set_config('onsite.org', $1, true)", str(stage.org_id))
        xid = await conn.fetchval("select max(xid::text::int8) from sync_member where org_id = $1", stage.org_id)
    assert xid < drawn, "the danger was not there: no transaction id was drawn a second time"
    await device.catch_up(stage.pool, now=NOW)
    return await differences(settings, device, BUCKETS), await current_life(stage.pool) != life


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True], ids=["all processes at once", "kill -9 of one backend"])
async def test_without_a_life_that_ends_a_row_is_missed_after_a_crash(own_cluster: Settings, killed: bool) -> None:
    flush_late(own_cluster.place)
    await believe_life(own_cluster, blindly=True)
    async with staged(own_cluster) as stage:
        found, anew = await crash(stage, own_cluster, killed=killed)
        print(f"life believed: {words(found)}")
        assert not anew
        assert found.keys() == {"crew/1"}
    await believe_life(own_cluster, blindly=False)
    async with staged(own_cluster) as stage:
        found, anew = await crash(stage, own_cluster, killed=killed)
        assert anew
        assert found == {}
