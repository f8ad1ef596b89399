"""Dump and restore: what was dumped comes back, what came later goes, and the database begins a new life."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.cluster import APP_ROLE, backup
from api.database import open_pool, owner_connection
from api.operator_error import OperatorError
from api.settings import Settings

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


async def test_a_restore_brings_back_the_dump_and_keeps_what_was_there(
    fresh_settings: Settings, tmp_path: Path
) -> None:
    async with owner_connection(fresh_settings) as owner:
        await owner.execute("create table public.noted (n int primary key, place geography(point, 4326))")
        await owner.execute("insert into public.noted values (1, 'SRID=4326;POINT(116.4 39.9)')")
    target = tmp_path / "one.dump"
    assert backup.dump(fresh_settings, target) == target.stat().st_size
    async with owner_connection(fresh_settings) as owner:
        await owner.execute("insert into public.noted values (2, null)")

    pool = await open_pool(fresh_settings, size_max=1)
    try:
        kept = await backup.restore(fresh_settings, target, now=NOW)
    finally:
        await pool.close()

    async with owner_connection(fresh_settings) as owner:
        assert await owner.fetchval("select array_agg(n order by n) from public.noted") == [1]
        assert await owner.fetchval("select st_astext(place) from public.noted") == "POINT(116.4 39.9)"
        assert await owner.fetchval(f"select has_table_privilege('{APP_ROLE}', 'public.noted', 'select')")
    async with owner_connection(fresh_settings, database=kept) as owner:
        assert await owner.fetchval("select array_agg(n order by n) from public.noted") == [1, 2]
    async with owner_connection(fresh_settings, database="postgres") as owner:
        await owner.execute(f'drop database "{kept}" with (force)')


async def test_a_restored_database_has_no_life_of_before(fresh_settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "life.dump"
    async with owner_connection(fresh_settings) as owner:
        if not await owner.fetchval("select to_regclass('public.sync_life') is not null"):
            await owner.execute("create unlogged table public.sync_life (one boolean primary key default true)")
        await owner.execute("insert into public.sync_life default values on conflict do nothing")
    backup.dump(fresh_settings, target)
    kept = await backup.restore(fresh_settings, target, now=NOW)
    async with owner_connection(fresh_settings) as owner:
        assert await owner.fetchval("select count(*) from public.sync_life") == 0
    async with owner_connection(fresh_settings, database="postgres") as owner:
        await owner.execute(f'drop database "{kept}" with (force)')


async def test_a_file_that_is_no_dump_changes_nothing(fresh_settings: Settings, tmp_path: Path) -> None:
    broken = tmp_path / "broken.dump"
    broken.write_bytes(b"not a dump")
    with pytest.raises(OperatorError, match="pg_restore"):
        await backup.restore(fresh_settings, broken, now=NOW)
    async with owner_connection(fresh_settings) as owner:
        assert await owner.fetchval("select count(*) from pg_database where datname like '%restore%'") == 0


async def test_a_dump_never_overwrites_a_file(fresh_settings: Settings, tmp_path: Path) -> None:
    taken = tmp_path / "taken.dump"
    taken.write_text("older")
    with pytest.raises(OperatorError, match="name a new file"):
        backup.dump(fresh_settings, taken)
    assert taken.read_text() == "older"
