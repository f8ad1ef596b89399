"""Routes of storm mode: the jobs of a storm by area, and sending somebody to many of them. The work is `api.storm`; commands declare and end one."""

from typing import Final

import structlog
from litestar import Response, Router, get, post
from litestar.di import NamedDependency

from api import storm
from api.body import read_query, read_struct
from api.describe import describe
from api.problems import ProblemError, language_of
from api.reading import AnyRequest, require_planner, require_reader
from api.record import record_of
from api.routes.commands import idempotency_key
from api.services import Services
from jobs.context import Actor
from mobile_contract.schema.storm import AssignGroupAnswer, AssignGroupAsk, StormAsk, StormView
from sync.execute import HandlerFault

_SPOKEN: Final = {"Vary": "Accept-Language"}
_BODY_BYTES: Final = 64 * 1024

log = structlog.get_logger()


@get(
    "/", opt=describe("Show the storm and its jobs by area", query=StormAsk, answer=StormView, problems=("forbidden",))
)
async def show(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[StormView]:
    """Show the storms in force, what their level changes, and the jobs that nobody has, near ones together, the most urgent group first."""
    require_reader(actor)
    language = language_of(request.headers.get("accept-language"))
    asked = read_query(request, StormAsk)
    return Response(await storm.look(services, actor.org_id, asked, language), headers=_SPOKEN)


@post(
    "/assign-group",
    status_code=200,
    opt=describe(
        "Send somebody to many jobs",
        body=AssignGroupAsk,
        answer=AssignGroupAnswer,
        problems=("forbidden", "idempotency_key_missing", "nobody_named"),
        headers={"Idempotency-Key": "A UUID: the same request again is answered with what it did."},
    ),
)
async def assign_group(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[AssignGroupAnswer]:
    """Send a crew or a person to many jobs in one request; each is answered by itself, and one that somebody took meanwhile is refused."""
    require_planner(actor)
    key = idempotency_key(request)
    record = record_of(request.scope)
    record.event, record.command_id = "assign_group", key
    ask = await read_struct(request, AssignGroupAsk, limit=_BODY_BYTES)
    language = language_of(request.headers.get("accept-language"))
    try:
        done = await storm.assign_group(services, actor, ask, key=key, language=language)
    except HandlerFault as fault:
        log.error("handler_fault", command="assign_group", exc_info=fault.__cause__ or fault)
        raise ProblemError("server_fault") from None
    return Response(done, headers=_SPOKEN)


router = Router("/api/v1/storm", route_handlers=[show, assign_group], tags=["dispatch"])
