"""Routes behind the page at `/`: the organisation at a glance, and the stream that says when to look again."""

from collections.abc import AsyncIterator

from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.response import Stream
from msgspec.structs import replace

from api.auth import caller_of
from api.describe import describe
from api.live import stream
from api.problems import ProblemError, busy
from api.reading import AnyRequest, answer_if_changed, require_reader
from api.services import Services
from api.store.live import summary
from jobs.context import Actor
from mobile_contract.errors import ERRORS, Language
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.live import LiveSummary
from sync.pokes import Crowded
from sync.transaction import org_transaction


@get("/live/summary", opt=describe("The organisation at a glance", answer=LiveSummary, problems=("forbidden",)))
async def show(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Count jobs by state, arrivals due and late, devices, quarantine, held decisions, approvals; 304 when nothing changed."""
    require_reader(actor)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await summary(conn, actor.org_id, now=services.clock())
    if found is None:
        raise ProblemError("not_found")
    return answer_if_changed(request, _in_words(found))


@get(
    "/live",
    opt=describe(
        "Be told when something changed", answer_media_type="text/event-stream", problems=("forbidden", "busy")
    ),
)
async def live(request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]) -> Stream:
    """Server-sent events without content: an event `poke` means that something of the organisation changed. Ends after ten minutes."""
    require_reader(actor)
    events = stream(services.pokes, actor.org_id, owner=actor.person_id or caller_of(request).key_id or actor.org_id)
    # What can be refused is refused now, while there is still a status to say so.
    try:
        first = await anext(events)
    except Crowded:
        raise busy() from None
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_from(first, events), media_type="text/event-stream", headers=headers)


def _in_words(found: LiveSummary) -> LiveSummary:
    return replace(found, quarantine=tuple(replace(line, text=_words(line.reason)) for line in found.quarantine))


def _words(code: str) -> LocalText | None:
    entry = ERRORS.get(code)
    return None if entry is None else LocalText(en=entry.text(Language.EN), zh=entry.text(Language.ZH))


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for event in rest:
        yield event


router = Router("/api/v1", route_handlers=[show, live], tags=["live"])
