"""The database after all migrations: the same shape as the tables in code, and closed to other organisations."""

import asyncio
from collections.abc import Iterable
from typing import TypeAlias

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from geoalchemy2 import alembic_helpers
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from api.cluster import APP_ROLE
from api.migrations import applied_revision, latest_revision, migrate
from api.migrations.tables import GLOBAL_TABLES, all_metadata
from api.settings import Settings

Connection: TypeAlias = asyncpg.Connection

OUR_TABLES = """
select c.oid, c.relname as name, c.relrowsecurity as secured, c.relispartition as is_partition,
  exists (select from pg_policy p where p.polrelid = c.oid) as has_policy,
  (select a.attname from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
    where i.indrelid = c.oid and i.indisprimary) as leading_key
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p')
  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
order by c.relname limit 1000
"""


async def tenant_tables(owner: Connection) -> list[asyncpg.Record]:
    return [row for row in await owner.fetch(OUR_TABLES) if row["name"] not in GLOBAL_TABLES]


async def test_migrated_database_is_at_the_newest_revision(owner: Connection) -> None:
    assert await applied_revision(owner) == latest_revision()


async def test_migrations_and_tables_in_code_do_not_differ(settings: Settings) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        options = {"include_object": alembic_helpers.include_object, "compare_type": True}
        found: list[object] = []
        for metadata in all_metadata():
            context = MigrationContext.configure(connection, opts={**options, "target_metadata": metadata})
            found += compare_metadata(context, metadata)
        return found

    async def connect() -> Connection:
        return await asyncpg.connect(settings.owner_database_url)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()


async def test_every_table_leads_its_key_with_the_organisation(owner: Connection) -> None:
    others = {row["name"]: row["leading_key"] for row in await tenant_tables(owner) if row["leading_key"] != "org_id"}
    assert others == {}


async def test_every_table_with_tenant_data_is_under_row_level_security(owner: Connection) -> None:
    open_ones = [row["name"] for row in await tenant_tables(owner) if not (row["secured"] and row["has_policy"])]
    assert open_ones == []


async def test_application_reads_no_table_without_naming_its_organisation(owner: Connection) -> None:
    await owner.execute(f"set role {APP_ROLE}")
    for table in await tenant_tables(owner):
        with pytest.raises((asyncpg.UndefinedObjectError, asyncpg.InvalidTextRepresentationError)):
            await owner.fetch(f'select 1 from public."{table["name"]}" limit 1')


async def test_application_cannot_pretend_to_be_at_another_revision(owner: Connection) -> None:
    await owner.execute(f"set role {APP_ROLE}")
    assert await applied_revision(owner) == latest_revision()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.execute("update public.alembic_version set version_num = 'none'")


async def test_every_definer_function_pins_its_search_path_and_is_closed_to_the_public(owner: Connection) -> None:
    functions = await owner.fetch(
        """select p.oid::regprocedure::text as name, p.proconfig as config, p.proacl::text as rights
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'public' and p.prosecdef
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') limit 1000"""
    )
    for function in functions:
        assert any(entry.startswith("search_path=") for entry in function["config"] or ()), function["name"]
        assert not open_to_the_public(function["rights"]), function["name"]


def open_to_the_public(rights: str | None) -> bool:
    entries: Iterable[str] = (rights or "{=X/owner}").strip("{}").split(",")
    return any(entry.startswith("=") for entry in entries)


async def test_two_deploys_at_once_both_end_well(fresh_settings: Settings) -> None:
    revisions = await asyncio.gather(migrate(fresh_settings), migrate(fresh_settings))
    assert list(revisions) == [latest_revision()] * 2
