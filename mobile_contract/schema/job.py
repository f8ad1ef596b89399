"""Field work: requests, jobs, visits, tasks, notes, photos. States are computed by `jobs.rules`, never sent by a device."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import (
    Code,
    Datum,
    Document,
    Instant,
    LatDeg,
    Line,
    LocalText,
    LonDeg,
    Priority,
    Prose,
    Sha256,
    Skill,
    Value,
)


class JobState(StrEnum):
    """Computed from the visits, but for cancel, hold and close."""

    # As text: an Enum\'s own hash is a call into Python, and a batch makes ten thousands.
    __hash__ = str.__hash__

    DRAFT = "draft"
    AWAITING_TRIAGE = "awaiting_triage"
    READY = "ready"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    CLOSED = "closed"
    CANNOT_COMPLETE = "cannot_complete"
    CANCELLED = "cancelled"


class VisitState(StrEnum):
    """The fold of the visit's events."""

    # As text: an Enum\'s own hash is a call into Python, and a batch makes ten thousands.
    __hash__ = str.__hash__

    TENTATIVE = "tentative"
    SCHEDULED = "scheduled"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EN_ROUTE = "en_route"
    ON_SITE = "on_site"
    WORKING = "working"
    PAUSED = "paused"
    COMPLETED = "completed"
    FOLLOW_UP_NEEDED = "follow_up_needed"
    NO_ACCESS = "no_access"
    CANCELLED = "cancelled"


class HoldReason(StrEnum):
    """Why a job waits."""

    PARTS = "parts"
    APPROVAL = "approval"
    ACCESS = "access"
    CUSTOMER = "customer"
    OTHER_PARTY = "other_party"
    WEATHER = "weather"


class Flag(StrEnum):
    """What the dispatcher should look at; a flag never undoes what it marks."""

    # As text: an Enum\'s own hash is a call into Python, and a batch makes ten thousands.
    __hash__ = str.__hash__

    AFTER_CANCEL = "after_cancel"
    NOT_ASSIGNED = "not_assigned"
    OUT_OF_ORDER = "out_of_order"
    CLOCK_SUSPECT = "clock_suspect"
    INCOMPLETE = "incomplete"
    VAN_BELOW_ZERO = "van_below_zero"
    NOT_OURS = "not_ours"
    READING_IMPLAUSIBLE = "reading_implausible"
    AFTER_UNRESOLVED = "after_unresolved"
    SERIAL_TYPED = "serial_typed"
    NO_POLICY = "no_policy"
    NOT_APPROVED = "not_approved"
    MORE_THAN_REQUESTED = "more_than_requested"
    ALLOWANCE_UNKNOWN = "allowance_unknown"
    ALLOWANCE_EXPIRED = "allowance_expired"
    ALLOWANCE_EXCEEDED = "allowance_exceeded"
    PRICE_NOT_ACCEPTED = "price_not_accepted"
    SERIAL_MISSING = "serial_missing"
    LOT_MISSING = "lot_missing"


class Request(Document, frozen=True, kw_only=True):
    """What a customer or a system reported; several may be linked to one job."""

    source: Code
    description: Prose = ""
    address: Line = ""
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    external_ref: Line = ""
    contact_id: UUID | None = None
    job_id: UUID | None = None
    reported_at: Instant


class EditConflict(Value, frozen=True, kw_only=True):
    """Two people changed one field: the server's value stays, both are kept and shown."""

    field: Code
    kept: Prose
    offered: Prose
    by: UUID | None = None
    at: Instant
    command_id: UUID


class Job(Document, frozen=True, kw_only=True):
    """What is to be done and why. Arrival: `arrived_at` is when it happened, `arrival_recorded_at` when the office learned of it."""

    number: Code
    type: Code
    type_version: int
    state: JobState
    title: Line = ""
    description: Prose = ""
    priority: Priority = Priority.NORMAL
    address: Line = ""
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    datum: Datum = Datum.WGS84
    district_id: UUID | None = None
    site_id: UUID | None = None
    contact_id: UUID | None = None
    required_skills: tuple[Skill, ...] = ()
    reported_at: Instant
    opened_at: Instant
    opened_by: UUID | None = None
    triaged_at: Instant | None = None
    arrival_due_at: Instant | None = None
    arrived_at: Instant | None = None
    arrival_recorded_at: Instant | None = None
    arrival_breached: bool = False
    made_safe_at: Instant | None = None
    held_for: HoldReason | None = None
    held_until: Instant | None = None
    cancelled_at: Instant | None = None
    closed_at: Instant | None = None
    reopened_at: Instant | None = None
    reason: Line = ""
    duplicate_of: UUID | None = None
    external_ref: Line = ""
    found_on_site: bool = False
    flags: tuple[Flag, ...] = ()
    conflicts: tuple[EditConflict, ...] = ()


class OpenJob(Document, frozen=True, kw_only=True):
    """The reduced view of a job that anyone in its district may claim: no contact, no customer's words."""

    number: Code
    type: Code
    title: Line = ""
    priority: Priority = Priority.NORMAL
    address: Line = ""
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    district_id: UUID | None = None
    required_skills: tuple[Skill, ...] = ()
    reported_at: Instant
    arrival_due_at: Instant | None = None


