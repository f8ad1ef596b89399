"""The disk under the database is full: a phone is told to come again, nothing acknowledged is lost, and all goes on once there is room."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cluster.place import server_ids
from tests.faults.database import Database
from tests.faults.stage import PULL, Stage

SIZE_MIB = 24


@contextlib.contextmanager
def bounded_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of 24 MiB for the database's user. Skips, saying why, where that is not allowed."""
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
