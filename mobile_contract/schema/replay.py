"""A day told again: how everything stood when it began, each change in the order in which it happened, where crews drove. Owns shapes only.

Compact like the board. Longitude before latitude, WGS 84.
"""

from uuid import UUID

from mobile_contract.schema.base import Code, Instant, LatDeg, Line, LonDeg, Priority
from mobile_contract.schema.job import JobState, VisitState
from mobile_contract.schema.listing import Asked, Shown


class ReplayAsk(Asked, frozen=True, kw_only=True):
    """Which span is told: a day at most, be it one of 25 hours."""

    from_at: Instant
    to_at: Instant


class ReplayJob(Shown, frozen=True, kw_only=True):
    """A job of the span as it is described now, with its state when the span began; without `state` it was not there yet."""

    id: UUID
    number: Code
    type: Code
    state: JobState | None = None
    title: Line = ""
    address: Line = ""
    priority: Priority = Priority.NORMAL
    district_id: UUID | None = None
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    reported_at: Instant
    due_at: Instant | None = None
    arrived_at: Instant | None = None


class ReplayVisit(Shown, frozen=True, kw_only=True):
    """A visit as it stood when the span began."""

    id: UUID
    job_id: UUID
    state: VisitState
    crew_id: UUID | None = None
    person_id: UUID | None = None
    planned_start_at: Instant | None = None
    planned_end_at: Instant | None = None


class ReplayStep(Shown, frozen=True, kw_only=True):
    """Something that happened: from `at` on the job is in `job_state`, and the visit, where it is about one, as the other fields say.

    `recorded_at` is when the office learned of it. A visit that no earlier step or list named begins with the step.
    """

    at: Instant
    recorded_at: Instant
    name: Code
    job_id: UUID
    job_state: JobState
    actor_id: UUID | None = None
    visit_id: UUID | None = None
    visit_state: VisitState | None = None
    crew_id: UUID | None = None
    person_id: UUID | None = None
    planned_start_at: Instant | None = None
    planned_end_at: Instant | None = None


class ReplayTrack(Shown, frozen=True, kw_only=True):
    """Where somebody drove without a gap of ten minutes: points of (seconds since `from_at` of the replay, longitude, latitude)."""

    person_id: UUID
    crew_id: UUID | None = None
    points: tuple[tuple[float, LonDeg, LatDeg], ...]


class Replay(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """A span told: steps by `at`, so that a page replays it without asking again. `tracks` only for who may see positions.

    `truncated`: there was more than a replay holds (20,000 jobs, 200,000 points).
    """

    from_at: Instant
    to_at: Instant
    zone: Line
    jobs: tuple[ReplayJob, ...]
    visits: tuple[ReplayVisit, ...]
    steps: tuple[ReplayStep, ...]
    tracks: tuple[ReplayTrack, ...] = ()
    truncated: bool = False
