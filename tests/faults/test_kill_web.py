"""SIGKILL for the web process at every point of a push: the phone sends again, nothing is lost and nothing takes effect twice."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import psutil

from api.settings import Settings
from tests.arrange import Org
from tests.faults.database import Database
from tests.faults.processes import Server, served
from tests.faults.proxy import Held
from tests.faults.report import Report
from tests.faults.stage import PUSH, Stage, staged
from tests.waiting import until


async def test_killed_after_the_commit_and_before_the_answer(stage: Stage) -> None:
    phone = await stage.fleet.phone()
    phone.work(stage.job, 5)
    await stage.fleet.settle()
    phone.work(stage.job, 10)
    held = Held()
    stage.proxy.next(PUSH, held)
    syncing = asyncio.create_task(stage.fleet.sync(phone))
    await held.reached_server()
    await stage.committed(phone, 15)
    await stage.server.kill()
    assert len(phone.acknowledged()) == 5, "the answer got through"
    stage.report.broke(
        "the web process (SIGKILL) when the commit of 10 commands was visible and no phone had its answer"
    )
    held.release.set()
    await stage.server.start()
    await syncing
    await stage.quiet()


async def test_killed_while_the_commit_is_on_disk_and_nobody_knows(stage: Stage) -> None:
    phone = await stage.fleet.phone()
    phone.work(stage.job, 10)
    async with stage.database.commits_hang():
        syncing = asyncio.create_task(stage.fleet.sync(phone))
        await stage.database.hanging_commit()
        await stage.server.kill()
        stage.report.broke("the web process (SIGKILL) while its COMMIT was written to disk and not yet answered to it")
        assert await stage.last_n(phone) == 0, "the commit was visible already"
    await stage.committed(phone, 10)
    await stage.server.start()
    await syncing
    await stage.quiet()


async def test_killed_in_the_middle_of_a_transaction(stage: Stage) -> None:
    phone = await stage.fleet.phone()
    phone.work(stage.job, 10)
    async with stage.database.held("lock table sync_member in share mode"):
        syncing = asyncio.create_task(stage.fleet.sync(phone))
        (pid,) = await stage.database.blocked()
        await stage.server.kill()
        stage.report.broke("the web process (SIGKILL) in the middle of a push, before its last statements")

    async def rolled_back() -> bool:
        return not await stage.database.value("select count(*) from pg_stat_activity where pid = $1", pid)

    await until(rolled_back, timeout_s=30)
    assert await stage.last_n(phone) == 0, "half a push was stored"
    await stage.server.start()
    await syncing
    await stage.quiet()


async def test_one_of_two_workers_and_then_their_supervisor_are_killed(
    own: Settings, standing: Server, database: Database, org: Org, tmp_path: Path, report: Report, seed: int
) -> None:
    async with (
        served(own, tmp_path, workers=2) as server,
        staged(database, server, org, tmp_path, report=report, seed=seed) as stage,
    ):
        await until(lambda: len(server.workers()) == 2, timeout_s=120)
        phones = [await stage.fleet.phone(person) for person in ("amy", "bob")]
        for phone in phones:
            phone.work(stage.job, 10)
        async with database.commits_hang():
            syncing = [asyncio.create_task(stage.fleet.sync(phone)) for phone in phones]
            await database.hanging_commit()
            victim = server.busy_workers(server.port)[0]
            os.kill(victim.pid, signal.SIGKILL)
            report.broke("one of two workers (SIGKILL) while pushes were between commit and answer")
        await asyncio.gather(*syncing)
        await stage.fleet.settle()
        await until(lambda: len([w for w in server.workers() if w.pid != victim.pid]) == 2, timeout_s=120)
        report.checked("the other worker went on, and the supervisor started a new one")
        for phone in phones:
            phone.work(stage.job, 10)
        orphans = server.workers()
        async with database.commits_hang():
            syncing = [asyncio.create_task(stage.fleet.sync(phone)) for phone in phones]
            await database.hanging_commit()
            await server.kill()
            report.broke("the supervisor of two workers (SIGKILL) while pushes were between commit and answer")
        await until(lambda: not any(_runs(worker) for worker in orphans), timeout_s=120)
        with socket.create_server(("127.0.0.1", server.port)):
            pass
        report.checked("its workers finished what was under way and ended by themselves; the port is free again")
        # Others of their kind go on.
        stage.proxy.server_port = standing.port
        await asyncio.gather(*syncing)
        await stage.quiet()


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
