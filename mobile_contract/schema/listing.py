"""What lists of the console ask and show. Owns shapes only: a line is a job at a glance, a page ends with the cursor of the next."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from mobile_contract.schema.approval import Approval, ApprovalState
from mobile_contract.schema.base import Code, Datum, Instant, LatDeg, Line, LonDeg, Priority
from mobile_contract.schema.job import (
    Flag,
    HoldReason,
    Job,
    JobState,
    Note,
    Photo,
    Reading,
    Request,
    Signature,
    Task,
    Visit,
    VisitState,
)
from mobile_contract.schema.material import IssueSlip, MaterialRequest, RepairForm
from mobile_contract.schema.people import Crew, Person, Role
from mobile_contract.schema.place import Contact, District, Site
from mobile_contract.schema.stock import StockMove

Cursor = Annotated[str, Meta(max_length=400, description="Where the next page begins; opaque.")]
Limit = Annotated[int, Meta(ge=1, le=200, description="Items of a page at most.")]
Text = Annotated[str, Meta(min_length=1, max_length=100, description="Beginning of a number, a name or a word of it.")]
Box = Annotated[
    str,
    Meta(
        max_length=100,
        pattern=r"^-?\d+(\.\d+)?(,-?\d+(\.\d+)?){3}$",
        description="west,south,east,north in degrees, WGS 84; west above east crosses the antimeridian.",
    ),
]


class Shown(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something the console is shown; unknown fields are to be ignored."""


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something the console asks for; an unknown field is refused."""


class PageOf(Asked, frozen=True, kw_only=True):
    """Which page of a list: at most `limit` items from where `cursor` says, which belongs to the same filters and order."""

    cursor: Cursor | None = None
    limit: Limit = 50


class JobSort(StrEnum):
    """The orders of a job list; equals are ordered by id."""

    NEWEST = "newest"
    OLDEST = "oldest"
    DUE = "due"
    NUMBER = "number"


class JobFilter(PageOf, frozen=True, kw_only=True):
    """Which jobs. Repeated values are alternatives, different filters must all hold.

    `crew` and `person` have a visit of the job that is not called off; `breached`: the arrival came late, or is late by now.
    """

    state: tuple[JobState, ...] = ()
    type: tuple[Code, ...] = ()
    priority: tuple[Priority, ...] = ()
    district: UUID | None = None
    crew: UUID | None = None
    person: UUID | None = None
    text: Text | None = None
    reported_from: Instant | None = None
    reported_to: Instant | None = None
    breached: bool | None = None
    flagged: bool | None = None
    bbox: Box | None = None
    sort: JobSort = JobSort.NEWEST


class MapFilter(Asked, frozen=True, kw_only=True):
    """Which jobs a map shows, and in which datum it wants them."""

    state: tuple[JobState, ...] = ()
    district: UUID | None = None
    crew: UUID | None = None
    person: UUID | None = None
    breached: bool | None = None
    flagged: bool | None = None
    bbox: Box | None = None
    datum: Datum = Datum.WGS84
    limit: Annotated[int, Meta(ge=1, le=10_000, description="Features at most, newest reports first.")] = 5_000


class JobLine(Shown, frozen=True, kw_only=True):
    """A job at a glance, with the latest visit that is not called off."""

    id: UUID
    number: Code
    type: Code
    state: JobState
    priority: Priority
    title: Line = ""
    address: Line = ""
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    district_id: UUID | None = None
    reported_at: Instant
    arrival_due_at: Instant | None = None
    arrived_at: Instant | None = None
    arrival_recorded_at: Instant | None = None
    breached: bool = False
    held_for: HoldReason | None = None
    flags: tuple[Flag, ...] = ()
    visit_id: UUID | None = None
    visit_state: VisitState | None = None
    crew_id: UUID | None = None
    person_id: UUID | None = None
    assignee: Line = ""
    planned_start_at: Instant | None = None


class JobPage(Shown, frozen=True, kw_only=True):
    """A page of jobs."""

    items: tuple[JobLine, ...]
    next: Cursor | None = None


class EventLine(Shown, frozen=True, kw_only=True):
    """An event of a job: when it happened (within its bounds), when the server learned of it, and its place in the chain of evidence."""

    id: UUID
    seq: int
    name: Code
    visit_id: UUID | None = None
    occurred_at: Instant
    not_before: Instant | None = None
    not_after: Instant | None = None
    raw_at: Instant | None = None
    clock: Code = "server"
    received_at: Instant
    command_id: UUID
    actor_id: UUID | None = None
    device_id: UUID | None = None
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    accuracy_m: float | None = None
    detail: dict[str, Any] = {}
    previous_hash: str = ""
    hash: str = ""


class JobDetail(Shown, frozen=True, kw_only=True):
    """A job with everything that belongs to it. `ver` is the version of the job itself, for If-Match; `names` says who is behind the ids."""

    job: Job
    ver: int
    site: Site | None = None
    contact: Contact | None = None
    district: District | None = None
    visits: tuple[Visit, ...] = ()
    tasks: tuple[Task, ...] = ()
    notes: tuple[Note, ...] = ()
    photos: tuple[Photo, ...] = ()
    readings: tuple[Reading, ...] = ()
    material_requests: tuple[MaterialRequest, ...] = ()
    approvals: tuple[Approval, ...] = ()
    signatures: tuple[Signature, ...] = ()
    stock_moves: tuple[StockMove, ...] = ()
    issue_slips: tuple[IssueSlip, ...] = ()
    repair_forms: tuple[RepairForm, ...] = ()
    requests: tuple[Request, ...] = ()
    events: tuple[EventLine, ...] = ()
    names: dict[str, str] = {}


class VisitFilter(PageOf, frozen=True, kw_only=True):
    """Which visits."""

    state: tuple[VisitState, ...] = ()
    job: UUID | None = None
    crew: UUID | None = None
    person: UUID | None = None
    planned_from: Instant | None = None
    planned_to: Instant | None = None


class VisitPage(Shown, frozen=True, kw_only=True):
    """A page of visits, by id."""

    items: tuple[Visit, ...]
    next: Cursor | None = None


class RequestFilter(PageOf, frozen=True, kw_only=True):
    """Which requests. `linked=false`: those that belong to no job yet; `text` begins a word of the address, or the external reference."""

    linked: bool | None = None
    job: UUID | None = None
    text: Text | None = None
    reported_from: Instant | None = None
    reported_to: Instant | None = None


class RequestShown(Shown, frozen=True, kw_only=True):
    """A request with whoever reported it."""

    request: Request
    contact: Contact | None = None


class RequestPage(Shown, frozen=True, kw_only=True):
    """A page of requests, newest reports first."""

    items: tuple[RequestShown, ...]
    next: Cursor | None = None


class PersonFilter(PageOf, frozen=True, kw_only=True):
    """Which persons."""

    role: Role | None = None
    active: bool | None = None
    text: Text | None = None


class PersonPage(Shown, frozen=True, kw_only=True):
    """A page of persons, by code."""

    items: tuple[Person, ...]
    next: Cursor | None = None


class CrewFilter(PageOf, frozen=True, kw_only=True):
    """Which crews."""

    active: bool | None = None
    district: UUID | None = None


class CrewPage(Shown, frozen=True, kw_only=True):
    """A page of crews, by code."""

    items: tuple[Crew, ...]
    next: Cursor | None = None


class DistrictPage(Shown, frozen=True, kw_only=True):
    """A page of districts without their outlines, by code."""

    items: tuple[District, ...]
    next: Cursor | None = None


class SiteFilter(PageOf, frozen=True, kw_only=True):
    """Which sites."""

    district: UUID | None = None
    text: Text | None = None
    bbox: Box | None = None


class SitePage(Shown, frozen=True, kw_only=True):
    """A page of sites, by code."""

    items: tuple[Site, ...]
    next: Cursor | None = None


class ApprovalFilter(PageOf, frozen=True, kw_only=True):
    """Which approvals; `mine`: those that wait for the caller, by name or by role."""

    state: tuple[ApprovalState, ...] = ()
    job: UUID | None = None
    role: Role | None = None
    mine: bool = False


class ApprovalPage(Shown, frozen=True, kw_only=True):
    """A page of approvals, by id."""

    items: tuple[Approval, ...]
    next: Cursor | None = None
