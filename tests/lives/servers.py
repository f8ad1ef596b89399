"""Servers of these experiments: crashes, a standby beside the primary, a database restored by hand. Every server is one that the test made."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import asyncpg
import msgspec
import pytest

from api import cluster
from api.cluster import APP_ROLE, OWNER_ROLE, Place
from api.cluster.server import installed_binaries, run_as_server_user, superuser_sql
from api.database import open_pool, owner_connection
from api.operator_error import OperatorError
from api.settings import Settings
from tests.sync.stage import Stage
from tests.waiting import until

SUPERUSER: Final = "postgres"
_BURN = "do $$ begin for i in 1..{} loop perform pg_current_xact_id(); commit; end loop; end $$"
_ABORT = """
insert into sync_member (org_id, bucket, kind, id, h) values (gen_random_uuid(), 'ref', 'part', gen_random_uuid(), 0)"""


def program(place: Place, name: str) -> str:
    """Give the path of a program of the server's package; skips the test, and says so, where it is absent."""
    path = Path(installed_binaries(place).path(name))
    if not path.exists():
        pytest.skip(f"{name} is not there: it belongs to Debian's package postgresql, which `make setup` installs")
    return str(path)


@contextlib.asynccontextmanager
async def staged(settings: Settings) -> AsyncIterator[Stage]:
    """Give an organisation without a trade on a server that may crash."""
    stage = Stage(await open_pool(settings, size_max=6))
    try:
        yield stage
    finally:
        stage.pool.terminate()


async def reconnect(stage: Stage, settings: Settings) -> None:
    """Open new connections as soon as the server takes any."""
    stage.pool.terminate()

    async def opened() -> asyncpg.Pool | None:
        try:
            return await open_pool(settings, size_max=6)
        except OperatorError:
            return None

    stage.pool = await until(opened, timeout_s=30)


async def believe_life(settings: Settings, *, blindly: bool) -> None:
    """Switch the life check off: the row survives crashes and promotions. Or on again."""
    async with owner_connection(settings) as conn:
        await conn.execute(f"alter table sync_life set {'logged' if blindly else 'unlogged'}")


async def burn(settings: Settings, transactions: int) -> None:
    """Use up transaction ids."""
    async with owner_connection(settings) as conn:
        await conn.execute(_BURN.format(transactions))


async def abort(settings: Settings, times: int) -> None:
    """Insert and roll back: transaction ids of which nothing need ever reach the disk."""
    async with owner_connection(settings) as conn:
        for _ in range(times):
            await conn.execute("begin")
            await conn.execute(_ABORT)
            await conn.execute("rollback")


async def use_database(settings: Settings, source: Settings) -> None:
    """Fill a cluster's database with a dump of another one, by hand: rows of unlogged tables and transaction ids come along."""
    place = settings.place
    superuser_sql(place, f"drop database {cluster.DATABASE} with (force)")
    superuser_sql(place, f"create database {cluster.DATABASE} owner {OWNER_ROLE}")
    file = place.home / "dumped"
    dump = [program(place, "pg_dump"), "-Fc", "--exclude-table=spatial_ref_sys", "-f", str(file)]
    run_as_server_user([*dump, "-d", source.owner_database_url])
    command = [program(place, "pg_restore"), "--no-owner", "--no-comments", "--exit-on-error"]
    run_as_server_user([*command, "-d", settings.owner_database_url, str(file)])


def flush_late(place: Place) -> None:
    """Let the writer of the journal come late, as it may in life: it is held until the server ends."""
    pid = superuser_sql(place, "select pid from pg_stat_activity where backend_type = 'walwriter'")
    run_as_server_user(["kill", "-STOP", pid.strip()])


async def kill_a_backend(settings: Settings) -> None:
    """Kill one server process with signal 9, and wait until the postmaster has ended the others; it then recovers."""
    conn, bystander = [await asyncpg.connect(settings.owner_database_url) for _ in range(2)]
    run_as_server_user(["kill", "-9", str(await conn.fetchval("select pg_backend_pid()"))])
    conn.terminate()
    # Until then new connections are taken, and ended with all others.
    await until(bystander.is_closed)


class Standby:
    """A hot standby of a primary, on a socket in its own data directory. `settings` name its database."""

    def __init__(self, primary: Settings) -> None:
        place = primary.place
        self._data = place.home / "standby"
        self._ctl = [program(place, "pg_ctl"), "--pgdata", str(self._data), "--silent"]
        self._copy = [program(place, "pg_basebackup"), "-D", str(self._data), "-R", "--checkpoint=fast", "--no-sync"]
        self._copy += ["-d", place.url(SUPERUSER, "postgres")]
        url = f"postgresql://{{}}@/{cluster.DATABASE}?host={quote(str(self._data), safe='/')}"
        self.settings = msgspec.structs.replace(
            primary, database_url=url.format(APP_ROLE), owner_database_url=url.format(OWNER_ROLE)
        )
        self._url = url.format(SUPERUSER)

    @contextlib.contextmanager
    def running(self) -> Iterator["Standby"]:
        """Copy the primary and follow it until the block ends."""
        run_as_server_user(self._copy)
        try:
            self.start()
            yield self
        finally:
            self.stop()
            shutil.rmtree(self._data)

    def start(self) -> None:
        """Start it, with or without its primary."""
        options = f"-c unix_socket_directories={self._data} -c logging_collector=off -c fsync=off -c wal_retrieve_retry_interval=100ms"
        log = str(self._data / "start.log")
        run_as_server_user([*self._ctl, "start", "--wait", "--log", log, "--options", options])

    def stop(self) -> None:
        """Stop it as a crash does."""
        run_as_server_user([*self._ctl, "stop", "--wait", "--mode", "immediate"])

    async def caught_up(self, primary: Settings) -> None:
        """Wait until it has replayed all that is on the disk of the primary by now."""
        async with owner_connection(primary) as conn:
            position = await conn.fetchval("select pg_current_wal_flush_lsn()::text")
        async with owner_connection(self.settings) as conn:

            async def replayed() -> bool:
                return bool(await conn.fetchval("select pg_last_wal_replay_lsn() >= $1::text::pg_lsn", position))

            reached: bool = await until(replayed, timeout_s=15)
            assert reached

    async def promote(self) -> None:
        """Make it the primary."""
        conn = await asyncpg.connect(self._url)
        assert await conn.fetchval("select pg_promote()")
        await conn.close()
