"""Two writers of one document. Without its lock, or with lock and reading folded into one statement, a membership outlives its document."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from api.database import owner_connection
from api.settings import Settings
from jobs.projection import Projected
from sync import documents
from sync.transaction import org_transaction
from tests.lives.checking import differences, words
from tests.lives.servers import staged
from tests.sync.stage import NOW, Stage
from tests.waiting import until

BUCKETS = ("crew/1", "crew/2")
_BLOCKED = """
select count(*) from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0"""
_FOLDED = """
create or replace function sync_lock_documents(org uuid, kinds text[], ids uuid[])
returns table (kind text, id uuid, ver bigint, h bigint, body bytea, buckets text[], hashes bigint[]) language sql volatile as $$
  with locked as materialized (
    select x.kind, x.id, x.ver, x.h, x.body from sync_doc x
    where x.org_id = $1 and (x.kind, x.id) in (select * from unnest($2, $3)) for update)
  select l.kind, l.id, l.ver, l.h, l.body, coalesce(m.buckets, '{}'), coalesce(m.hashes, '{}')
  from locked l cross join lateral (select array_agg(x.bucket order by x.bucket) buckets, array_agg(x.h order by x.bucket) hashes
    from sync_member x where x.org_id = $1 and x.kind = l.kind and x.id = l.id and not x.gone) m
$$"""


async def take_locks_away(conn: asyncpg.Connection) -> None:
    """Read documents without locking them."""
    source: str = await conn.fetchval("select pg_get_functiondef('sync_lock_documents'::regproc)")
    assert source.count(" for update") == 1, "documents are locked in another way now: take that one away"
    await conn.execute(source.replace(" for update", ""))


async def fold(conn: asyncpg.Connection) -> None:
    """Read the memberships in the statement that waits for the lock: in the snapshot of before the wait."""
    await conn.execute(_FOLDED)


async def meet(stage: Stage, settings: Settings) -> str:
    """Let one writer widen a document while another one deletes it; give what is wrong afterwards."""
    device = await stage.device(*BUCKETS)
    id = await stage.put("first", "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    async with org_transaction(stage.pool, stage.org_id) as conn:
        await documents.write(conn, stage.org_id, [], [Projected("note", id, b'{"text":"wider"}', BUCKETS)])
        deleting = asyncio.create_task(stage.delete(id))
        async with owner_connection(settings) as watcher:
            blocked: int = await until(lambda: watcher.fetchval(_BLOCKED))
            assert blocked == 1
    await deleting
    await device.catch_up(stage.pool, now=NOW)
    try:
        found = await differences(settings, device, BUCKETS)
    except AssertionError as error:
        return f"the tables contradict each other: {error}"
    return words(found) if found else ""


@pytest.mark.parametrize("wrong", [take_locks_away, fold])
async def test_a_write_without_lock_or_in_one_statement_goes_wrong_and_ours_does_not(
    fresh_settings: Settings, wrong: Callable[[asyncpg.Connection], Awaitable[None]]
) -> None:
    async with staged(fresh_settings) as stage, owner_connection(fresh_settings) as owner:
        assert await meet(stage, fresh_settings) == ""
        await wrong(owner)
        said = await meet(stage, fresh_settings)
        print(said)
        assert "contradict" in said
