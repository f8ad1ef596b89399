"""Route that lists what customers and their systems reported. Reads only; requests are registered and linked by commands."""

from litestar import Router, get
from litestar.di import NamedDependency

from api.body import read_query
from api.describe import describe
from api.reading import AnyRequest, require_reader
from api.services import Services
from api.store.request_lists import list_requests
from jobs.context import Actor
from mobile_contract.schema.listing import RequestFilter, RequestPage
from sync.transaction import org_transaction


@get("/requests", opt=describe("List requests", query=RequestFilter, answer=RequestPage, problems=("forbidden",)))
async def list_all(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> RequestPage:
    """List the requests that pass the filters with their contacts, newest reports first; `linked=false` finds those without a job."""
    require_reader(actor)
    asked = read_query(request, RequestFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await list_requests(conn, actor.org_id, asked)


router = Router("/api/v1", route_handlers=[list_all], tags=["jobs"])
