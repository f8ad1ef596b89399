"""Routes of the warehouse's pages: what waits to be approved, picked, handed over, received back, looked into. Reads only.

They show what requests and issues cost: only for those who may see that.
"""

from litestar import Router, get
from litestar.di import NamedDependency

from api.body import read_query
from api.describe import describe
from api.reading import AnyRequest, require_cost_reader
from api.services import Services
from api.store import warehouse_lists
from jobs.context import Actor
from mobile_contract.schema.listing_stock import (
    ApproveQueue,
    ApproveQueueFilter,
    ExceptionFilter,
    ExceptionPage,
    HandOverQueue,
    HandOverQueueFilter,
    PickQueue,
    PickQueueFilter,
    QueueCounts,
    ReturnQueue,
    ReturnQueueFilter,
)
from sync.transaction import org_transaction

_REFUSALS = ("forbidden",)


@get("/", opt=describe("Count the queues", answer=QueueCounts, problems=_REFUSALS))
async def count_queues(services: NamedDependency[Services], actor: NamedDependency[Actor]) -> QueueCounts:
    """Count what waits in each queue of the warehouse."""
    require_cost_reader(actor)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await warehouse_lists.count_queues(conn, actor.org_id)


@get(
    "/to-approve",
    opt=describe("Material to approve", query=ApproveQueueFilter, answer=ApproveQueue, problems=_REFUSALS),
)
async def to_approve(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> ApproveQueue:
    """List requests for material that wait for a decision; with `mine` those that wait for the caller."""
    require_cost_reader(actor)
    asked = read_query(request, ApproveQueueFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await warehouse_lists.list_to_approve(conn, actor, asked)


@get("/to-pick", opt=describe("Material to pick", query=PickQueueFilter, answer=PickQueue, problems=_REFUSALS))
async def to_pick(request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]) -> PickQueue:
    """List approved requests of which something is still to be issued, with where their parts lie."""
    require_cost_reader(actor)
    asked = read_query(request, PickQueueFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await warehouse_lists.list_to_pick(conn, actor.org_id, asked)


@get(
    "/to-hand-over",
    opt=describe("Slips to hand over", query=HandOverQueueFilter, answer=HandOverQueue, problems=_REFUSALS),
)
async def to_hand_over(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> HandOverQueue:
    """List issue slips whose parts no crew has received in full."""
    require_cost_reader(actor)
    asked = read_query(request, HandOverQueueFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await warehouse_lists.list_to_hand_over(conn, actor.org_id, asked)


@get(
    "/to-receive-back",
    opt=describe("Material to receive back", query=ReturnQueueFilter, answer=ReturnQueue, problems=_REFUSALS),
)
async def to_receive_back(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> ReturnQueue:
    """List by job what crews gave back and no store has taken in."""
    require_cost_reader(actor)
    asked = read_query(request, ReturnQueueFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await warehouse_lists.list_to_receive_back(conn, actor.org_id, asked)


@get("/exceptions", opt=describe("Exceptions", query=ExceptionFilter, answer=ExceptionPage, problems=_REFUSALS))
async def exceptions(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> ExceptionPage:
    """List what reconciliations found: open ones unless `state` says otherwise."""
    require_cost_reader(actor)
    asked = read_query(request, ExceptionFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await warehouse_lists.list_exceptions(conn, actor.org_id, asked)


router = Router(
    "/api/v1/warehouse",
    route_handlers=[count_queues, to_approve, to_pick, to_hand_over, to_receive_back, exceptions],
    tags=["warehouse"],
)
