"""Learns which rows a piece of work writes, transaction by transaction, whatever statements wrote them, and turns them into a floor.

Triggers note each row as it is written; of a row that one transaction writes several times the last image counts. The floor writes the
same rows of the same tables in as few statements as can be: one per table and transaction, from arrays.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from api.database import owner_connection
from api.settings import Settings
from benchmarks.floor import Step, Transaction

_TABLES: Final = """
select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind = 'r' and c.relpersistence = 'p' and c.relname not in ('spatial_ref_sys', 'alembic_version')
  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
order by c.relname limit 200"""
_INSTALL: Final = """
create table bench_log (seq bigserial primary key, xid xid8 not null, tbl text not null, op text not null, image text not null);
create function bench_note() returns trigger language plpgsql security definer set search_path = public, pg_catalog as $$
begin
  insert into bench_log (xid, tbl, op, image)
  values (pg_current_xact_id(), tg_table_name, tg_op, case when tg_op = 'DELETE' then old::text else new::text end);
  return null;
end $$"""
_COLUMNS: Final = """
select a.attname, format_type(a.atttypid, null) type, coalesce(a.attnum = any (i.indkey), false) key
from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum limit 200"""
# What asyncpg hands over in binary form as it stands; anything else travels as text and is cast.
_PLAIN: Final = frozenset(
    {
        "uuid", "text", "bytea", "boolean", "smallint", "integer", "bigint", "numeric", "real", "double precision", "date",
        "timestamp with time zone",
    }
)  # fmt: skip
# The cursor of the protocol is the writer's transaction id: a floor that wrote another's would be no writer.
_OWN_XID: Final = "xid8"


class Column(Struct, frozen=True):
    """A column of a table; `key`: part of the primary key."""

    name: str
    type: str
    key: bool

    @property
    def sent_as(self) -> str:
        """Name the type in which its values travel."""
        return self.type if self.type in _PLAIN else "text"


class Written(Struct, frozen=True):
    """What one transaction of a device did to a table: rows as values of the columns, in order of the key."""

    table: str
    op: str
    rows: tuple[tuple[Any, ...], ...]


def install(settings: Settings) -> None:
    """Put the triggers on every table of the application."""

    async def work() -> None:
        async with owner_connection(settings) as conn:
            await conn.execute(_INSTALL)
            for row in await conn.fetch(_TABLES):
                if row["relname"] != "bench_log":
                    await conn.execute(
                        f"create trigger bench_note after insert or update or delete on {row['relname']} "
                        "for each row execute function bench_note()"
                    )

    asyncio.run(work())


def transactions(settings: Settings, devices: Iterable[UUID]) -> dict[UUID, list[Transaction]]:
    """Give the transactions in which devices pushed, in order: those that moved a device's row on."""
    return asyncio.run(_transactions(settings, set(devices)))


async def _transactions(settings: Settings, devices: set[UUID]) -> dict[UUID, list[Transaction]]:
    async with owner_connection(settings) as conn:
        tables = [
            row["tbl"] for row in await conn.fetch("select tbl from bench_log group by tbl order by min(seq) limit 200")
        ]
        columns = {table: await _columns(conn, table) for table in tables}
        by_xid: dict[str, list[tuple[int, Written]]] = {}
        whose: dict[str, UUID] = {}
        for table in tables:
            names = [column.name for column in columns[table]]
            for xid, first, written in await _written(conn, table, columns[table]):
                by_xid.setdefault(xid, []).append((first, written))
                if table == "sync_device":
                    whose[xid] = written.rows[0][names.index("device_id")]
    found: dict[UUID, list[Transaction]] = {device: [] for device in devices}
    for xid in sorted(by_xid, key=int):
        if whose.get(xid) in devices:
            steps = [
                _step(written, columns[written.table]) for _, written in sorted(by_xid[xid], key=lambda pair: pair[0])
            ]
            found[whose[xid]].append(Transaction(tuple(steps)))
    return found


async def _columns(conn: asyncpg.Connection, table: str) -> list[Column]:
    return [Column(row["attname"], row["type"], row["key"]) for row in await conn.fetch(_COLUMNS, table)]


async def _written(conn: asyncpg.Connection, table: str, columns: Sequence[Column]) -> list[tuple[str, int, Written]]:
    """Read a table's images, those of one row in one transaction folded into one; gives (xid, place in its transaction, rows)."""
    values = ", ".join(f"((l.image::{table}).{c.name})::{c.sent_as}" for c in columns)
    log = f"select l.seq, l.xid::text xid, l.op, {values} from bench_log l where l.tbl = $1 order by l.seq"
    folded: dict[str, dict[tuple[Any, ...], tuple[int, str, tuple[Any, ...]]]] = {}
    keys = [number for number, column in enumerate(columns) if column.key]
    for record in await conn.fetch(log, table):
        seq, xid, op, *image = record.values()
        rows = folded.setdefault(xid, {})
        key = tuple(image[number] for number in keys)
        before = rows.get(key)
        # A row that was made in this transaction is made with its last image.
        op = before[1] if before is not None and op == "UPDATE" else op
        rows[key] = (before[0] if before is not None else seq, op, tuple(image))
    found = []
    for xid, rows in folded.items():
        for op in ("INSERT", "UPDATE", "DELETE"):
            some = [(key, row) for key, row in rows.items() if row[1] == op]
            if some:
                some.sort(key=lambda pair: tuple(map(str, pair[0])))
                first = min(row[0] for _, row in some)
                found.append((xid, first, Written(table, op, tuple(row[2] for _, row in some))))
    return found


def _step(written: Written, columns: Sequence[Column]) -> Step:
    sent = [(number, column) for number, column in enumerate(columns) if column.type != _OWN_XID]
    arrays = ", ".join(f"${place}::{column.sent_as}[]" for place, (_, column) in enumerate(sent, 1))
    names = ", ".join(f"{column.name}" for _, column in sent)
    source = f"unnest({arrays}) k({names})"
    here = " and ".join(f"t.{c.name} = k.{c.name}" for c in columns if c.key)
    values = {c.name: "pg_current_xact_id()" if c.type == _OWN_XID else _cast(c) for c in columns}
    if written.op == "INSERT":
        sql = f"insert into {written.table} ({', '.join(values)}) select {', '.join(values.values())} from {source}"
    elif written.op == "UPDATE":
        given = ", ".join(f"{c.name} = {values[c.name]}" for c in columns if not c.key)
        sql = f"update {written.table} t set {given} from {source} where {here}"
    else:
        sql = f"delete from {written.table} t using {source} where {here}"
    args = tuple([row[number] for row in written.rows] for number, _ in sent)
    return Step(sql, args)


def _cast(column: Column) -> str:
    return f"k.{column.name}" if column.sent_as == column.type else f"k.{column.name}::{column.type}"
