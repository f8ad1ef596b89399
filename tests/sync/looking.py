"""Looks at what the server keeps, as an independent auditor: plain SQL, no function of ours."""

from typing import Any
from uuid import UUID

import msgspec

from sync.transaction import org_transaction
from tests.arrange import Org


async def rows(org: Org, statement: str, *values: Any) -> list[dict[str, Any]]:
    """Read rows of the organisation; $1 is the organisation."""
    async with org_transaction(org.pool, org.id) as conn:
        return [dict(row) for row in await conn.fetch(statement, org.id, *values)]


async def one(org: Org, statement: str, *values: Any) -> Any:
    """Read a single value."""
    async with org_transaction(org.pool, org.id) as conn:
        return await conn.fetchval(statement, org.id, *values)


async def last_n(org: Org, device_id: UUID) -> int:
    """Read the highest number with a stored outcome, as the device's row says."""
    return int(await one(org, "select last_n from sync_device where org_id = $1 and device_id = $2", device_id))


async def quarantined(org: Org) -> list[dict[str, Any]]:
    """List the entries that wait, by number."""
    return await rows(
        org, "select * from sync_quarantine where org_id = $1 and resolution is null order by n, entry_id"
    )


async def outcome(org: Org, command_id: UUID) -> dict[str, Any]:
    """Read one stored outcome."""
    (row,) = await rows(org, "select * from sync_outcome where org_id = $1 and command_id = $2", command_id)
    return row


async def held_documents(org: Org, bucket: str, kind: str = "outcome") -> dict[UUID, dict[str, Any]]:
    """Read the documents of a kind that a bucket holds, by id."""
    found = await rows(
        org,
        "select m.id, d.body from sync_member m join sync_doc d on d.org_id = $1 and d.kind = m.kind and d.id = m.id"
        " where m.org_id = $1 and m.bucket = $2 and m.kind = $3 and not m.gone order by m.id",
        bucket,
        kind,
    )
    return {row["id"]: msgspec.json.decode(row["body"]) for row in found}


async def events(org: Org, job_id: UUID) -> list[str]:
    """Name a job's events in order."""
    found = await rows(org, "select name from event where org_id = $1 and job_id = $2 order by seq", job_id)
    return [row["name"] for row in found]
