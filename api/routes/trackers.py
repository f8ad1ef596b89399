"""Routes of trackers: made, listed and revoked by the office; and the address at which their apps report. The work is `api.trackers`."""

from typing import Final
from urllib.parse import parse_qsl
from uuid import UUID

from litestar import Response, Router, delete, get, post, route
from litestar.di import NamedDependency
from litestar.params import FromPath

from api import osmand, trackers
from api.auth import require
from api.body import read_bytes, read_query, read_struct
from api.describe import describe, public
from api.problems import UNREADABLE, ProblemError
from api.reading import AnyRequest
from api.record import record_of
from api.routes.auth import address_of
from api.routes.devices import ISSUERS, READERS, PageAsk
from api.services import Services
from api.store.trackers import list_trackers, revoke
from jobs.context import Actor
from mobile_contract.limits import KIB
from mobile_contract.schema.map import TrackerAsk, TrackerMade, TrackerPage
from sync.transaction import org_transaction

_BODY_BYTES: Final = 256 * KIB


@post(
    "/trackers",
    status_code=201,
    opt=describe(
        "Make a tracker", body=TrackerAsk, answer=TrackerMade, status=201, problems=("forbidden", "unknown_person")
    ),
)
async def make(request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]) -> TrackerMade:
    """Make a tracker: an app such as Traccar Client may report where a person is. Its identifier is shown this once."""
    require(actor, *ISSUERS)
    return await trackers.make(services, actor, await read_struct(request, TrackerAsk))


@get("/trackers", opt=describe("List trackers", query=PageAsk, answer=TrackerPage, problems=("forbidden",)))
async def list_all(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> TrackerPage:
    """List the organisation's trackers, oldest first, with when each was last heard of."""
    require(actor, *READERS)
    page = read_query(request, PageAsk)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await list_trackers(conn, actor.org_id, after=page.after, limit=page.limit + 1)
    items = tuple(found[: page.limit])
    return TrackerPage(items=items, next=items[-1].tracker_id if len(found) > page.limit else None)


@delete(
    "/trackers/{tracker_id:uuid}",
    status_code=204,
    opt=describe("Revoke a tracker", status=204, problems=("forbidden", "unknown_tracker")),
)
async def end(tracker_id: FromPath[UUID], services: NamedDependency[Services], actor: NamedDependency[Actor]) -> None:
    """Revoke a tracker: what it sends from now on is refused."""
    require(actor, *ISSUERS)
    async with org_transaction(services.pool, actor.org_id) as conn:
        if not await revoke(conn, actor.org_id, tracker_id, now=services.clock()):
            raise ProblemError("unknown_tracker")


@route(
    trackers.PATH,
    http_method=["GET", "POST"],
    status_code=200,
    opt=public("Report a position from an app for Traccar", hidden=True),
)
async def hear(request: AnyRequest, services: NamedDependency[Services]) -> Response[bytes]:
    """Take positions as Traccar Client sends them: an OsmAnd query, the same as a form, or JSON.

    What cannot be read as a place is taken and dropped: refused, the app would send it again for ever.
    """
    services.flood.admit(address_of(request), now=services.clock())
    heard = await trackers.hear(services, await _read(request))
    record = record_of(request.scope)
    record.org_id, record.actor = heard.org_id, f"tracker:{heard.tracker_id}"
    return Response(b"", media_type="text/plain", headers={"Onsite-Taken": str(heard.taken)})


async def _read(request: AnyRequest) -> osmand.Sent:
    if request.query_params:
        return osmand.read_osmand(dict(request.query_params))
    body = await read_bytes(request, limit=_BODY_BYTES)
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            return osmand.read_json(body)
        return osmand.read_osmand(dict(parse_qsl(body.decode(), max_num_fields=100)))
    except UNREADABLE:
        raise ProblemError("malformed") from None


router = Router("/api/v1", route_handlers=[make, list_all, end], tags=["map"])
intake_router = Router("/", route_handlers=[hear], tags=["map"])
