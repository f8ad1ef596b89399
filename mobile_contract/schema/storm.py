"""Storm mode: what is declared, and the jobs of a storm by area as the console sees and assigns them. Owns shapes only.

What a level changes is data: `mobile_contract.rules.storm`.
"""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Command, Document, Instant, LatDeg, Line, LocalText, LonDeg, Priority
from mobile_contract.schema.listing import Asked, Shown
from mobile_contract.schema.outcome import OutcomeStatus

GROUP_JOBS = 200
"""Jobs that one request assigns at most."""

StormLevel = Annotated[int, Meta(ge=1, le=3, description="1: many requests; 2: more than crews; 3: disaster.")]
Metres = Annotated[float, Meta(ge=0)]


class Storm(Document, frozen=True, kw_only=True):
    """An emergency in which many jobs come at once. Without districts it is everywhere; a district stands for all below it.

    Where several are in force the highest level counts.
    """

    level: StormLevel
    district_ids: tuple[UUID, ...] = ()
    note: Line = ""
    declared_at: Instant
    declared_by: UUID | None = None
    changed_at: Instant | None = None
    ended_at: Instant | None = None
    ended_by: UUID | None = None


class DeclareStorm(Command, frozen=True, kw_only=True, tag="declare_storm"):
    """Declare a storm, or change the level, the districts or the note of one in force under the same id."""

    storm_id: UUID
    level: StormLevel
    district_ids: Annotated[tuple[UUID, ...], Meta(max_length=200)] = ()
    note: Line = ""


class EndStorm(Command, frozen=True, kw_only=True, tag="end_storm"):
    """End a storm; what waited because of it is sent out again."""

    storm_id: UUID


class StormEffects(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """What a level changes: which priorities are sent out, for which sleeping phones are woken, and how jobs are grouped.

    Jobs of another priority wait in the storm's districts; nobody is kept from sending a crew to one by hand.
    """

    level: StormLevel
    name: LocalText
    sends: tuple[Priority, ...]
    wakes: tuple[Priority, ...]
    group_radius_m: Metres
    group_jobs_max: Annotated[int, Meta(ge=1, le=GROUP_JOBS)]


class StormAsk(Asked, frozen=True, kw_only=True):
    """Which jobs are grouped: with `district_id` only there and below. Without a radius or a size that of the level in force, else of level 1."""

    district_id: UUID | None = None
    radius_m: Annotated[float, Meta(ge=50, le=20_000)] | None = None
    jobs_max: Annotated[int, Meta(ge=1, le=GROUP_JOBS)] | None = None


class GroupJob(Shown, frozen=True, kw_only=True):
    """A job of a group, the most urgent first."""

    id: UUID
    number: Code
    type: Code
    priority: Priority
    title: Line = ""
    address: Line = ""
    lon_deg: LonDeg
    lat_deg: LatDeg
    reported_at: Instant
    due_at: Instant | None = None
    waits: bool = False


class StormGroup(Shown, frozen=True, kw_only=True):
    """Jobs near each other that nobody has. The centre is in the middle of them, the radius reaches the farthest.

    `key` names the group as long as its oldest job is in it; `label` its district and the address in its middle; `worst_*` its most urgent job;
    `waits` those whose priority the level does not send out.
    """

    key: UUID
    label: Line
    district_id: UUID | None = None
    lon_deg: LonDeg
    lat_deg: LatDeg
    radius_m: Metres
    count: int
    breached: int = 0
    waits: int = 0
    worst_priority: Priority
    worst_due_at: Instant | None = None
    job_ids: tuple[UUID, ...] = ()
    jobs: tuple[GroupJob, ...] = ()


class StormCounts(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """The jobs of the storm's districts. `unplaced`: they await triage and have no point, so that no group holds them."""

    unassigned: int = 0
    assigned: int = 0
    working: int = 0
    awaiting_triage: int = 0
    unplaced: int = 0
    breached: int = 0
    reported_last_hour: int = 0


class StormView(Shown, frozen=True, kw_only=True):
    """The gravest storm in force (none: absent), all of them, what its level changes, and the jobs that nobody has, by area: the most urgent first.

    `effects` are those by which the groups were made, `levels` what can be declared. `truncated`: there are more jobs than are grouped at once.
    """

    now: Instant
    storm: Storm | None = None
    storms: tuple[Storm, ...] = ()
    effects: StormEffects
    levels: tuple[StormEffects, ...]
    counts: StormCounts
    groups: tuple[StormGroup, ...] = ()
    truncated: bool = False


class AssignGroupAsk(Asked, frozen=True, kw_only=True):
    """Send a crew (or a person) to many jobs at once, in the order given; each is answered by itself.

    With `begin_at` the visits are planned one after the other from then on, by travel time and the usual duration of each job.
    """

    job_ids: Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=GROUP_JOBS)]
    crew_id: UUID | None = None
    person_id: UUID | None = None
    begin_at: Instant | None = None


class GroupLine(Shown, frozen=True, kw_only=True):
    """What became of a job: its visit where it was assigned, else the reason in words. `command_id` is what undo takes."""

    job_id: UUID
    command_id: UUID
    status: OutcomeStatus
    code: Code
    text: Line = ""
    visit_id: UUID | None = None
    planned_start_at: Instant | None = None
    planned_end_at: Instant | None = None
    repeated: bool = False


class AssignGroupAnswer(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """Every job is answered, in the order asked; `assigned` counts those that took effect, now or when it was first asked."""

    assigned: int
    items: tuple[GroupLine, ...]
