"""A crash draws transaction ids a second time. With the life believed over a crash a device misses what is written under them."""

from uuid import UUID

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
CRASHES_MAX = 5


def highest_seen(device: StrictDevice, stage: Stage) -> int:
    cursor = pull.opened(device.source(stage.pool), device.cursor)
    assert isinstance(cursor, Cursor)
    return int(cursor.snapshot.split(":")[1])


async def end_power(settings: Settings) -> None:
    """End every process of the server at once, as SIGQUIT does, and start it again."""
    assert cluster.down(settings.place, mode="immediate")
    cluster.up(settings.place)


async def draw_again(stage: Stage, settings: Settings, device: StrictDevice, *, killed: bool) -> UUID | None:
    """Let 20 transactions fail, the device see that, the server crash: ids are drawn again. Gives the life from before.

    A journal that something else had written down by then takes the danger away: then once more.
    """
    for _ in range(CRASHES_MAX):
        life = await current_life(stage.pool)
        await abort(settings, 20)
        await device.catch_up(stage.pool, now=NOW)
        drawn = highest_seen(device, stage)
        await (kill_a_backend(settings) if killed else end_power(settings))
        await reconnect(stage, settings)
        if await stage.pool.fetchval("select pg_snapshot_xmax(pg_current_snapshot())::text::int8") < drawn:
            return life
        await device.catch_up(stage.pool, now=NOW)
    pytest.fail(f"the danger was not there: in {CRASHES_MAX} crashes no transaction id was drawn a second time")


async def crash(stage: Stage, settings: Settings, *, killed: bool) -> tuple[Differences, bool]:
    """Let a device follow, the server crash; write, pull, compare. Gives also whether a new life began."""
    device = await stage.device(*BUCKETS)
    await stage.put("before", "crew/1")
    await stage.put_many(3, "ref")
    await device.catch_up(stage.pool, now=NOW)
    assert await differences(settings, device, BUCKETS) == {}
    life = await draw_again(stage, settings, device, killed=killed)
    await stage.put("after", "crew/1")
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
