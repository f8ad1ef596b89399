"""Dump and restore of the whole database with PostgreSQL's own programs. Never runs while a restore is half swapped in."""

import asyncio
import os
import re
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from api.cluster.packages import find_binaries, first_program
from api.database import owner_connection
from api.operator_error import OperatorError
from api.settings import Settings

TIMEOUT_S = 6 * 3600
# What the swap needs: nobody may connect between the last connection's end and the new name.
END_OTHERS = (
    "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()"
)


def dump(settings: Settings, target: Path) -> int:
    """Write a dump of the database in PostgreSQL's custom format and give its size in bytes.

    `target` appears only when the dump is complete. Raises OperatorError when it exists or the dump fails.
    """
    if target.exists():
        raise OperatorError(f"{target} exists: name a new file.")
    draft = target.with_name(target.name + ".partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # The row in sync_life belongs to this life of the database and must not travel.
        # Reference systems come with the extension, whose owner need not be ours.
        leave_out = ("--no-unlogged-table-data", "--exclude-table-data=*.spatial_ref_sys")
        _run([_program("pg_dump"), "--format=custom", "--compress=6", *leave_out, f"--file={draft}"], settings)
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)
    return target.stat().st_size


async def restore(settings: Settings, source: Path, *, now: datetime) -> str:
    """Replace the database by a dump and give the name under which the old one is kept.

    The dump is read into a new database first; only when that is complete do the two change names, so a bad dump changes
    nothing. The restored database begins a new life: no cursor from before is taken at its word.
    Raises OperatorError when the file is no dump or the login may not make databases.
    """
    if not source.is_file():
        raise OperatorError(f"There is no file {source}.")
    _run([_program("pg_restore"), "--list", str(source)], None)
    name = database_name(settings.owner_database_url)
    stamp = f"{now:%Y%m%d_%H%M%S}"
    fresh, kept = f"{name[:40]}_restore_{stamp}", f"{name[:40]}_before_{stamp}"
    async with owner_connection(settings, database="postgres") as maintenance:
        try:
            await maintenance.execute(f"create database {_quoted(fresh)}")
        except asyncpg.InsufficientPrivilegeError as error:
            raise OperatorError(
                f"The login may not make databases ({error}): `alter role … createdb` as administrator."
            ) from error
        try:
            await _fill(settings, source, fresh)
        except BaseException:
            await maintenance.execute(f"drop database if exists {_quoted(fresh)} with (force)")
            raise
        await _swap(maintenance, name, fresh, kept)
    return kept


async def _fill(settings: Settings, source: Path, fresh: str) -> None:
    url = with_database(settings.owner_database_url, fresh)
    jobs = min(4, os.cpu_count() or 1)
    command = [
        _program("pg_restore"),
        "--no-owner",
        "--no-comments",
        "--exit-on-error",
        f"--jobs={jobs}",
        f"--dbname={url}",
    ]
    # The extension comes from the template database, or from the dump where the login may create it.
    await asyncio.to_thread(_run, [*command, str(source)], None)
    async with owner_connection(settings, database=fresh) as connection:
        if await connection.fetchval("select to_regclass('public.sync_life') is not null"):
            await connection.execute("delete from public.sync_life")
        await connection.execute("analyze")


async def _swap(maintenance: asyncpg.Connection, name: str, fresh: str, kept: str) -> None:
    await maintenance.execute(f"alter database {_quoted(name)} allow_connections false")
    try:
        await maintenance.fetchval(END_OTHERS, name)
        await _rename_when_empty(maintenance, name, kept)
    except BaseException:
        await maintenance.execute(f"alter database {_quoted(name)} allow_connections true")
        raise
    await maintenance.execute(f"alter database {_quoted(fresh)} rename to {_quoted(name)}")
    await maintenance.execute(f"alter database {_quoted(kept)} allow_connections true")


async def _rename_when_empty(maintenance: asyncpg.Connection, name: str, kept: str) -> None:
    """Rename the old database; its last connections need a moment to end, and PostgreSQL itself waits 5 s for them."""
    for attempt in range(3):
        try:
            await maintenance.execute(f"alter database {_quoted(name)} rename to {_quoted(kept)}")
            return
        except asyncpg.ObjectInUseError:
            if attempt == 2:
                raise
            await maintenance.fetchval(END_OTHERS, name)


def database_name(url: str) -> str:
    """Give the database that a URL names. Raises OperatorError when it names none."""
    name = unquote(urlsplit(url).path.lstrip("/"))
    if not name:
        raise OperatorError("The database URL names no database: add /name to it.")
    return name


def with_database(url: str, name: str) -> str:
    """Give the same URL for another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def psql_command(settings: Settings) -> list[str]:
    """Give the command line of an interactive shell as the owner."""
    return [_program("psql"), settings.owner_database_url]


def _program(name: str) -> str:
    """Find one of PostgreSQL's client programs: beside an installed server, else on the path."""
    if (server := find_binaries()) is not None:
        return server.path(name)
    if (found := first_program([name])) is None:
        raise OperatorError(
            f"{name} is not installed: install PostgreSQL's client programs (Debian: postgresql-client)."
        )
    return found


def _run(command: Sequence[str], settings: Settings | None) -> None:
    arguments = [*command, f"--dbname={settings.owner_database_url}"] if settings else list(command)
    done = subprocess.run(
        arguments, check=False, capture_output=True, text=True, timeout=TIMEOUT_S, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode != 0:
        said = re.sub(r"(://[^:/@\s]+):[^@\s]+@", r"\1:…@", done.stderr.strip())
        raise OperatorError(f"{Path(command[0]).name} failed:\n{said}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
