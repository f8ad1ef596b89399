"""The board of the dispatch console: everything that is open, who could do it, and exactly what changed since. Owns shapes only.

Compact: what is null, empty, false or `normal` is left out. Longitude before latitude, WGS 84. `version` is opaque: `changes` takes it and
gives the next one.
"""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Instant, LatDeg, Line, LocalText, LonDeg, Priority, Skill
from mobile_contract.schema.job import Flag, HoldReason, JobState, VisitLock, VisitState
from mobile_contract.schema.listing import Asked, Shown

BoardVersion = Annotated[
    str, Meta(max_length=8_000, pattern="^[A-Za-z0-9_-]+$", description="Where a board stands; opaque.")
]
Share = Annotated[float, Meta(ge=0, description="How much of a clock has run: 0.5 is half, above 1 is late.")]


class BoardAsk(Asked, frozen=True, kw_only=True):
    """Which days the board shows: 31 at most. Without `from_at` the organisation's today, without `to_at` a day."""

    from_at: Instant | None = None
    to_at: Instant | None = None


class BoardChangesAsk(Asked, frozen=True, kw_only=True):
    """The version that the caller holds."""

    since: BoardVersion


class BoardJob(Shown, frozen=True, kw_only=True):
    """A job on the board. `due_at` is when somebody must have arrived, `recorded_at` when the office learned of `arrived_at`.

    `share` of the arrival clock, stopped by the arrival: (now − reported_at) ÷ (due_at − reported_at). It and `breached` are as of the
    `now` with which the job was sent: time going on is no news, who shows them reckons on. `conflicts`: how many edits wait to be settled.
    """

    id: UUID
    number: Code
    type: Code
    state: JobState
    title: Line = ""
    address: Line = ""
    priority: Priority = Priority.NORMAL
    district_id: UUID | None = None
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    reported_at: Instant
    due_at: Instant | None = None
    arrived_at: Instant | None = None
    recorded_at: Instant | None = None
    breached: bool = False
    share: Share | None = None
    held_for: HoldReason | None = None
    held_until: Instant | None = None
    required_skills: tuple[Skill, ...] = ()
    flags: tuple[Flag, ...] = ()
    conflicts: int = 0


class BoardVisit(Shown, frozen=True, kw_only=True):
    """A visit of a job on the board; commands about it name its `plan_version`. `recorded_at`: when the office learned of the arrival."""

    id: UUID
    job_id: UUID
    state: VisitState
    crew_id: UUID | None = None
    person_id: UUID | None = None
    plan_version: int = 1
    planned_start_at: Instant | None = None
    planned_end_at: Instant | None = None
    dispatched_at: Instant | None = None
    travel_started_at: Instant | None = None
    arrived_at: Instant | None = None
    recorded_at: Instant | None = None
    work_started_at: Instant | None = None
    ended_at: Instant | None = None
    lock: VisitLock | None = None
    reason: Line = ""
    flags: tuple[Flag, ...] = ()


class BoardPerson(Shown, frozen=True, kw_only=True):
    """Somebody of a crew."""

    person_id: UUID
    name: Line
    skills: tuple[Skill, ...] = ()


class BoardShift(Shown, frozen=True, kw_only=True):
    """Working time of somebody of the crew within the board's days."""

    person_id: UUID
    from_at: Instant
    to_at: Instant


class BoardPlace(Shown, frozen=True, kw_only=True):
    """Where the crew was last: of its people the one heard of last. Accuracy as a radius in metres."""

    person_id: UUID
    lon_deg: LonDeg
    lat_deg: LatDeg
    at: Instant
    accuracy_m: float | None = None
    mock: bool = False


class BoardPhone(Shown, frozen=True, kw_only=True):
    """A phone of the crew: when it was heard of, when it last fetched everything, how many commands it had not sent then, whether a push reaches it."""

    device_id: UUID
    name: Line
    holder: Line = ""
    seen_at: Instant | None = None
    pulled_at: Instant | None = None
    unsent: int = 0
    can_wake: bool = False


class BoardCrew(Shown, frozen=True, kw_only=True):
    """Who can be sent: a crew, or (`alone`) one person of the field without a crew; then `id` is the person's, and visits name `person_id`.

    The lead comes first. `place` only for who may see positions.
    """

    id: UUID
    code: Code
    name: Line
    alone: bool = False
    people: tuple[BoardPerson, ...] = ()
    shifts: tuple[BoardShift, ...] = ()
    district_ids: tuple[UUID, ...] = ()
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    place: BoardPlace | None = None
    phones: tuple[BoardPhone, ...] = ()


class BoardDistrict(Shown, frozen=True, kw_only=True):
    """A district; its outline is in the tiles."""

    id: UUID
    code: Code
    name: LocalText
    parent_id: UUID | None = None


class BoardJobType(Shown, frozen=True, kw_only=True):
    """A job type, newest version; `duration_min` is how long such a visit usually takes."""

    code: Code
    name: LocalText
    duration_min: int = 60


class Board(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """The organisation as of `now`: jobs that are open, or ended or had a visit end from `from_at` to `to_at`; all visits of these jobs.

    `truncated`: there are more jobs than a board holds (20,000). Then it has those that are worked at, the most urgent and the newest.
    """

    version: BoardVersion
    now: Instant
    from_at: Instant
    to_at: Instant
    organisation: Line
    zone: Line
    jobs: tuple[BoardJob, ...]
    visits: tuple[BoardVisit, ...]
    crews: tuple[BoardCrew, ...]
    districts: tuple[BoardDistrict, ...]
    job_types: tuple[BoardJobType, ...]
    truncated: bool = False


class BoardChanges(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """What changed since a version: jobs, visits and crews as they are now, each replacing what the caller holds under its id.

    The visits of a job in `jobs` are all it has. What is in `gone_…` is no longer on the board. `reload`: nothing else counts, fetch the
    board anew (the version is of another life of the database or cannot be read, it is of today and today is over, too much changed, or
    districts, job types or the list of crews did).
    """

    version: BoardVersion
    now: Instant
    jobs: tuple[BoardJob, ...] = ()
    visits: tuple[BoardVisit, ...] = ()
    crews: tuple[BoardCrew, ...] = ()
    gone_jobs: tuple[UUID, ...] = ()
    gone_visits: tuple[UUID, ...] = ()
    reload: bool = False