class LockKind(StrEnum):
    """What a dispatcher has fixed: a span of time, who goes, the exact time, or who goes at the exact time."""

    TIME_RANGE = "time_range"
    RESOURCE = "resource"
    TIME = "time"
    BOTH = "both"


class VisitLock(Value, frozen=True, kw_only=True):
    """A dispatcher's lock on a visit: neither a planner nor another command moves what it fixes.

    Who goes is whoever has the visit. `time_range`: it begins from `from_at` to `to_at`; `time` and `both`: at `from_at`, which the
    server fills with the planned start where it is left out.
    """

    kind: LockKind
    from_at: Instant | None = None
    to_at: Instant | None = None


class Visit(Document, frozen=True, kw_only=True):
    """Who goes when; one trip. `plan_version` grows with every change of plan: an acceptance names the one it saw."""

    job_id: UUID
    state: VisitState
    person_id: UUID | None = None
    crew_id: UUID | None = None
    plan_version: int = 1
    planned_start_at: Instant | None = None
    planned_end_at: Instant | None = None
    dispatched_at: Instant | None = None
    travel_started_at: Instant | None = None
    arrived_at: Instant | None = None
    arrival_recorded_at: Instant | None = None
    work_started_at: Instant | None = None
    made_safe_at: Instant | None = None
    ended_at: Instant | None = None
    reason: Line = ""
    flags: tuple[Flag, ...] = ()
    lock: VisitLock | None = None


class AnswerKind(StrEnum):
    """What a checklist line asks for."""

    YES_NO = "yes_no"
    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"


class Task(Document, frozen=True, kw_only=True):
    """A line of the job's checklist with its answer."""

    job_id: UUID
    code: Code
    label: LocalText
    answer_kind: AnswerKind = AnswerKind.YES_NO
    choices: tuple[Code, ...] = ()
    mandatory: bool = False
    sort: int = 0
    answer: Line | None = None
    answered_at: Instant | None = None
    answered_by: UUID | None = None


class Note(Document, frozen=True, kw_only=True):
    """A remark on a job; never changed once written."""

    job_id: UUID
    visit_id: UUID | None = None
    text: Prose
    written_at: Instant
    written_by: UUID | None = None


class Photo(Document, frozen=True, kw_only=True):
    """A photo's metadata; the bytes travel apart and may come later."""

    job_id: UUID
    visit_id: UUID | None = None
    purpose: Code = "evidence"
    sha256: Sha256
    size_bytes: int
    media_type: Code
    taken_at: Instant
    taken_by: UUID | None = None


class TaskTemplate(Value, frozen=True, kw_only=True):
    """A checklist line that each job of the type begins with."""

    code: Code
    label: LocalText
    answer_kind: AnswerKind = AnswerKind.YES_NO
    choices: tuple[Code, ...] = ()
    mandatory: bool = False


class Guards(Value, frozen=True, kw_only=True):
    """What must be there before a visit counts as completed; the same rule runs on the phone and the server."""

    photos: tuple[Code, ...] = ()
    readings: Annotated[int, Meta(ge=0)] = 0
    parts_declared: bool = False
    signature: bool = False


class ArrivalLimit(Value, frozen=True, kw_only=True):
    """Elapsed minutes from report to arrival, for a class of district and a priority ("": any)."""

    arrival_class: str = ""
    priority: str = ""
    minutes: Annotated[int, Meta(ge=1)]


class JobType(Document, frozen=True, kw_only=True):
    """The template of a job; versioned, and a job keeps the version it was opened with.

    `setup_min` is spent once for jobs of one place in a row. With `crews` 2 a second crew begins at the same time; `second_skills` are what
    it must have (a joint visit of two departments), none: the same skills.
    """

    code: Code
    version: int
    name: LocalText
    process: Line = ""
    duration_min: int = 60
    priority: Priority = Priority.NORMAL
    required_skills: tuple[Skill, ...] = ()
    tasks: tuple[TaskTemplate, ...] = ()
    guards: Guards = Guards()
    arrival_limits: tuple[ArrivalLimit, ...] = ()
    setup_min: Annotated[int, Meta(ge=0, le=480)] = 0
    crews: Annotated[int, Meta(ge=1, le=2)] = 1
    second_skills: tuple[Skill, ...] = ()


class Reading(Document, frozen=True, kw_only=True):
    """A meter reading; `value` is the register as seen."""

    job_id: UUID
    visit_id: UUID | None = None
    meter_id: UUID
    purpose: Code = "routine"
    value: Decimal
    typed_serial: Line = ""
    photo_sha256: Sha256 | None = None
    read_at: Instant
    read_by: UUID | None = None
    flags: tuple[Flag, ...] = ()


class Signature(Document, frozen=True, kw_only=True):
    """A customer's signature over exactly what was shown, or the refusal with its reason. Strokes stay in the evidence."""

    job_id: UUID
    visit_id: UUID | None = None
    purpose: Code = "completion"
    signer: Line = ""
    relation: Code = "customer"
    shown_sha256: Sha256 | None = None
    refused_reason: Line = ""
    witness: Line = ""
    strokes_sha256: Sha256 | None = None
    signed_at: Instant
    captured_by: UUID | None = None
    flags: tuple[Flag, ...] = ()
