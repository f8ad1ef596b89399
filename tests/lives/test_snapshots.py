"""A pull reads the snapshot of the statement that calls it. A function declared VOLATILE would take a newer one, and no test of pages notices."""

import asyncio
import inspect
import re
from typing import Any

import asyncpg

from api.database import owner_connection
from api.settings import Settings
from sync import pull, reading, together
from sync.cursor import Cursor
from sync.life import ensure_life
from sync.reading import Start
from tests.lives.servers import staged
from tests.sync.stage import NOW, Stage
from tests.waiting import until

LOCK = 4_857_099
_BLOCKED = "select count(*) from pg_locks where locktype = 'advisory' and objid = $1 and not granted"


class Delayed:
    """A connection on which the pull's function is called only after a lock was waited for, in the same statement."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self._conn = conn

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Run the statement, its function last."""
        waits = f"from (select pg_advisory_xact_lock_shared({LOCK}) offset 0) w cross join lateral sync_page("
        assert statement.count("from sync_page(") == 1, "the pull asks in another way now: delay that one"
        rows: list[asyncpg.Record] = await self._conn.fetch(statement.replace("from sync_page(", waits), *values)
        return rows


async def look_while_something_commits(stage: Stage) -> reading.Read:
    """Begin a pull's statement, commit a document while it waits, let it read."""
    device = await stage.device("crew/1")
    await device.catch_up(stage.pool, now=NOW)
    source = device.source(stage.pool)
    cursor = pull.opened(source, device.cursor)
    assert isinstance(cursor, Cursor)
    async with stage.pool.acquire() as holder, stage.pool.acquire() as reader:
        await holder.execute(f"begin; select pg_advisory_xact_lock({LOCK})")
        looking = asyncio.create_task(reading.read(Delayed(reader), source.holder, Start.at(cursor), NOW))
        blocked: int = await until(lambda: holder.fetchval(_BLOCKED, LOCK))
        assert blocked == 1
        await stage.put("committed meanwhile", "crew/1")
        await holder.execute("commit")
        return await looking


async def test_a_volatile_pull_reads_what_its_statement_does_not_see_and_ours_reads_one_snapshot(
    fresh_settings: Settings,
) -> None:
    async with staged(fresh_settings) as stage:
        await ensure_life(stage.pool)
        assert (await look_while_something_commits(stage)).lines == 0
        async with owner_connection(fresh_settings) as owner:
            signature = await owner.fetchval("select 'sync_page'::regproc::oid::regprocedure::text")
            await owner.execute(f"alter function {signature} volatile")
        await stage.pool.expire_connections()
        newer = (await look_while_something_commits(stage)).lines
        print(f"volatile: {newer} documents of a newer snapshot")
        assert newer == 1


async def test_every_function_that_pages_are_read_by_is_stable(owner: asyncpg.Connection) -> None:
    named = set(re.findall(r"\b(sync_\w+)\(", inspect.getsource(reading) + inspect.getsource(together)))
    assert {"sync_page", "sync_pages", "sync_digests", "sync_range_sums"} <= named
    rows = await owner.fetch(
        "select proname, provolatile::text from pg_proc where proname = any($1) or proname in ('sync_life_now', 'sync_system', 'sync_database')",
        list(named),
    )
    assert named <= {row["proname"] for row in rows}
    assert {row["proname"]: row["provolatile"] for row in rows if row["provolatile"] not in ("s", "i")} == {}
