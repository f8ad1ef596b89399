"""Route that lists approvals. Reads only."""

from litestar import Router, get
from litestar.di import NamedDependency

from api.body import read_query
from api.describe import describe
from api.reading import AnyRequest, require_cost_reader, require_reader
from api.services import Services
from api.store import lists
from jobs.context import Actor
from mobile_contract.schema.listing import ApprovalFilter, ApprovalPage
from sync.transaction import org_transaction


@get("/approvals", opt=describe("List approvals", query=ApprovalFilter, answer=ApprovalPage, problems=("forbidden",)))
async def list_all(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> ApprovalPage:
    """List approvals by id, for those who see costs; with `mine` those that wait for the caller, whoever in the office that is."""
    require_reader(actor)
    asked = read_query(request, ApprovalFilter)
    if not asked.mine:
        require_cost_reader(actor)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await lists.list_approvals(conn, actor, asked)


router = Router("/api/v1", route_handlers=[list_all], tags=["approvals"])
