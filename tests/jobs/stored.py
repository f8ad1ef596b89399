"""A look at the rows: documents of a kind as they are in the database."""

from typing import TypeVar, cast
from uuid import UUID

from jobs.event import Event
from jobs.store import rows
from jobs.store.rows import Want, kind_name
from mobile_contract.schema.base import Document
from sync.transaction import org_transaction
from tests.arrange import Org

D = TypeVar("D", bound=Document)


async def one(org: Org, kind: type[D], id: UUID) -> D:
    """Give the document of an id; AssertionError when there is none."""
    found = await _load(org, kind, "id", id)
    assert found, f"no {kind.__name__} {id}"
    return found[0]


async def of_job(org: Org, kind: type[D], job_id: UUID) -> list[D]:
    """List a job's documents of a kind, by id."""
    return await _load(org, kind, "job_id", job_id)


async def events(org: Org, job_id: UUID) -> list[Event]:
    """List a job's events as recorded."""
    return sorted(await of_job(org, Event, job_id), key=lambda e: e.seq)


async def every(org: Org, kind: type[D]) -> list[D]:
    """List all documents of a kind, by id."""
    return await _load(org, kind, "org_id", org.id)


async def _load(org: Org, kind: type[D], column: str, id: UUID) -> list[D]:
    async with org_transaction(org.pool, org.id) as conn:
        found = await rows.load(conn, org.id, [Want(kind_name(kind), column, (id,))])
    return [cast("D", item.document) for item in found]
