"""Routes of planning: proposals for a day, an urgent job, a repair, a storm; why a visit is where it is; committing. The work is `api.planning`."""

from typing import Final
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api import planning
from api.body import read_struct
from api.describe import describe
from api.problems import language_of
from api.reading import AnyRequest, require_planner
from api.record import record_of
from api.routes.commands import idempotency_key
from api.services import Services
from jobs.context import Actor
from mobile_contract.errors import Language
from mobile_contract.schema.planning import PlanAsk, PlanCommitAsk, PlanCommitted, PlanExplanation, PlanProposal

_SPOKEN: Final = {"Vary": "Accept-Language"}


@post(
    "/plans",
    status_code=200,
    opt=describe(
        "Make a proposal",
        body=PlanAsk,
        answer=PlanProposal,
        problems=("forbidden", "unknown_job", "job_not_open", "too_much_to_plan", "busy"),
        example={"kind": "day"},
    ),
)
async def make(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[PlanProposal]:
    """Plan beside what stands: what would change for whom, why, at what cost. Nothing changes until it is committed."""
    require_planner(actor)
    ask = await read_struct(request, PlanAsk)
    return Response(await planning.propose(services, actor, ask, _language(request)), headers=_SPOKEN)


@get(
    "/plans/{plan_id:uuid}",
    opt=describe("Show a proposal", answer=PlanProposal, problems=("forbidden", "unknown_plan")),
)
async def show(
    request: AnyRequest,
    plan_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[PlanProposal]:
    """Show a proposal as it was made; it is kept until it expires, a committed one longer."""
    require_planner(actor)
    found = await planning.show(services, actor.org_id, plan_id, _language(request))
    return Response(found, headers=_SPOKEN)


@get(
    "/plans/{plan_id:uuid}/visits/{visit_id:uuid}",
    opt=describe(
        "Explain a visit of a proposal",
        answer=PlanExplanation,
        problems=("forbidden", "unknown_plan", "unknown_visit", "plan_committed", "too_much_to_plan", "busy"),
    ),
)
async def explain(
    request: AnyRequest,
    *,
    plan_id: FromPath[UUID],
    visit_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[PlanExplanation]:
    """Say why this crew has the visit and why no other, or what stands in the way of everybody."""
    require_planner(actor)
    found = await planning.explain_visit(services, actor.org_id, plan_id, visit_id, language=_language(request))
    return Response(found, headers=_SPOKEN)


@post(
    "/plans/{plan_id:uuid}/commit",
    status_code=200,
    opt=describe(
        "Commit a proposal",
        body=PlanCommitAsk,
        answer=PlanCommitted,
        problems=(
            "forbidden",
            "idempotency_key_missing",
            "id_reused",
            "unknown_plan",
            "unknown_visit",
            "plan_committed",
        ),
        example={},
    ),
)
async def commit(
    request: AnyRequest,
    plan_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[PlanCommitted]:
    """Make a proposal so, all of it or the visits named, in one transaction; the answer tells what was overtaken meanwhile.

    With `committed` false and `plan_outdated` nothing was done: somebody else planned these crews meanwhile.
    """
    require_planner(actor)
    key = idempotency_key(request)
    record = record_of(request.scope)
    record.event, record.command_id = "commit_plan", key
    ask = await read_struct(request, PlanCommitAsk)
    done = await planning.commit(services, actor, plan_id, ask, key=key, language=_language(request))
    return Response(done, headers=_SPOKEN)


def _language(request: AnyRequest) -> Language:
    return language_of(request.headers.get("accept-language"))


router = Router("/api/v1", route_handlers=[make, show, explain, commit], tags=["planning"])
