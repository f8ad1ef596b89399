"""What is done while a statement is on its way never leaves a connection that is still busy; nor does a lost one hide why it is given up."""

import asyncio

import asyncpg
import pytest

from sync.transaction import on_its_way, org_transaction
from tests.arrange import Org
from tests.waiting import until

# Long enough to be still running when the body is over, and no wait.
BUSY = "select count(*) from generate_series(1, 300000)"


async def test_the_statement_has_ended_when_the_body_has(org: Org) -> None:
    done = []
    async with org_transaction(org.pool, org.id) as conn:
        async with on_its_way(conn.fetchval(BUSY)) as sent:
            done.append(sent.done())
        assert (done, sent.result()) == ([False], 300_000)
        assert await conn.fetchval("select 1") == 1


async def test_a_body_that_raises_has_the_statement_end_before_anything_is_rolled_back(org: Org) -> None:
    async def handle() -> None:
        async with org_transaction(org.pool, org.id) as conn, on_its_way(conn.fetchval(BUSY)):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await handle()
    assert org.pool.get_idle_size() == org.pool.get_size()
    async with org_transaction(org.pool, org.id) as again:
        assert await again.fetchval("select 1") == 1


async def test_a_statement_that_fails_fails_whoever_sent_it(org: Org) -> None:
    async def handle() -> None:
        async with org_transaction(org.pool, org.id) as conn, on_its_way(conn.fetchval("select 1 / 0")):
            pass

    with pytest.raises(asyncpg.DivisionByZeroError):
        await handle()


async def test_whoever_is_cancelled_leaves_every_connection_free(org: Org) -> None:
    begun = asyncio.Event()

    async def handle() -> None:
        async with org_transaction(org.pool, org.id) as conn, on_its_way(conn.fetchval(BUSY)):
            begun.set()

    task = asyncio.create_task(handle())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert org.pool.get_idle_size() == org.pool.get_size()
    async with org_transaction(org.pool, org.id) as conn:
        assert await conn.fetchval("select 1") == 1


async def test_a_commit_is_awaited_whatever_is_done_meanwhile(org: Org) -> None:
    done: list[str] = []
    async with org_transaction(org.pool, org.id, meanwhile=lambda: done.append("meanwhile")) as conn:
        await conn.execute("update organisation set name = 'Renamed' where org_id = $1", org.id)
        assert done == []
    async with org_transaction(org.pool, org.id) as conn:
        name = await conn.fetchval("select name from organisation where org_id = $1", org.id)
    assert (done, name) == (["meanwhile"], "Renamed")


async def test_whoever_fails_after_the_connection_was_lost_is_told_why(org: Org, owner: asyncpg.Connection) -> None:
    async def handle() -> None:
        async with org_transaction(org.pool, org.id) as conn:
            await owner.execute("select pg_terminate_backend($1)", await conn.fetchval("select pg_backend_pid()"))
            await until(lambda: taken_back(conn))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await handle()
    async with org_transaction(org.pool, org.id) as conn:
        assert await conn.fetchval("select 1") == 1


def taken_back(conn: asyncpg.Connection) -> bool:
    """Tell whether the pool has taken a lost connection back."""
    try:
        conn.is_closed()
    except asyncpg.InterfaceError:
        return True
    return False
