"""Routes that list what an organisation works by: policies, job types, the duty roster, shifts. Reads only; all of it changes by commands."""

from litestar import Router, get
from litestar.di import NamedDependency

from api.body import read_query
from api.describe import describe
from api.reading import AnyRequest, require_reader
from api.services import Services
from api.store import master_lists
from jobs.context import Actor
from mobile_contract.schema.listing_masters import (
    DutyPage,
    JobTypeFilter,
    JobTypePage,
    PolicyFilter,
    PolicyPage,
    ShiftPage,
    SpanFilter,
)
from sync.transaction import org_transaction


@get("/policies", opt=describe("List policies", query=PolicyFilter, answer=PolicyPage, problems=("forbidden",)))
async def list_policies(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> PolicyPage:
    """List approval policies by code and version."""
    require_reader(actor)
    asked = read_query(request, PolicyFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await master_lists.list_policies(conn, actor.org_id, asked)


@get("/job-types", opt=describe("List job types", query=JobTypeFilter, answer=JobTypePage, problems=("forbidden",)))
async def list_job_types(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> JobTypePage:
    """List job types by code and version."""
    require_reader(actor)
    asked = read_query(request, JobTypeFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await master_lists.list_job_types(conn, actor.org_id, asked)


@get("/duties", opt=describe("List the duty roster", query=SpanFilter, answer=DutyPage, problems=("forbidden",)))
async def list_duties(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> DutyPage:
    """List the lines of the duty roster by their beginnings."""
    require_reader(actor)
    asked = read_query(request, SpanFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await master_lists.list_duties(conn, actor.org_id, asked)


@get("/shifts", opt=describe("List shifts", query=SpanFilter, answer=ShiftPage, problems=("forbidden",)))
async def list_shifts(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> ShiftPage:
    """List shifts by their beginnings."""
    require_reader(actor)
    asked = read_query(request, SpanFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await master_lists.list_shifts(conn, actor.org_id, asked)


router = Router(
    "/api/v1", route_handlers=[list_policies, list_job_types, list_duties, list_shifts], tags=["organisation"]
)
