"""Routes of dispatch by location: who might go to a job, taking such a suggestion, dispatching the backlog. The work is `api.proposals`."""

from typing import Final
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api import proposals
from api.body import read_query, read_struct
from api.describe import describe
from api.problems import language_of
from api.reading import AnyRequest, require_planner
from api.record import record_of
from api.routes.commands import idempotency_key, respond
from api.services import Services
from jobs.context import Actor
from mobile_contract.errors import Language
from mobile_contract.schema.answer import CommandAnswer
from mobile_contract.schema.dispatch import BacklogAnswer, BacklogAsk, Suggestions, SuggestionsAsk, TakeSuggestionAsk

_SPOKEN: Final = {"Vary": "Accept-Language"}


@get(
    "/jobs/{job_id:uuid}/suggestions",
    opt=describe(
        "Suggest who should go", query=SuggestionsAsk, answer=Suggestions, problems=("forbidden", "unknown_job")
    ),
)
async def suggestions(
    request: AnyRequest,
    job_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[Suggestions]:
    """Rank who is on shift and works in the job's district or a neighbouring one: travel time, reasons, arrival as a range."""
    require_planner(actor)
    asked = read_query(request, SuggestionsAsk)
    found = await proposals.suggest(services, actor.org_id, job_id, limit=asked.limit, language=_language(request))
    return Response(found, headers=_SPOKEN)


@post(
    "/jobs/{job_id:uuid}/take-suggestion",
    status_code=200,
    opt=describe(
        "Take a suggestion",
        body=TakeSuggestionAsk,
        answer=CommandAnswer,
        problems=(
            "forbidden",
            "idempotency_key_missing",
            "id_reused",
            "unknown_job",
            "nobody_suggested",
            "nobody_named",
            "job_already_claimed",
            "job_state",
        ),
    ),
)
async def take(
    request: AnyRequest,
    job_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[CommandAnswer]:
    """Assign the job by the command `assign_visit`, whose id is the Idempotency-Key; `visit_id` in the answer's detail."""
    require_planner(actor)
    key = _key(request, "take_suggestion")
    ask = await read_struct(request, TakeSuggestionAsk)
    return respond(request, await proposals.take_suggestion(services, actor, job_id, ask, key=key))


@post(
    "/dispatch/backlog",
    status_code=200,
    opt=describe(
        "Dispatch the backlog",
        body=BacklogAsk,
        answer=BacklogAnswer,
        problems=("forbidden", "idempotency_key_missing", "id_reused"),
        example={"commit": False},
    ),
)
async def backlog(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[BacklogAnswer]:
    """Propose who should do what is ready and nobody's; with `commit` and an Idempotency-Key the proposal takes effect."""
    require_planner(actor)
    ask = await read_struct(request, BacklogAsk)
    language = _language(request)
    if ask.commit:
        key = _key(request, "dispatch_backlog")
        found = await proposals.commit(services, actor, ask, key=key, language=language)
    else:
        found = await proposals.propose(services, actor.org_id, ask, language)
    return Response(found, headers=_SPOKEN)


def _key(request: AnyRequest, event: str) -> UUID:
    key = idempotency_key(request)
    record = record_of(request.scope)
    record.event, record.command_id = event, key
    return key


def _language(request: AnyRequest) -> Language:
    return language_of(request.headers.get("accept-language"))


router = Router("/api/v1", route_handlers=[suggestions, take, backlog], tags=["dispatch"])
