"""Handlers of requests: what customers and their systems report, and which job it is about."""

from msgspec.structs import replace

from jobs.context import Deed
from jobs.handlers.door import handles
from jobs.opening import content_of, link, open_new, opening_of, put_contact
from jobs.recording import settle
from jobs.result import Applied, Refused, Result
from jobs.work import Work, wgs84
from mobile_contract.schema.decisions import LinkRequest, RegisterRequest
from mobile_contract.schema.job import Job, Request

_UNCHANGED = Applied(code="unchanged")


@handles(RegisterRequest)
def register_request(work: Work, command: RegisterRequest, deed: Deed) -> Result:
    """Record a request; with `job_id` it is linked to that job, which is opened when a type is given and there is none."""
    if (command.lon_deg is None) != (command.lat_deg is None):
        return Refused("point_invalid")
    known = work.get(Request, command.request_id)
    request = _request(command, deed)
    if known is not None:
        if replace(request, job_id=known.job_id, reported_at=command.reported_at or known.reported_at) != known:
            return Refused("id_reused")
        if command.job_id is None or known.job_id is not None:
            return _UNCHANGED if command.job_id in (None, known.job_id) else Refused("id_reused")
        request = known
    work.put(request)
    if command.contact is not None:
        put_contact(work, command.contact)
    if command.job_id is None:
        return Applied()
    job = work.get(Job, command.job_id)
    if job is not None:
        link(work, request, job, deed)
        settle(work, job.id)
        return Applied()
    if command.job_type is None:
        return Refused("unknown_job")
    opened = open_new(work, opening_of(command), deed, content=content_of(command))
    return opened if isinstance(opened, Refused) else Applied()


@handles(LinkRequest)
def link_request(work: Work, command: LinkRequest, deed: Deed) -> Result:
    """Link a second report of the same trouble to a job; a request moves when it was linked to another."""
    request, job = work.get(Request, command.request_id), work.get(Job, command.job_id)
    if request is None:
        return Refused("unknown_reference", {"request_id": str(command.request_id)})
    if job is None:
        return Refused("unknown_job")
    if request.job_id == job.id:
        return _UNCHANGED
    link(work, request, job, deed)
    settle(work, job.id)
    return Applied()


def _request(command: RegisterRequest, deed: Deed) -> Request:
    lon, lat = command.lon_deg, command.lat_deg
    point = wgs84(lon, lat, command.datum) if lon is not None and lat is not None else (None, None)
    return Request(
        id=command.request_id,
        source=command.source,
        description=command.description,
        address=command.address,
        lon_deg=point[0],
        lat_deg=point[1],
        external_ref=command.external_ref,
        contact_id=command.contact.contact_id if command.contact else None,
        reported_at=command.reported_at or deed.occurrence.at,
    )
