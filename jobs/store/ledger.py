"""Kept levels against the fold of their moves, and how to mend one. For operators; people may work meanwhile."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from mobile_contract.rules.stock import LEVELLED, level_id

_KINDS: Final = sorted(kind.value for kind in LEVELLED)
_PLACES = """
select id from stock_location where org_id = $1 and kind = any($2) and id > $3 order by id limit $4"""
_FOLD = """
select location_id, part_id, sum(quantity) quantity from (
  select to_location_id location_id, part_id, quantity from stock_move where org_id = $1 and to_location_id = any($2)
  union all select from_location_id, part_id, -quantity from stock_move where org_id = $1 and from_location_id = any($2)) m
group by location_id, part_id"""
_DIFFERING = f"""
select coalesce(f.location_id, l.location_id) location_id, coalesce(f.part_id, l.part_id) part_id, l.quantity kept,
  coalesce(f.quantity, 0) folded
from ({_FOLD}) f full join (
  select location_id, part_id, quantity from stock_level where org_id = $1 and location_id = any($2)) l
  on l.location_id = f.location_id and l.part_id = f.part_id
where l.quantity is distinct from coalesce(f.quantity, 0) order by 1, 2"""
# The locks of `stock_levels`: nobody books there while the fold is taken. It is taken after the locks, by a statement of its own.
_LOCK = """
select pg_advisory_xact_lock(hashtextextended('stock_level/' || k.id, 0)), (
  select l.id from stock_level l where l.org_id = $1 and l.id = k.id for update)
from (select id from unnest($2::uuid[]) id order by id) k"""
_MEND = f"""
insert into stock_level (org_id, id, location_id, part_id, quantity, reserved)
select $1, k.id, k.location_id, k.part_id, coalesce(f.quantity, 0), 0
from unnest($3::uuid[], $2::uuid[], $4::uuid[]) k(id, location_id, part_id)
left join ({_FOLD}) f on f.location_id = k.location_id and f.part_id = k.part_id
on conflict (org_id, id) do update set quantity = excluded.quantity"""


class LevelFault(Struct, frozen=True):
    """A level that is not the fold of its moves; `kept` is None where there is no row."""

    location_id: UUID
    part_id: UUID
    kept: Decimal | None
    folded: Decimal

    @property
    def id(self) -> UUID:
        """Name the level."""
        return level_id(self.location_id, self.part_id)


async def next_places(conn: asyncpg.Connection, org_id: UUID, after: UUID, limit: int) -> list[UUID]:
    """List the next locations, by id, whose balance is kept."""
    return [row["id"] for row in await conn.fetch(_PLACES, org_id, _KINDS, after, limit)]


async def level_faults(conn: asyncpg.Connection, org_id: UUID, places: Sequence[UUID]) -> list[LevelFault]:
    """Compare every level of some locations with its moves."""
    return [LevelFault(*row.values()) for row in await conn.fetch(_DIFFERING, org_id, list(places))]


async def mend_levels(conn: asyncpg.Connection, org_id: UUID, faults: Iterable[LevelFault]) -> None:
    """Set levels to the fold of their moves, in the caller's transaction; what is promised and counted stays as it is."""
    wrong = sorted(faults, key=lambda fault: fault.id)
    ids = [fault.id for fault in wrong]
    await conn.fetch(_LOCK, org_id, ids)
    await conn.execute(_MEND, org_id, [f.location_id for f in wrong], ids, [f.part_id for f in wrong])
