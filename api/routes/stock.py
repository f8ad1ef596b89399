"""Routes that show stock: places, what lies where now or at an instant, movements. Reads only; stock changes by commands."""

from litestar import Router, get
from litestar.di import NamedDependency

from api.body import read_query
from api.describe import describe
from api.problems import ProblemError
from api.reading import AnyRequest, require_reader, sees_cost
from api.services import Services
from api.store import stock_lists
from jobs.context import Actor
from mobile_contract.schema.listing_stock import (
    BalanceFilter,
    BalancePage,
    LocationFilter,
    LocationPage,
    MoveFilter,
    MovePage,
)
from sync.transaction import org_transaction


@get(
    "/locations",
    opt=describe("List stock locations", query=LocationFilter, answer=LocationPage, problems=("forbidden",)),
)
async def list_locations(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> LocationPage:
    """List stores, bins, vans and the other places where material can be, by code."""
    require_reader(actor)
    asked = read_query(request, LocationFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await stock_lists.list_locations(conn, actor.org_id, asked)


@get(
    "/balances",
    opt=describe(
        "What lies where", query=BalanceFilter, answer=BalancePage, problems=("forbidden", "unknown_location")
    ),
)
async def list_balances(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> BalancePage:
    """Show what a place holds or where a part is, now or as of an instant; values for whoever may see costs."""
    require_reader(actor)
    asked = read_query(request, BalanceFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await stock_lists.list_balances(conn, actor.org_id, asked, with_cost=sees_cost(actor))
    if found is None:
        raise ProblemError("unknown_location")
    return found


@get("/moves", opt=describe("List movements", query=MoveFilter, answer=MovePage, problems=("forbidden",)))
async def list_moves(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> MovePage:
    """List movements, the latest deeds first; of one part at one place with the balance after each."""
    require_reader(actor)
    asked = read_query(request, MoveFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await stock_lists.list_moves(conn, actor.org_id, asked, with_cost=sees_cost(actor))


router = Router("/api/v1/stock", route_handlers=[list_locations, list_balances, list_moves], tags=["warehouse"])
