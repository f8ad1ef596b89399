"""Open jobs: from a report, by the office, or found on site. Owns what a new job is made of; never decides who may open one."""

from hashlib import sha256
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import EventName
from jobs.recording import record, settle
from jobs.result import Refused
from jobs.rules.sla import retarget
from jobs.work import Work, wgs84
from mobile_contract.rules.numbers import job_number
from mobile_contract.schema.base import Command, Datum, Instant, Priority
from mobile_contract.schema.decisions import ContactDetails
from mobile_contract.schema.job import Job, JobState, JobType, Request, Task
from mobile_contract.schema.place import Contact, District, Site


class Opening(Struct, frozen=True, kw_only=True):
    """What is known of a job when it is opened. The fields are those of the commands that open one."""

    job_id: UUID
    job_type: str
    title: str = ""
    description: str = ""
    priority: Priority | None = None
    address: str = ""
    lon_deg: float | None = None
    lat_deg: float | None = None
    datum: Datum = Datum.WGS84
    site_id: UUID | None = None
    contact: ContactDetails | None = None
    request_id: UUID | None = None
    reported_at: Instant | None = None
    external_ref: str = ""
    number: str | None = None
    found_on_site: bool = False


class Place(Struct, frozen=True):
    """Where a job is: (lon, lat) in WGS 84 or neither, the datum the point was given in, its district."""

    lon_deg: float | None
    lat_deg: float | None
    datum: Datum
    district_id: UUID | None


def opening_of(command: Command, *, found_on_site: bool = False) -> Opening:
    """Take over from a command whatever it says about the new job."""
    said = {f: getattr(command, f) for f in Opening.__struct_fields__ if f in command.__struct_fields__}
    return Opening(**{**said, "found_on_site": found_on_site})


def content_of(command: Command) -> str:
    """Compute what tells a repeated opening from another one with the same id: the hash of all that it said."""
    return sha256(msgspec.json.encode(command, order="sorted")).hexdigest()


def is_repeat(work: Work, job: Job, command: Command) -> bool:
    """Tell whether a job was opened by the same content."""
    opened = [e for e in work.events(job.id) if e.name is EventName.JOB_OPENED]
    return bool(opened) and opened[0].detail.get("content") == content_of(command)


def open_new(work: Work, opening: Opening, deed: Deed, *, content: str) -> Job | Refused:
    """Open a job that does not exist yet, with its contact and its checklist.

    Refused: `unknown_job_type`, `point_invalid` (half a point), `unknown_reference` (site or request).
    """
    job_type = work.job_type(opening.job_type)
    if job_type is None:
        return Refused("unknown_job_type", {"job_type": opening.job_type})
    if opening.site_id is not None and work.get(Site, opening.site_id) is None:
        return Refused("unknown_reference", {"site_id": str(opening.site_id)})
    request = work.get(Request, opening.request_id)
    if opening.request_id is not None and request is None:
        return Refused("unknown_reference", {"request_id": str(opening.request_id)})
    place = _place(work, opening)
    if isinstance(place, Refused):
        return place
    job = retarget(_job(work, opening, deed, (job_type, place)), job_type, arrival_class(work, place.district_id))
    work.put(job)
    if opening.contact is not None:
        put_contact(work, opening.contact, opening.site_id)
    put_tasks(work, job, job_type)
    record(
        work,
        job,
        deed,
        EventName.JOB_OPENED,
        detail={"content": content, "job_type": job.type, "type_version": job.type_version},
    )
    if request is not None:
        link(work, request, job, deed)
    settle(work, job.id)
    return work.get(Job, job.id) or job


def link(work: Work, request: Request, job: Job, deed: Deed) -> None:
    """Say that a request is about a job; both jobs learn of a request that moves."""
    former = work.get(Job, request.job_id)
    if former is not None and former.id != job.id:
        record(work, former, deed, EventName.REQUEST_LINKED, detail={"request_id": request.id, "moved_to": job.id})
    work.put(replace(request, job_id=job.id))
    record(work, job, deed, EventName.REQUEST_LINKED, detail={"request_id": request.id})


def put_contact(work: Work, details: ContactDetails, site_id: UUID | None = None) -> None:
    """Make the contact given with a report; one that is known already stays as the office has it."""
    if work.get(Contact, details.contact_id) is None:
        work.put(
            Contact(
                id=details.contact_id,
                name=details.name,
                phone=details.phone,
                language=details.language,
                site_id=site_id,
            )
        )


def put_tasks(work: Work, job: Job, job_type: JobType) -> None:
    """Give a job the checklist of its type. Ids follow from job and code, so that a phone makes the same; answers given stay.

    After a change of type the old type's lines stay to be read, but nobody must answer them any more.
    """
    kept = {task.code: task for task in work.of_job(Task, job.id)}
    for sort, template in enumerate(job_type.tasks):
        known = kept.pop(template.code, None)
        work.put(
            Task(
                id=known.id if known else uuid5(job.id, template.code),
                job_id=job.id,
                code=template.code,
                label=template.label,
                answer_kind=template.answer_kind,
                choices=template.choices,
                mandatory=template.mandatory,
                sort=sort,
                answer=known.answer if known else None,
                answered_at=known.answered_at if known else None,
                answered_by=known.answered_by if known else None,
            )
        )
    for left in kept.values():
        if left.mandatory:
            work.put(replace(left, mandatory=False))


def arrival_class(work: Work, district_id: UUID | None) -> str | None:
    """Name the arrival class of a district; None for none."""
    district = work.get(District, district_id)
    return district.arrival_class if district else None


def _place(work: Work, opening: Opening) -> Place | Refused:
    """Place a job at its own point, else at its site's; the source datum is kept beside the WGS 84 point."""
    lon, lat = opening.lon_deg, opening.lat_deg
    if (lon is None) != (lat is None):
        return Refused("point_invalid")
    if lon is not None and lat is not None:
        return Place(*wgs84(lon, lat, opening.datum), opening.datum, work.district_of(lon, lat, opening.datum))
    site = work.get(Site, opening.site_id)
    if site is not None:
        district_id = work.district_of(site.lon_deg, site.lat_deg, Datum.WGS84)
        return Place(site.lon_deg, site.lat_deg, site.datum, district_id or site.district_id)
    return Place(None, None, opening.datum, None)


def _job(work: Work, opening: Opening, deed: Deed, known: tuple[JobType, Place]) -> Job:
    job_type, place = known
    reported_at = opening.reported_at or deed.occurrence.at
    site = work.get(Site, opening.site_id)
    ready = place.district_id is not None and not opening.found_on_site
    return Job(
        id=opening.job_id,
        number=opening.number or job_number(opening.job_id, reported_at, work.org.zone),
        type=job_type.code,
        type_version=job_type.version,
        state=JobState.READY if ready else JobState.AWAITING_TRIAGE,
        title=opening.title or job_type.name.en,
        description=opening.description,
        priority=opening.priority or job_type.priority,
        address=opening.address or (site.address if site else ""),
        lon_deg=place.lon_deg,
        lat_deg=place.lat_deg,
        datum=place.datum,
        district_id=place.district_id,
        site_id=opening.site_id,
        contact_id=opening.contact.contact_id if opening.contact else None,
        required_skills=job_type.required_skills,
        reported_at=reported_at,
        opened_at=deed.occurrence.at,
        opened_by=deed.person_id,
        triaged_at=deed.received_at if ready else None,
        external_ref=opening.external_ref,
        found_on_site=opening.found_on_site,
    )
