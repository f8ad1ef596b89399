"""The life of the database as far as cursors go: reads it, and begins a new one where PostgreSQL says that the old one ended.

After a crash, a restore or a promotion transaction ids may be given out a second time, so a cursor from before would skip rows. Never
answers a pull: who finds no life begins one here and asks again.
"""

import logging
from uuid import UUID

import asyncpg

log = logging.getLogger("onsite.life")

# Any constant does, as long as nothing else in the database locks the same one.
LIFE_LOCK = 4_857_002
# Blocks of a table looked at in one transaction: 8 MiB, a few milliseconds.
BLOCKS = 1_000

_BLOCKS = "select pg_relation_size($1::text::regclass) / current_setting('block_size')::int"
# Rows that name the transaction that wrote them: memberships for phones, jobs and visits for the board.
_SETTLING = (
    (("public.sync_member",), "select sync_settle($1, $2)"),
    (("public.job", "public.visit"), "select board_settle($1, $2)"),
)
_LOCK = f"select pg_advisory_xact_lock({LIFE_LOCK})"
_BEGIN = """
insert into sync_life (system, db, rel)
select c.system_identifier, d.oid, 'public.sync_life'::regclass from pg_control_system() c, pg_database d where d.datname = current_database()
returning life"""


class Standby(Exception):
    """This server is a standby: its snapshots do not list the primary's open transactions, so a pull would skip rows."""


async def current_life(pool: asyncpg.Pool) -> UUID | None:
    """Read the life; None when a new one must be begun. Raises Standby."""
    try:
        life: UUID | None = await pool.fetchval("select sync_life_now()")
    except asyncpg.PostgresError as error:
        await raise_if_standby(pool, error)
        raise
    return life


async def ensure_life(pool: asyncpg.Pool) -> UUID:
    """Give the life, beginning a new one where there is none that holds. Several processes at once agree on one. Raises Standby.

    Before it begins, transaction ids that came with a dump from another server are settled, a few blocks per transaction.
    """
    known = await current_life(pool)
    if known is not None:
        return known
    settled = 0
    for tables, settle in _SETTLING:
        blocks = max([await pool.fetchval(_BLOCKS, table) for table in tables])
        for first in range(0, blocks, BLOCKS):
            settled += await pool.fetchval(settle, first, first + BLOCKS)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(_LOCK)
        known = await conn.fetchval("select sync_life_now()")
        if known is None:
            await conn.execute("delete from sync_life")
            known = await conn.fetchval(_BEGIN)
            log.warning("life began", extra={"life": str(known), "settled": settled})
    life: UUID = known
    return life


async def raise_if_standby(pool: asyncpg.Pool, error: Exception) -> None:
    """Turn the failure of a statement into Standby when that is the reason for it; return when it is not."""
    # An unlogged table cannot be read on a standby, nor anything written.
    if isinstance(
        error, asyncpg.FeatureNotSupportedError | asyncpg.ReadOnlySQLTransactionError
    ) and await pool.fetchval("select pg_is_in_recovery()"):
        raise Standby from error
