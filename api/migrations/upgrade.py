"""Runs the migrations as the owner, one deploy at a time, each step in a transaction of its own. Never downgrades."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from api.cluster.place import APP_ROLE
from api.database import owner_connection
from api.operator_error import OperatorError
from api.settings import Settings

# Any constant does, as long as nothing else in the database locks the same one.
DEPLOY_LOCK = 4_857_001
LOCK_TIMEOUT_MS = 5_000

# The application's rights on every table that a migration makes; row-level security narrows them to one organisation.
RIGHTS = f"""\
grant usage on schema public to {APP_ROLE};
alter default privileges in schema public grant select, insert, update, delete on tables to {APP_ROLE};
alter default privileges in schema public grant usage on sequences to {APP_ROLE};
"""
# Nobody else may call functions of ours: some are SECURITY DEFINER and read across organisations.
FUNCTION_RIGHTS = f"""\
alter default privileges revoke execute on functions from public;
alter default privileges in schema public grant execute on functions to {APP_ROLE};
"""


async def migrate(settings: Settings) -> str | None:
    """Bring the database to the newest revision and give it; None where there is no revision at all.

    Creates the role `onsite_app` and the extension `postgis` where they are missing and the login may do so.
    Raises OperatorError with the statement for the server's administrator where it may not.
    """
    async with owner_connection(settings) as guard:
        await guard.execute("set lock_timeout = 0")
        await guard.execute("select pg_advisory_lock($1)", DEPLOY_LOCK)
        await _ensure_role(guard)
        await _ensure_extension(guard)
        await guard.execute(RIGHTS)
        await guard.execute(FUNCTION_RIGHTS)
        await _with_alembic(settings, lambda config: command.upgrade(config, "head"))
        if await guard.fetchval("select to_regclass('public.alembic_version') is not null"):
            await guard.execute(f"revoke insert, update, delete on public.alembic_version from {APP_ROLE}")
    return latest_revision()


async def write_revision(settings: Settings, message: str) -> list[Path]:
    """Write a new step with the difference between the tables in code and in the database; give its files."""
    before = set(_versions_folder().glob("*.py"))
    await _with_alembic(
        settings,
        lambda config: command.revision(config, message, autogenerate=True, rev_id=f"{len(_scripts(config)) + 1:04d}"),
    )
    return sorted(set(_versions_folder().glob("*.py")) - before)


def latest_revision() -> str | None:
    """Give the newest revision in the code."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


async def applied_revision(connection: asyncpg.Connection) -> str | None:
    """Give the revision that a database is at; None for a database that was never migrated."""
    if not await connection.fetchval("select to_regclass('public.alembic_version') is not null"):
        return None
    revision: str | None = await connection.fetchval("select version_num from public.alembic_version limit 1")
    return revision


def alembic_config() -> Config:
    """Give alembic's configuration, made in code: there is no file that could differ from it."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    return config


async def _with_alembic(settings: Settings, run: Callable[[Config], Any]) -> None:
    async def connect() -> asyncpg.Connection:
        # asyncpg reads the URL itself, so `sslmode` and socket folders mean the same as in the pool.
        return await asyncpg.connect(
            settings.owner_database_url,
            server_settings={
                "application_name": "onsite migrate",
                "lock_timeout": str(LOCK_TIMEOUT_MS),
                "timezone": "UTC",
            },
        )

    def run_on(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        run(config)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run_on)
            await connection.commit()
    finally:
        await engine.dispose()


async def _ensure_role(connection: asyncpg.Connection) -> None:
    try:
        if not await connection.fetchval("select exists (select from pg_roles where rolname = $1)", APP_ROLE):
            await connection.execute(f"create role {APP_ROLE} nologin")
        if not await connection.fetchval("select pg_has_role(current_user, $1, 'member')", APP_ROLE):
            await connection.execute(f"grant {APP_ROLE} to current_user")
    except asyncpg.InsufficientPrivilegeError as error:
        owner = await connection.fetchval("select current_user")
        raise OperatorError(
            f"The login {owner} may not create the application's role. Have the server's administrator run:\n"
            f'  create role {APP_ROLE} nologin; grant {APP_ROLE} to "{owner}";'
        ) from error


async def _ensure_extension(connection: asyncpg.Connection) -> None:
    if await connection.fetchval("select exists (select from pg_extension where extname = 'postgis')"):
        return
    try:
        await connection.execute("create extension postgis")
    except asyncpg.PostgresError as error:
        raise OperatorError(
            f"PostGIS cannot be added to this database ({error}). Have the server's administrator run in it:\n"
            "  create extension postgis;"
        ) from error


def _versions_folder() -> Path:
    return Path(__file__).parent / "versions"


def _scripts(config: Config) -> list[Any]:
    return list(ScriptDirectory.from_config(config).walk_revisions())
