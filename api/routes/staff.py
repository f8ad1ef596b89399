"""Routes that list people: persons and crews. Reads only; people change by commands."""

from litestar import Router, get
from litestar.di import NamedDependency

from api.body import read_query
from api.describe import describe
from api.reading import AnyRequest, require_reader
from api.services import Services
from api.store import lists
from jobs.context import Actor
from mobile_contract.schema.listing import CrewFilter, CrewPage, PersonFilter, PersonPage
from sync.transaction import org_transaction


@get("/persons", opt=describe("List persons", query=PersonFilter, answer=PersonPage, problems=("forbidden",)))
async def list_persons(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> PersonPage:
    """List persons by code."""
    require_reader(actor)
    asked = read_query(request, PersonFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await lists.list_persons(conn, actor.org_id, asked)


@get("/crews", opt=describe("List crews", query=CrewFilter, answer=CrewPage, problems=("forbidden",)))
async def list_crews(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> CrewPage:
    """List crews by code."""
    require_reader(actor)
    asked = read_query(request, CrewFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await lists.list_crews(conn, actor.org_id, asked)


router = Router("/api/v1", route_handlers=[list_persons, list_crews], tags=["people and access"])
