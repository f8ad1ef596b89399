"""Routes that show jobs: the list, one job whole, jobs on a map. Reads only; jobs change by commands."""

from typing import Final
from uuid import UUID

from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api import geojson
from api.body import read_query
from api.describe import describe
from api.problems import ProblemError
from api.reading import AnyRequest, answer_if_changed, require_reader
from api.services import Services
from api.store import job_lists
from api.store.job_detail import show_job
from jobs.context import Actor
from mobile_contract.schema.geojson import JobCollection
from mobile_contract.schema.listing import JobDetail, JobFilter, JobPage, MapFilter
from sync.transaction import org_transaction

_CHANGED: Final = {"ETag": "Send it as If-None-Match; its number before the hyphen is the job's version."}


@get("/jobs", opt=describe("List jobs", query=JobFilter, answer=JobPage, problems=("forbidden",)))
async def list_all(request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]) -> JobPage:
    """List the jobs that pass the filters, newest reports first unless `sort` says otherwise."""
    require_reader(actor)
    asked = read_query(request, JobFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return await job_lists.list_jobs(conn, actor.org_id, asked, now=services.clock())


@get(
    "/jobs/{job_id:uuid}",
    opt=describe("Show a job", answer=JobDetail, headers=_CHANGED, problems=("forbidden", "unknown_job")),
)
async def show(
    request: AnyRequest,
    job_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """Show a job with its visits, checklist, notes, readings, requests, approvals, signatures and events; 304 when nothing changed."""
    require_reader(actor)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await show_job(conn, actor.org_id, job_id)
    if found is None:
        raise ProblemError("unknown_job")
    return answer_if_changed(request, found, ver=found.ver)


@get(
    "/jobs.geojson",
    opt=describe(
        "Jobs as GeoJSON",
        query=MapFilter,
        answer=JobCollection,
        answer_media_type=geojson.MEDIA_TYPE,
        problems=("forbidden",),
    ),
)
async def on_map(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give the located jobs that pass the filters as points, in the datum asked for; 304 when nothing changed."""
    require_reader(actor)
    asked = read_query(request, MapFilter)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await job_lists.map_jobs(conn, actor.org_id, asked, now=services.clock())
    collection = geojson.job_collection(found, limit=asked.limit, datum=asked.datum)
    return answer_if_changed(request, collection, media_type=geojson.MEDIA_TYPE)


router = Router("/api/v1", route_handlers=[list_all, show, on_map], tags=["jobs"])
