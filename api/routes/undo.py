"""The route that takes a command back. The work is `api.undoing`."""

from uuid import UUID

import structlog
from litestar import Response, Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api import undoing
from api.describe import describe
from api.problems import ProblemError, language_of
from api.reading import AnyRequest, require_planner
from api.record import record_of
from api.routes.commands import idempotency_key
from api.services import Services
from jobs.context import Actor
from mobile_contract.schema.undo import UndoAnswer
from sync.execute import HandlerFault

log = structlog.get_logger()


@post(
    "/commands/{command_id:uuid}/undo",
    status_code=200,
    opt=describe(
        "Take a command back",
        answer=UndoAnswer,
        problems=(
            "forbidden",
            "not_found",
            "idempotency_key_missing",
            "id_reused",
            "undo_not_possible",
            "undo_overtaken",
            "visit_locked",
            "busy",
        ),
        headers={"Idempotency-Key": "A UUID: the ids of the commands that take it back follow from it."},
    ),
)
async def take_back(
    request: AnyRequest,
    command_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[UndoAnswer]:
    """Take back a command, or by the key of its commit a plan, with commands that lead back. A command is taken back as a whole or not at all.

    Of a plan each visit is one for itself: one that cannot be led back is left as the plan has it and told in `left`, the others are taken
    back. What the field has done since wins. Where nothing can be taken back it is refused.
    """
    require_planner(actor)
    key = idempotency_key(request)
    record = record_of(request.scope)
    record.event, record.command_id = "undo", key
    language = language_of(request.headers.get("accept-language"))
    try:
        done = await undoing.undo(services, actor, command_id, key=key, language=language)
    except HandlerFault as fault:
        log.error("handler_fault", command="undo", command_id=str(key), exc_info=fault.__cause__ or fault)
        raise ProblemError("server_fault") from None
    return Response(done, headers={"Vary": "Accept-Language"})


router = Router("/api/v1", route_handlers=[take_back], tags=["commands"])
