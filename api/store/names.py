"""Reads what things are called, for answers about ids. Never writes."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

_NAMES: Final = """
select id, name from person where org_id = $1 and id = any($2)
union all select id, name from crew where org_id = $1 and id = any($2)
union all select id, number from job where org_id = $1 and id = any($2) order by 1 limit $3"""

_VISITS: Final = """
select id, job_id, crew_id, person_id from visit where org_id = $1 and id = any($2) order by id limit $3"""


class VisitPlan(Struct, frozen=True, kw_only=True):
    """Whose a visit is."""

    id: UUID
    job_id: UUID
    crew_id: UUID | None
    person_id: UUID | None


async def names_of(conn: asyncpg.Connection, org_id: UUID, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Read the names of persons and crews and the numbers of jobs; what is unknown is absent."""
    wanted = sorted({id for id in ids if id is not None})
    rows = await conn.fetch(_NAMES, org_id, wanted, len(wanted)) if wanted else []
    return {row["id"]: row["name"] for row in rows}


async def plans_of(conn: asyncpg.Connection, org_id: UUID, visit_ids: Iterable[UUID]) -> dict[UUID, VisitPlan]:
    """Read who has some visits, by the visit's id; what is unknown is absent."""
    wanted = sorted(set(visit_ids))
    rows = await conn.fetch(_VISITS, org_id, wanted, len(wanted)) if wanted else []
    return {row["id"]: VisitPlan(**{f: row[f] for f in VisitPlan.__struct_fields__}) for row in rows}
