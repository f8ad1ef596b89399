"""Route that lists visits. Reads only."""

from litestar import Router, get
from litestar.di import NamedDependency

from api.body import read_query
from api.describe import describe
from api.reading import AnyRequest, require_reader
from api.services import Services
from api.store import lists
from jobs.context import Actor
from mobile_contract.schema.listing import VisitFilter, VisitPage
from sync.transaction import org_transaction


@get("/visits", opt=describe("List visits", query=VisitFilter, answer=VisitPage, problems=("forbidden",)))
async def list_all(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> VisitPage:
    """List visits by id, oldest first."""
    require_reader(actor)
    asked = read_query(request, VisitFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await lists.list_visits(conn, actor.org_id, asked)


router = Router("/api/v1", route_handlers=[list_all], tags=["jobs"])
