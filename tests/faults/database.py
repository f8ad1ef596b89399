"""The database as a fault: commits that hang, rows that are locked, backends and the whole server killed. For a cluster that nobody else uses."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil

from api import cluster
from api.cluster import SUPERUSER, Place
from api.cluster.place import server_ids
from api.cluster.server import installed_binaries, running_pid
from api.settings import Settings
from tests.waiting import until

WITHIN_S: Final = 60.0

_WAITING = """
select pid from pg_stat_activity where application_name = 'onsite' and wait_event = $1 order by pid limit 100"""
_OPEN = """
select count(*) from pg_stat_activity where application_name = 'onsite'
  and (backend_xmin is not null or xact_start is not null or state like 'idle in transaction%')"""


class Database:
    """The superuser's hands on a cluster. Each call opens a connection of its own: the server may have died since the last."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.place: Place = settings.place

    @contextlib.asynccontextmanager
    async def superuser(self) -> AsyncIterator[asyncpg.Connection]:
        """Open a connection that no fault made here holds up."""
        conn = await asyncpg.connect(
            self.place.url(SUPERUSER, cluster.DATABASE), timeout=30, server_settings={"synchronous_commit": "local"}
        )
        try:
            yield conn
        finally:
            conn.terminate()

    async def value(self, statement: str, *values: Any) -> Any:
        """Read a single value past row-level security."""
        async with self.superuser() as conn:
            return await conn.fetchval(statement, *values)

    async def rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Read rows past row-level security."""
        async with self.superuser() as conn:
            return list(await conn.fetch(statement, *values))

    async def backends(self, waiting_for: str) -> list[int]:
        """Name the application's backends that wait for something, by PostgreSQL's name of the event."""
        return [row["pid"] for row in await self.rows(_WAITING, waiting_for)]

    async def open_transactions(self) -> int:
        """Count the application's backends that hold a snapshot or a transaction."""
        return int(await self.value(_OPEN))

    @contextlib.asynccontextmanager
    async def commits_hang(self) -> AsyncIterator[None]:
        """Let every commit be written to disk and then wait for ever: its client gets no answer, and nobody sees its rows.

        It is what a synchronous standby that is gone does to a primary.
        """
        await self._set("synchronous_standby_names", "'nobody'")
        try:
            yield
        finally:
            await self.commits_go_on()

    async def commits_go_on(self) -> None:
        """End `commits_hang`: whoever waits goes on. Harmless when nothing hangs."""
        if running_pid(self.place) is not None:
            await self._set("synchronous_standby_names", "''")

    async def hanging_commit(self) -> int:
        """Wait until a commit is on disk and hangs; give its backend."""

        async def found() -> list[int]:
            return await self.backends("SyncRep")

        return (await until(found, timeout_s=WITHIN_S))[0]

    @contextlib.asynccontextmanager
    async def held(self, statement: str, *values: Any) -> AsyncIterator[asyncpg.Connection]:
        """Keep the locks of a statement until the block ends."""
        async with self.superuser() as conn:
            transaction = conn.transaction()
            await transaction.start()
            await conn.execute(statement, *values)
            yield conn

    async def blocked(self, count: int = 1) -> list[int]:
        """Wait until so many of the application's backends wait for a lock; name them."""

        async def found() -> list[int]:
            rows = await self.rows(
                "select pid from pg_stat_activity where application_name = 'onsite' and wait_event_type = 'Lock'"
                " order by pid limit 100"
            )
            return [row["pid"] for row in rows] if len(rows) >= count else []

        return await until(found, timeout_s=WITHIN_S)

    def kill_backend(self, pid: int) -> None:
        """Kill one backend with SIGKILL; PostgreSQL then ends all others and recovers."""
        assert psutil.Process(pid).ppid() == running_pid(self.place), "not a backend of this cluster"
        os.kill(pid, signal.SIGKILL)

    async def kill_postmaster(self) -> None:
        """Kill the postmaster with SIGKILL and wait until its children have noticed and gone."""
        pid = running_pid(self.place)
        assert pid is not None
        family = [*psutil.Process(pid).children(), psutil.Process(pid)]
        os.kill(pid, signal.SIGKILL)
        # Also reaped: while a zombie has its number, PostgreSQL takes it for running.
        await until(lambda: not any(each.is_running() for each in family), timeout_s=WITHIN_S)

    async def crash(self) -> None:
        """Stop the server as a crash does (SIGQUIT): nothing is flushed, nobody is waited for."""
        await asyncio.to_thread(cluster.down, self.place, mode="immediate")

    async def start(self) -> None:
        """Start the server again."""
        await asyncio.to_thread(cluster.up, self.place)

    async def recovered(self) -> None:
        """Wait until the server answers again by itself."""

        async def answers() -> bool:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return await self.value("select not pg_is_in_recovery()") is True
            return False

        await until(answers, timeout_s=WITHIN_S)

    @contextlib.asynccontextmanager
    async def tables_on(self, disk: Path, *tables: str) -> AsyncIterator[None]:
        """Keep some tables on another disk until the block ends."""
        space = disk / "tables"
        space.mkdir()
        os.chown(space, *server_ids())
        async with self.superuser() as conn:
            await conn.execute(f"create tablespace onsite_small location '{space}'")
            try:
                for table in tables:
                    await conn.execute(f"alter table {table} set tablespace onsite_small")
                yield
            finally:
                for table in tables:
                    await conn.execute(f"alter table {table} set tablespace pg_default")
                # What was moved away is deleted by a checkpoint; only then is the folder empty.
                await conn.execute("checkpoint")
                await conn.execute("drop tablespace onsite_small")

    @contextlib.asynccontextmanager
    async def journal_on(self, disk: Path) -> AsyncIterator[None]:
        """Keep the write-ahead log on another disk until the block ends, with nothing in it that PostgreSQL could use up first."""
        journal, away = self.place.data / "pg_wal", self.place.data / "pg_wal.away"
        await asyncio.to_thread(cluster.down, self.place)
        needed = self._segment_needed()
        journal.rename(away)
        shutil.copytree(
            away, disk / "pg_wal", ignore=lambda _, names: [n for n in names if _is_segment(n) and n != needed]
        )
        _give_to_server(disk / "pg_wal")
        journal.symlink_to(disk / "pg_wal")
        try:
            await self.start()
            yield
        finally:
            await asyncio.to_thread(cluster.down, self.place)
            journal.unlink()
            shutil.rmtree(away)
            shutil.copytree(disk / "pg_wal", journal)
            _give_to_server(journal)
            await self.start()

    def _segment_needed(self) -> str:
        """Name the only segment that a server which was stopped in order begins with."""
        said = cluster.run_as_server_user(
            [installed_binaries(self.place).path("pg_controldata"), "--pgdata", str(self.place.data)]
        )
        (line,) = [line for line in said.splitlines() if line.startswith("Latest checkpoint's REDO WAL file")]
        return line.split()[-1]

    async def _set(self, name: str, value: str) -> None:
        async with self.superuser() as conn:
            await conn.execute(f"alter system set {name} = {value}")
            await conn.execute("select pg_reload_conf()")

            async def taken() -> bool:
                return f"'{await conn.fetchval('select current_setting($1)', name)}'" == value

            await until(taken, timeout_s=WITHIN_S)


def _is_segment(name: str) -> bool:
    return len(name) == 24 and set(name) <= set("0123456789ABCDEF")


def _give_to_server(folder: Path) -> None:
    folder.chmod(0o700)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, *server_ids())
