"""Routes that show the catalogue: parts by text, parts by barcode. Reads only; parts change by commands."""

from litestar import Router, get
from litestar.di import NamedDependency
from msgspec.structs import asdict

from api.barcodes import read_barcode
from api.body import read_query
from api.describe import describe
from api.reading import AnyRequest, require_reader, sees_cost
from api.services import Services
from api.store import master_lists
from jobs.context import Actor
from mobile_contract.schema.listing_masters import PartFilter, PartPage, ScanAsk, ScanFound
from sync.transaction import org_transaction


@get("/parts", opt=describe("List parts", query=PartFilter, answer=PartPage, problems=("forbidden",)))
async def list_all(request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]) -> PartPage:
    """List parts by code; what they cost is shown to whoever may see costs."""
    require_reader(actor)
    asked = read_query(request, PartFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await master_lists.list_parts(conn, actor.org_id, asked, with_cost=sees_cost(actor))


@get("/parts/scan", opt=describe("Look a barcode up", query=ScanAsk, answer=ScanFound, problems=("forbidden",)))
async def scan(request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]) -> ScanFound:
    """Say what a barcode says (GS1 in any form, or a part's code) and which active parts it means; none: an empty list."""
    require_reader(actor)
    scanned = read_barcode(read_query(request, ScanAsk).code)
    async with org_transaction(services.pool, actor.org_id) as conn:
        parts = await master_lists.parts_of_scan(conn, actor.org_id, scanned, with_cost=sees_cost(actor))
    return ScanFound(**asdict(scanned), parts=parts)


router = Router("/api/v1", route_handlers=[list_all, scan], tags=["warehouse"])
