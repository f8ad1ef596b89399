"""Commands that ask for a change: checked, and possibly refused. A device's decision may wait (`held`) for what it follows."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.approval import ApprovedLine, Policy
from mobile_contract.schema.base import (
    Code,
    Command,
    Datum,
    Instant,
    LatDeg,
    Line,
    LonDeg,
    Priority,
    Prose,
    Value,
)
from mobile_contract.schema.job import HoldReason, JobType
from mobile_contract.schema.material import Part
from mobile_contract.schema.people import Crew, CrewMember, Duty, Person, Shift
from mobile_contract.schema.place import Contact, Meter, Site, UsagePoint
from mobile_contract.schema.stock import StockLocation

JobTypeCode = Code


class ContactDetails(Value, frozen=True, kw_only=True):
    """A contact given with a report; becomes a contact of its own."""

    contact_id: UUID
    name: Line
    phone: Line = ""
    language: Code = "en"


class RegisterRequest(Command, frozen=True, kw_only=True, tag="register_request"):
    """Record what a customer reported. With `job_id` the request is linked to that job; a job of that id is opened when `job_type` is given."""

    request_id: UUID
    source: Code = "customer"
    description: Prose = ""
    address: Line = ""
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    datum: Datum = Datum.WGS84
    contact: ContactDetails | None = None
    external_ref: Line = ""
    reported_at: Instant | None = None
    job_id: UUID | None = None
    job_type: JobTypeCode | None = None


class LinkRequest(Command, frozen=True, kw_only=True, tag="link_request"):
    """Link a second report of the same trouble to an existing job."""

    request_id: UUID
    job_id: UUID


class OpenJob(Command, frozen=True, kw_only=True, tag="open_job"):
    """Open a job. Without a point, or with one outside every district, it awaits triage; `number` is given by the server when left out."""

    job_id: UUID
    job_type: JobTypeCode
    title: Line = ""
    description: Prose = ""
    priority: Priority | None = None
    address: Line = ""
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    datum: Datum = Datum.WGS84
    site_id: UUID | None = None
    contact: ContactDetails | None = None
    request_id: UUID | None = None
    reported_at: Instant | None = None
    external_ref: Line = ""
    number: Code | None = None


class TriageJob(Command, frozen=True, kw_only=True, tag="triage_job"):
    """Make an awaiting job ready: place it, set its type and priority, or give it a district by hand."""

    job_id: UUID
    job_type: JobTypeCode | None = None
    priority: Priority | None = None
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    datum: Datum = Datum.WGS84
    district_id: UUID | None = None


class FieldEdit(Value, frozen=True, kw_only=True):
    """An edit of one field: `was` is what the editor saw."""

    was: Prose
    set: Prose


class EditJob(Command, frozen=True, kw_only=True, tag="edit_job"):
    """Change descriptive fields (title, description, address, priority); merged field by field."""

    job_id: UUID
    changes: Annotated[dict[str, FieldEdit], Meta(min_length=1, max_length=8)]


class MarkDuplicate(Command, frozen=True, kw_only=True, tag="mark_duplicate"):
    """Say that a job is the same trouble as another; it is cancelled and its requests move over."""

    job_id: UUID
    of_job_id: UUID


class PlanVisit(Command, frozen=True, kw_only=True, tag="plan_visit"):
    """Plan a visit's time, with or without who goes."""

    job_id: UUID
    visit_id: UUID
    planned_start_at: Instant
    planned_end_at: Instant
    crew_id: UUID | None = None
    person_id: UUID | None = None


class AssignVisit(Command, frozen=True, kw_only=True, tag="assign_visit"):
    """Send a crew or a person to a job: the visit is made when there is none of that id.

    `only_if_open`: refused when somebody has the job by another visit, so that a proposal never doubles what was taken meanwhile.
    """

    job_id: UUID
    visit_id: UUID
    crew_id: UUID | None = None
    person_id: UUID | None = None
    planned_start_at: Instant | None = None
    planned_end_at: Instant | None = None
    only_if_open: bool = False


class ReassignVisit(Command, frozen=True, kw_only=True, tag="reassign_visit"):
    """Give a visit to another crew or person, at the planned times or at others. Made from `plan_version`; facts reported since win.

    Of the times both are given or neither. With the same crew or person it is a move in time.
    """

    job_id: UUID
    visit_id: UUID
    plan_version: int
    crew_id: UUID | None = None
    person_id: UUID | None = None
    planned_start_at: Instant | None = None
    planned_end_at: Instant | None = None


