"""Reads what people call things, for pages that show ids: codes, numbers, names. Never writes."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import asyncpg

_LABELS: Final = """
select id, code as label from part where org_id = $1 and id = any($2)
union all select id, code from stock_location where org_id = $1 and id = any($2)
union all select id, number from job where org_id = $1 and id = any($2)
union all select id, number from issue_slip where org_id = $1 and id = any($2)
union all select id, number from repair_form where org_id = $1 and id = any($2)
union all select id, name from person where org_id = $1 and id = any($2)
union all select id, name from crew where org_id = $1 and id = any($2)
order by 1 limit $3"""


async def labels_of(conn: asyncpg.Connection, org_id: UUID, ids: Iterable[UUID | None]) -> dict[str, str]:
    """Read codes of parts and locations, numbers of jobs, slips and forms, names of persons and crews, by id; what is unknown is absent."""
    wanted = sorted({id for id in ids if id is not None})
    rows = await conn.fetch(_LABELS, org_id, wanted, len(wanted)) if wanted else []
    return {str(row["id"]): row["label"] for row in rows}
