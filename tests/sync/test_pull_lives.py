"""What ends a life of the database: a crash that forgets aborted transactions, a restore, a promotion. No old cursor skips a row after it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import msgspec
import pytest

from api import cluster
from api.cluster import APP_ROLE, OWNER_ROLE, backup
from api.cluster.server import installed_binaries, run_as_server_user, superuser_sql
from api.database import open_pool, owner_connection
from api.settings import Settings
from sync import pull
from sync.cursor import Cursor
from sync.life import Standby, current_life, ensure_life
from tests.devices import StrictDevice, assert_device_equals_server
from tests.lives.servers import kill_a_backend, reconnect, staged
from tests.sync.stage import NOW, Stage, texts


def snapshot_xmax(device: StrictDevice, stage: Stage) -> int:
    cursor = pull.opened(device.source(stage.pool), device.cursor)
    assert isinstance(cursor, Cursor)
    return int(cursor.snapshot.split(":")[1])


async def abort(settings: Settings, times: int) -> None:
    async with owner_connection(settings) as conn:
        for _ in range(times):
            await conn.execute("begin")
            await conn.execute(
                "insert into sync_member (org_id, bucket, kind, id, h) values (gen_random_uuid(), 'ref', 'part', gen_random_uuid(), 0)"
            )
            await conn.execute("rollback")


@pytest.mark.slow
async def test_after_a_crash_with_unflushed_aborts_no_row_is_skipped(own_cluster: Settings) -> None:
    # What an aborted transaction wrote is flushed by nobody but the background writer: it comes late here, as it may in life.
    superuser_sql(own_cluster.place, "alter system set wal_writer_delay = '10s'")
    superuser_sql(own_cluster.place, "select pg_reload_conf()")
    async with staged(own_cluster) as stage:
        device = await stage.device("crew/1", "ref")
        await stage.put("before", "crew/1")
        await device.catch_up(stage.pool, now=NOW)
        life = await current_life(stage.pool)
        await abort(own_cluster, 20)
        await device.catch_up(stage.pool, now=NOW)
        drawn = snapshot_xmax(device, stage)
        assert cluster.down(own_cluster.place, mode="immediate")
        cluster.up(own_cluster.place)
        await reconnect(stage, own_cluster)
        await stage.put("after", "crew/1")
        async with owner_connection(own_cluster) as conn:
            xid = await conn.fetchval("select max(xid::text::int8) from sync_member where bucket = 'crew/1'")
        assert xid < drawn, "the danger was not there: the transaction id was not drawn a second time"
        heads = await device.catch_up(stage.pool, now=NOW)
        assert heads[0].life != life
        assert heads[0].reset == ("crew/1",)
        assert set(heads[0].keep) == {f"dev/{device.id}", "ref"}
        assert texts(device, "crew/1") == {"before", "after"}
        await assert_device_equals_server(device, stage.pool, now=NOW)


@pytest.mark.slow
async def test_a_clean_restart_keeps_the_life_and_a_killed_backend_ends_it(own_cluster: Settings) -> None:
    async with staged(own_cluster) as stage:
        device = await stage.device("crew/1")
        await device.catch_up(stage.pool, now=NOW)
        life = await current_life(stage.pool)
        cluster.down(own_cluster.place)
        cluster.up(own_cluster.place)
        await reconnect(stage, own_cluster)
        assert await current_life(stage.pool) == life
        await stage.put("after the restart", "crew/1")
        (begin,) = await device.catch_up(stage.pool, now=NOW)
        assert begin.keep == begin.reset == ()
        assert texts(device, "crew/1") == {"after the restart"}
        await kill_a_backend(own_cluster)
        await reconnect(stage, own_cluster)
        await stage.put("after the kill", "crew/1")
        (begin,) = await device.catch_up(stage.pool, now=NOW)
        assert begin.life != life
        assert texts(device, "crew/1") == {"after the restart", "after the kill"}


@pytest.mark.slow
async def test_after_a_restore_what_came_later_goes_and_what_is_the_same_stays(
    fresh_settings: Settings, tmp_path: Path
) -> None:
    async with staged(fresh_settings) as stage:
        device = await stage.device("crew/1", "ref")
        job = await stage.put("dumped", "crew/1")
        await stage.put_many(5, "ref")
        await device.catch_up(stage.pool, now=NOW)
        backup.dump(fresh_settings, tmp_path / "one.dump")
        await stage.put("changed later", "crew/1", id=job)
        await stage.put("added later", "crew/1")
        await device.catch_up(stage.pool, now=NOW)
        stage.pool.terminate()
        kept = await backup.restore(fresh_settings, tmp_path / "one.dump", now=NOW)
        await reconnect(stage, fresh_settings)
        heads = await device.catch_up(stage.pool, now=NOW)
        assert heads[0].reset == ("crew/1",)
        assert set(heads[0].keep) == {f"dev/{device.id}", "ref"}
        assert texts(device, "crew/1") == {"dumped"}
        await stage.put("after the restore", "crew/1")
        await device.catch_up(stage.pool, now=NOW)
        assert texts(device, "crew/1") == {"dumped", "after the restore"}
        await assert_device_equals_server(device, stage.pool, now=NOW)
    async with owner_connection(fresh_settings, database="postgres") as conn:
        await conn.execute(f'drop database "{kept}" with (force)')


@contextlib.contextmanager
def standby_of(primary: Settings) -> Iterator[Settings]:
    """Run a hot standby of a cluster of our own, beside it; its socket is in its data directory."""
    place = primary.place
    binaries = installed_binaries(place)
    data = place.home / "standby"
    run_as_server_user(
        [
            binaries.path("pg_basebackup"),
            "-D",
            str(data),
            "-d",
            place.url("postgres", "postgres"),
            "-R",
            "--checkpoint=fast",
        ]
    )
    options = f"-c unix_socket_directories={data} -c hot_standby=on -c logging_collector=off"
    ctl = [binaries.path("pg_ctl"), "--pgdata", str(data), "--silent"]
    run_as_server_user([*ctl, "start", "--wait", "--log", str(data / "start.log"), "--options", options])
    try:
        url = f"postgresql://{{}}@/{cluster.DATABASE}?host={quote(str(data), safe='/')}"
        yield msgspec.structs.replace(
            primary, database_url=url.format(APP_ROLE), owner_database_url=url.format(OWNER_ROLE)
        )
    finally:
        run_as_server_user([*ctl, "stop", "--mode", "immediate"])


@pytest.mark.slow
async def test_a_standby_refuses_to_answer_and_after_its_promotion_a_new_life_begins(own_cluster: Settings) -> None:
    async with staged(own_cluster) as stage:
        device = await stage.device("crew/1")
        await stage.put("before", "crew/1")
        await device.catch_up(stage.pool, now=NOW)
        life = await ensure_life(stage.pool)
        with standby_of(own_cluster) as settings:
            pool = await open_pool(settings, size_max=2)
            try:
                with pytest.raises(Standby):
                    await device.pull(pool, now=NOW)
                with pytest.raises(Standby):
                    await device.repair(pool, "crew/1", now=NOW)
                with pytest.raises(Standby):
                    await ensure_life(pool)
                superuser = settings.database_url.replace(APP_ROLE, "postgres", 1)
                conn = await asyncpg.connect(superuser)
                assert await conn.fetchval("select pg_promote()")
                await conn.close()
                await Stage(pool, stage.org_id).put("after", "crew/1")
                heads = await device.catch_up(pool, now=NOW)
                assert heads[0].life != life
                assert texts(device, "crew/1") == {"before", "after"}
            finally:
                pool.terminate()
