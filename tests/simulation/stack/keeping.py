"""Backups of one organisation's rows, and their return: what a restored file system, a dump or a promoted replica leaves. Never of others' rows."""

import io
from random import Random
from typing import Final
from uuid import UUID

import asyncpg

from tests.simulation.backend import Return

_TABLES: Final = """
select c.table_name, array_agg(quote_ident(c.column_name) order by c.ordinal_position) columns from information_schema.columns c
join information_schema.tables t using (table_schema, table_name)
where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.is_generated = 'NEVER'
  and exists (select from information_schema.columns o where o.table_schema = 'public' and o.table_name = c.table_name and o.column_name = 'org_id')
group by 1 order by 1"""
_FURTHER: Final = "update sync_member set xid = (xid::text::bigint + $2)::text::xid8 where org_id = $1"

Kept = dict[str, bytes]
"""Binary COPY of each table's rows."""


async def copied(eyes: asyncpg.Connection, org_id: UUID) -> Kept:
    """Copy the committed rows of an organisation."""
    kept: Kept = {}
    async with eyes.transaction(isolation="repeatable_read", readonly=True):
        for table, columns in await eyes.fetch(_TABLES):
            into = io.BytesIO()
            query = f"select {', '.join(columns)} from {table} where org_id = $1"
            await eyes.copy_from_query(query, org_id, output=into, format="binary")
            kept[table] = into.getvalue()
    return kept


async def put_back(eyes: asyncpg.Connection, org_id: UUID, kept: Kept, how: Return, *, seed: int) -> None:
    """Put the rows of an organisation back as they were kept; the database then has no life that holds."""
    columns: dict[str, list[str]] = dict(await eyes.fetch(_TABLES))
    async with eyes.transaction():
        await eyes.execute("set local session_replication_role = replica")
        for table in columns:
            await eyes.execute(f"delete from {table} where org_id = $1", org_id)
        for table, rows in kept.items():
            names = [name.strip('"') for name in columns[table]]
            await eyes.copy_to_table(table, source=io.BytesIO(rows), columns=names, format="binary")
        if how is Return.DUMP:
            # A dump carries the row of another server along, and that server's transaction ids.
            await eyes.execute("update sync_life set system = system - 1")
            await eyes.execute(_FURTHER, org_id, Random(seed).choice((0, 5_000_000)))
        else:
            await eyes.execute("delete from sync_life")


async def crashed(eyes: asyncpg.Connection) -> None:
    """Leave the unlogged tables as recovery from a crash does: empty."""
    await eyes.execute("truncate sync_life")
