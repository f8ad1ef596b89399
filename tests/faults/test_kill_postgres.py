"""PostgreSQL killed in the middle of pushes: the web process stays, says 503 meanwhile, and all goes on by itself in a new life."""

import asyncio

import psutil

from tests.faults.fleet import Phone
from tests.faults.stage import PULL, PUSH, Stage
from tests.waiting import until


async def working(stage: Stage) -> list[Phone]:
    """Enrol two phones that have synced, and give each more work."""
    phones = [await stage.fleet.phone(person) for person in ("amy", "bob")]
    for phone in phones:
        phone.work(stage.job, 5)
    await stage.fleet.settle()
    for phone in phones:
        phone.work(stage.job, 10)
    return phones


async def went_down(stage: Stage, phone: Phone) -> None:
    """Check what is answered while the database is gone."""
    assert await stage.health() == 200
    assert await stage.health("/health/ready") == 503
    for path in (PULL, PUSH):
        await stage.told_to_come_again(phone, path)
    stage.report.checked(
        "alive: 200, ready: 503, pull and push: 503 with a code and Retry-After while the database was down"
    )


async def came_back(stage: Stage, life: object, pid: int) -> None:
    """Check that all goes on in a new life without anybody having started the web process again."""
    await stage.fleet.settle()
    assert (stage.server.alive, stage.server.pid) == (True, pid)
    now = await stage.life()
    assert now not in (None, life), "the database lives on as if nothing had happened"
    for phone in stage.fleet.phones:
        assert phone.device.status().install.life == str(now)  # type: ignore[union-attr]
    stage.report.checked("the web process was not restarted; a new life began and every phone compared itself with it")
    await stage.quiet()


async def test_the_postmaster_is_killed_with_commits_on_disk(stage: Stage) -> None:
    phones = await working(stage)
    life, pid = await stage.life(), stage.server.pid
    async with stage.database.commits_hang():
        syncing = [asyncio.create_task(stage.fleet.sync(phone)) for phone in phones]
        await stage.database.hanging_commit()
        await stage.database.kill_postmaster()
        stage.report.broke("the postmaster (SIGKILL) while commits of pushes were on disk and unanswered")
    await went_down(stage, phones[0])
    await stage.database.start()
    await stage.database.commits_go_on()
    await asyncio.gather(*syncing)
    await came_back(stage, life, pid)


async def test_the_server_is_stopped_as_by_a_crash_in_the_middle_of_transactions(stage: Stage) -> None:
    phones = await working(stage)
    life, pid = await stage.life(), stage.server.pid
    async with stage.database.held("lock table sync_member in share mode"):
        syncing = [asyncio.create_task(stage.fleet.sync(phone)) for phone in phones]
        await stage.database.blocked()
        await stage.database.crash()
        stage.report.broke("PostgreSQL (SIGQUIT, immediate shutdown) in the middle of pushes")
    await went_down(stage, phones[0])
    await stage.database.start()
    await asyncio.gather(*syncing)
    await came_back(stage, life, pid)


async def test_one_backend_is_killed_in_the_middle_of_its_transaction(stage: Stage) -> None:
    phones = await working(stage)
    life, pid = await stage.life(), stage.server.pid
    async with stage.database.held("lock table sync_member in share mode"):
        syncing = [asyncio.create_task(stage.fleet.sync(phone)) for phone in phones]
        backend, *_ = await stage.database.blocked()
        stage.database.kill_backend(backend)
        stage.report.broke(
            "one backend of PostgreSQL (SIGKILL) in the middle of a push; PostgreSQL ends all others and recovers"
        )

        await until(lambda: not psutil.pid_exists(backend), timeout_s=30)
    await stage.database.recovered()
    await asyncio.gather(*syncing)
    await came_back(stage, life, pid)
