"""The disk under the database is full: a phone is told to come again, nothing acknowledged is lost, and all goes on once there is room."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from api.cluster.place import server_ids
from api.cluster.server import running_pid
from tests.faults.database import Database
from tests.faults.stage import PULL, PUSH, Stage
from tests.waiting import until

# Room for some segments of the write-ahead log, 16 MiB each.
SIZE_MIB = 64


@contextlib.contextmanager
def bounded_disk(folder: Path) -> Iterator[Path]:
    """Mount a small file system for the database's user. Skips, saying why, where that is not allowed."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=0700", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        pytest.skip(f"NO FULL DISK WAS TRIED: this user may not mount a bounded file system ({made.stderr.strip()})")
    try:
        os.chown(folder, *server_ids())
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def fill(balloon: Path) -> int:
    """Write a file until there is no room for another page; gives its size in bytes."""
    written = 0
    with contextlib.suppress(OSError), balloon.open("wb", buffering=0) as file:
        for _ in range(SIZE_MIB * 256):
            written += file.write(b"\0" * 4096)
    assert 0 < written < SIZE_MIB * 1024 * 1024, "the disk never filled up"
    return written


async def test_pushes_while_the_tables_disk_is_full(stage: Stage, database: Database) -> None:
    phone = await stage.fleet.phone()
    phone.work(stage.job, 5)
    await stage.fleet.settle()
    acknowledged = phone.acknowledged()
    with bounded_disk(Path(f"{database.place.home}/full")) as disk:
        async with database.tables_on(disk, "note", "event", "sync_outcome"):
            balloon = disk / "balloon"
            filled = fill(balloon)
            phone.work(stage.job, 150)
            report = await stage.fleet.sync(phone)
            stage.report.broke(f"the disk under notes, events and outcomes: full ({filled // 1024} KiB in the way)")
            assert report.stopped == "busy", report
            assert phone.transport.without_retry_after == 0
            assert await stage.health() == 200
            assert acknowledged.items() <= phone.acknowledged().items(), "an acknowledged command was forgotten"
            answer = await stage.call(phone, PULL)
            assert answer.status_code == 200, "reading needs no room"
            stage.report.checked("push: 503 busy with Retry-After; pull: 200; the web process alive")
            balloon.unlink()
            await stage.quiet()


async def test_the_journals_disk_is_full(stage: Stage, database: Database) -> None:
    phone = await stage.fleet.phone()
    phone.work(stage.job, 5)
    await stage.fleet.settle()
    acknowledged, life = phone.acknowledged(), await stage.life()
    with bounded_disk(Path(f"{database.place.home}/full")) as disk:
        async with database.journal_on(disk):
            balloon = disk / "balloon"
            filled = fill(balloon)
            phone.work(stage.job, 50)
            # The next commit needs a segment for which there is no room: PostgreSQL stops, and cannot start again.
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await database.value("select pg_switch_wal()")
                await database.value("select pg_logical_emit_message(true, 'onsite', 'x')")
            report = await stage.fleet.sync(phone)
            stage.report.broke(f"the disk under the write-ahead log: full ({filled // 1024} KiB in the way)")
            await until(lambda: running_pid(database.place) is None, timeout_s=60)
            assert report.stopped in ("busy", "unreachable"), report
            for path in (PULL, PUSH):
                await stage.told_to_come_again(phone, path)
            assert phone.transport.without_retry_after == 0
            assert (await stage.health(), await stage.health("/health/ready")) == (200, 503)
            stage.report.checked(
                "PostgreSQL stopped by itself; push and pull: 503 with Retry-After; alive: 200, ready: 503"
            )
            balloon.unlink()
            await database.start()
            await database.recovered()
            await stage.fleet.settle()
            assert acknowledged.items() <= phone.acknowledged().items(), "an acknowledged command was forgotten"
            assert await stage.life() != life
            await stage.quiet()
    await database.recovered()
    await stage.fleet.settle()
