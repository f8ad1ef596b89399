"""No connection to the database is free: waiting is bounded, the answer is 503 with Retry-After, health goes on answering, all recovers."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.settings import Settings
from tests.arrange import Org
from tests.faults.database import Database
from tests.faults.processes import Server, served
from tests.faults.report import Report
from tests.faults.stage import PULL, PUSH, Stage, staged
from tests.waiting import until

POOL_WAIT_S = 1.0
# One wait for the caller's proof is all that a call may cost; the rest is this machine.
TOLD_WITHIN_S = 5.0


@pytest.fixture(scope="module")
async def poor(own: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """Run a web process with a single connection to the database."""
    chosen = {"pool_size_min": 0, "pool_size_max": 1, "pool_wait_s": POOL_WAIT_S, "lock_timeout_s": 30}
    async with served(own, tmp_path_factory.mktemp("poor"), chosen=chosen) as server:
        yield server


@pytest.fixture
async def poor_stage(
    poor: Server, database: Database, org: Org, tmp_path: Path, report: Report, seed: int
) -> AsyncIterator[Stage]:
    async with staged(database, poor, org, tmp_path, report=report, seed=seed) as stage:
        yield stage


async def test_every_connection_of_the_pool_waits_for_a_lock(poor_stage: Stage) -> None:
    stage, database = poor_stage, poor_stage.database
    stuck, other = await stage.fleet.phone("amy"), await stage.fleet.phone("bob")
    await stage.fleet.settle()
    for phone in stage.fleet.phones:
        phone.work(stage.job, 5)
    async with database.held("select 1 from sync_device where device_id = $1 for update", stuck.device_id):
        push = asyncio.create_task(stage.fleet.sync(stuck))
        await database.blocked()
        stage.report.broke("the pool: its only connection waits for a row that another transaction holds")
        for path in (PULL, PUSH):
            begun = time.monotonic()
            await stage.told_to_come_again(other, path)
            assert time.monotonic() - begun < TOLD_WITHIN_S
        assert await stage.health() == 200
        assert await stage.health("/health/ready") == 503
    stage.report.checked("others were told 503 with Retry-After after a bounded wait; alive: 200, ready: 503")
    await push
    await until(lambda: is_ready(stage), timeout_s=30)
    await stage.quiet()


async def test_a_pool_of_one_serves_everything(poor_stage: Stage) -> None:
    stage = poor_stage
    stage.report.broke("the pool: a single connection for 6 phones at once")
    for person in ("amy", "ali", "bob") * 2:
        (await stage.fleet.phone(person)).work(stage.job, 20)
    await asyncio.gather(*(stage.fleet.sync(phone, check=True) for phone in stage.fleet.phones))
    assert not any(phone.transport.without_retry_after for phone in stage.fleet.phones)
    await stage.quiet()


async def test_the_database_takes_no_more_connections(stage: Stage) -> None:
    phone = await stage.fleet.phone()
    await stage.fleet.settle()
    phone.work(stage.job, 10)
    async with stage.database.superuser() as conn:
        await conn.execute("alter role onsite_app connection limit 0")
        try:
            await conn.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'onsite_app'")
            stage.report.broke("the database: too_many_connections for the application, and its connections are ended")
            for path in (PULL, PUSH):
                await stage.told_to_come_again(phone, path)
            assert await stage.health() == 200
            assert await stage.health("/health/ready") == 503
        finally:
            await conn.execute("alter role onsite_app connection limit -1")
    stage.report.checked("pull and push: 503 with Retry-After; alive: 200, ready: 503")
    await until(lambda: is_ready(stage), timeout_s=30)
    await stage.quiet()


async def is_ready(stage: Stage) -> bool:
    return await stage.health("/health/ready") == 200
