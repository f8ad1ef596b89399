"""The route of the conflicts inbox. Reads only: a conflict is settled by the command `settle_conflict`."""

from litestar import Response, Router, get
from litestar.di import NamedDependency

from api.body import read_query
from api.describe import describe
from api.reading import AnyRequest, answer_if_changed, require_reader
from api.services import Services
from api.store.conflicts import list_conflicts
from jobs.context import Actor
from mobile_contract.schema.conflicts import ConflictAsk, ConflictPage
from sync.transaction import org_transaction


@get(
    "/conflicts",
    opt=describe("Conflicts of edits", query=ConflictAsk, answer=ConflictPage, problems=("forbidden",)),
)
async def list_all(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """List fields that two people set differently: both values, who set them and when; 304 when nothing changed."""
    require_reader(actor)
    asked = read_query(request, ConflictAsk)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return answer_if_changed(request, await list_conflicts(conn, actor.org_id, asked))


router = Router("/api/v1", route_handlers=[list_all], tags=["board"])