class ClaimJob(Command, frozen=True, kw_only=True, tag="claim_job"):
    """Take an open job; the first commit wins and the loser is told who was faster."""

    job_id: UUID
    visit_id: UUID


class AcceptVisit(Command, frozen=True, kw_only=True, tag="accept_visit"):
    """Accept the visit as planned in `plan_version`."""

    job_id: UUID
    visit_id: UUID
    plan_version: int


class DeclineVisit(Command, frozen=True, kw_only=True, tag="decline_visit"):
    """Decline the visit as planned in `plan_version`."""

    job_id: UUID
    visit_id: UUID
    plan_version: int
    reason: Line


class HoldJob(Command, frozen=True, kw_only=True, tag="hold_job"):
    """Put a job on hold."""

    job_id: UUID
    reason: HoldReason
    until: Instant | None = None
    note: Line = ""


class ReleaseJob(Command, frozen=True, kw_only=True, tag="release_job"):
    """End a hold."""

    job_id: UUID


class CancelJob(Command, frozen=True, kw_only=True, tag="cancel_job"):
    """Cancel a job and its open visits."""

    job_id: UUID
    reason: Line


class CloseJob(Command, frozen=True, kw_only=True, tag="close_job"):
    """Close a completed (or not completable) job."""

    job_id: UUID
    reason: Line = ""


class ReopenJob(Command, frozen=True, kw_only=True, tag="reopen_job"):
    """Reopen a completed, closed or cancelled job for another visit."""

    job_id: UUID
    reason: Line


class Approve(Command, frozen=True, kw_only=True, tag="approve"):
    """Approve what was asked; the first decision wins, a second is answered with it. `lines`: less than was asked of these lines."""

    job_id: UUID
    approval_id: UUID
    reason: Line = ""
    lines: Annotated[tuple[ApprovedLine, ...], Meta(max_length=50)] = ()


class Reject(Command, frozen=True, kw_only=True, tag="reject"):
    """Reject what was asked."""

    job_id: UUID
    approval_id: UUID
    reason: Line


class SaveSite(Command, frozen=True, kw_only=True, tag="save_site"):
    """Create or replace a site; its district follows from its point."""

    site: Site


class SaveContact(Command, frozen=True, kw_only=True, tag="save_contact"):
    """Create or replace a contact."""

    contact: Contact


class SaveUsagePoint(Command, frozen=True, kw_only=True, tag="save_usage_point"):
    """Create or replace a usage point."""

    usage_point: UsagePoint


class SaveMeter(Command, frozen=True, kw_only=True, tag="save_meter"):
    """Create or replace a meter."""

    meter: Meter


class SavePerson(Command, frozen=True, kw_only=True, tag="save_person"):
    """Create or replace a person (not the credentials)."""

    person: Person


class OffboardPerson(Command, frozen=True, kw_only=True, tag="offboard_person"):
    """Make a person inactive: scope ends at once, undone visits go back to be assigned."""

    person_id: UUID
    reason: Line = ""


class SaveCrew(Command, frozen=True, kw_only=True, tag="save_crew"):
    """Create or replace a crew; members come by `save_crew_member`."""

    crew: Crew


class SaveCrewMember(Command, frozen=True, kw_only=True, tag="save_crew_member"):
    """Create or replace a dated membership; scope follows it."""

    member: CrewMember


class SaveShift(Command, frozen=True, kw_only=True, tag="save_shift"):
    """Create or replace a shift."""

    shift: Shift


class SaveDuty(Command, frozen=True, kw_only=True, tag="save_duty"):
    """Create or replace a line of the duty roster."""

    duty: Duty


class SavePart(Command, frozen=True, kw_only=True, tag="save_part"):
    """Create or replace a part of the catalogue."""

    part: Part


class SavePolicy(Command, frozen=True, kw_only=True, tag="save_policy"):
    """Load a version of an approval policy; the highest version is in force."""

    policy: Policy


class SaveStockLocation(Command, frozen=True, kw_only=True, tag="save_stock_location"):
    """Create or replace a stock location."""

    location: StockLocation


class LoadJobType(Command, frozen=True, kw_only=True, tag="load_job_type"):
    """Load a version of a job type; the highest version is in force for new jobs."""

    job_type: JobType


class SaveDistrict(Command, frozen=True, kw_only=True, tag="save_district"):
    """Create or replace a district with its outline (GeoJSON Polygon or MultiPolygon, WGS 84, as text)."""

    district_id: UUID
    code: Code
    name_en: Line
    name_zh: Line = ""
    parent_id: UUID | None = None
    arrival_class: Code = "town"
    outline_geojson: Annotated[str, Meta(max_length=4_000_000)]
