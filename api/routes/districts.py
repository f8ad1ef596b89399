"""Routes that show districts: the list, and their outlines on a map. Reads only."""

from litestar import Response, Router, get
from litestar.di import NamedDependency

from api import geojson
from api.body import read_query
from api.describe import describe
from api.reading import AnyRequest, answer_if_changed, require_reader
from api.services import Services
from api.store import lists
from api.store.district_outlines import outlines
from jobs.context import Actor
from mobile_contract.schema.geojson import DistrictCollection, OutlineAsk
from mobile_contract.schema.listing import DistrictPage, PageOf
from sync.transaction import org_transaction


@get("/districts", opt=describe("List districts", query=PageOf, answer=DistrictPage, problems=("forbidden",)))
async def list_all(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> DistrictPage:
    """List districts by code, without their outlines."""
    require_reader(actor)
    asked = read_query(request, PageOf)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await lists.list_districts(conn, actor.org_id, asked)


@get(
    "/districts.geojson",
    opt=describe(
        "Districts as GeoJSON",
        query=OutlineAsk,
        answer=DistrictCollection,
        answer_media_type=geojson.MEDIA_TYPE,
        problems=("forbidden",),
    ),
)
async def on_map(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give all districts as outlines, in the datum asked for; 304 when nothing changed."""
    require_reader(actor)
    asked = read_query(request, OutlineAsk)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await outlines(conn, actor.org_id, tolerance_m=asked.tolerance_m)
    collection = geojson.district_collection(found, datum=asked.datum)
    return answer_if_changed(request, collection, media_type=geojson.MEDIA_TYPE)


router = Router("/api/v1", route_handlers=[list_all, on_map], tags=["districts"])
