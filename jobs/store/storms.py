"""SQL of storms: which are in force, and what level that makes of each district. Writes nothing; commands declare and end them."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from mobile_contract.rules.storm import sends, wakes
from mobile_contract.schema.base import Priority
from mobile_contract.schema.storm import Storm

STORMS_MAX: Final = 50

_IN_FORCE: Final = """
select row_to_json(s)::text body from (
  select id, level, district_ids, note, declared_at, declared_by, changed_at from storm
  where org_id = $1 and ended_at is null order by level desc, declared_at, id limit $2) s"""

# A storm's district stands for all below it. No id: everywhere.
_LEVELS: Final = """
with recursive reach(level, id) as (
  select s.level, d.id::uuid from storm s cross join lateral jsonb_array_elements_text(s.district_ids) d(id)
    where s.org_id = $1 and s.ended_at is null
  union select r.level, d.id from reach r join district d on d.org_id = $1 and d.parent_id = r.id)
select id, max(level) as level from reach group by id
union all select null, max(level) from storm where org_id = $1 and ended_at is null and district_ids = '[]' having count(*) > 0
order by 1 nulls first"""


class Levels(Struct, frozen=True):
    """The level of the storm in each district, and everywhere; calm: neither."""

    everywhere: int | None = None
    by_district: Mapping[UUID, int] = {}

    def at(self, district_id: UUID | None) -> int | None:
        """Give the level of a district, or of what lies in none; None where it is calm."""
        here = None if district_id is None else self.by_district.get(district_id)
        found = [level for level in (here, self.everywhere) if level is not None]
        return max(found, default=None)

    def sends(self, priority: Priority, district_id: UUID | None) -> bool:
        """Tell whether jobs of a priority are proposed for sending in a district."""
        return sends(self.at(district_id), priority)

    def wakes(self, priority: Priority, district_id: UUID | None) -> bool:
        """Tell whether sleeping phones are woken for jobs of a priority in a district."""
        return wakes(self.at(district_id), priority)


async def storms_in_force(conn: asyncpg.Connection, org_id: UUID) -> tuple[Storm, ...]:
    """Read the storms in force, the gravest first, of equals the oldest; 50 at most."""
    rows = await conn.fetch(_IN_FORCE, org_id, STORMS_MAX)
    return tuple(msgspec.json.decode(row["body"], type=Storm) for row in rows)


async def storm_levels(conn: asyncpg.Connection, org_id: UUID) -> Levels:
    """Read what the storms in force make of each district."""
    found = {row["id"]: row["level"] for row in await conn.fetch(_LEVELS, org_id)}
    return Levels(found.pop(None, None), found)
