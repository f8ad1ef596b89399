"""Planning: the commands that lock, withdraw and swap visits, and what proposals over REST ask and show. Owns shapes only."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Command, Document, Instant, Line, Value
from mobile_contract.schema.dispatch import Hindrance, ReasonLine, Seconds, UnassignedLine
from mobile_contract.schema.job import VisitLock
from mobile_contract.schema.listing import Asked, Shown
from mobile_contract.schema.outcome import OutcomeStatus


class LockVisit(Command, frozen=True, kw_only=True, tag="lock_visit"):
    """Fix who goes, when, or both; no lock takes the one there is away. The plan itself stays, so that an acceptance stays good."""

    job_id: UUID
    visit_id: UUID
    plan_version: int
    lock: VisitLock | None = None


class WithdrawVisit(Command, frozen=True, kw_only=True, tag="withdraw_visit"):
    """Take back a visit that nobody has begun; the job waits for another one."""

    job_id: UUID
    visit_id: UUID
    plan_version: int
    reason: Line = ""


class SwapVisits(Command, frozen=True, kw_only=True, tag="swap_visits"):
    """Let two visits change who goes and when; each keeps how long it takes. Both change or neither."""

    job_id: UUID
    visit_id: UUID
    plan_version: int
    other_job_id: UUID
    other_visit_id: UUID
    other_plan_version: int


MinuteOfDay = Annotated[int, Meta(ge=0, le=1440, description="Minutes since midnight in the organisation's zone.")]


class BreakRule(Value, frozen=True, kw_only=True):
    """A break that everybody on shift takes, begun within a span of the day."""

    from_min: MinuteOfDay
    to_min: MinuteOfDay
    duration_min: Annotated[int, Meta(ge=5, le=240)]


class OpenHours(Value, frozen=True, kw_only=True):
    """A span of the day in which stores hand out parts."""

    from_min: MinuteOfDay
    to_min: MinuteOfDay


class PlanningRules(Document, frozen=True, kw_only=True):
    """How an organisation plans; there is one set of them.

    What begins within `freeze_min` stays. A visit that moves by more than `told_shift_min` counts as changed. A repair changes
    `most_changed_percent` of the standing visits at most, where it has a choice. Without `store_hours` stores are always open.
    """

    freeze_min: Annotated[int, Meta(ge=0, le=480)] = 45
    told_shift_min: Annotated[int, Meta(ge=1, le=240)] = 15
    most_changed_percent: Annotated[int, Meta(ge=0, le=100)] = 15
    break_grace_min: Annotated[int, Meta(ge=0, le=480)] = 90
    store_handling_min: Annotated[int, Meta(ge=0, le=120)] = 15
    breaks: Annotated[tuple[BreakRule, ...], Meta(max_length=4)] = (
        BreakRule(from_min=690, to_min=810, duration_min=30),
    )
    store_hours: Annotated[tuple[OpenHours, ...], Meta(max_length=4)] = ()


class SavePlanningRules(Command, frozen=True, kw_only=True, tag="save_planning_rules"):
    """Replace the rules by which an organisation plans. There is one set of them, whatever id the command names."""

    rules: PlanningRules


class PlanKind(StrEnum):
    """What a plan is made for.

    `day`: what is ready gets a place; a day without standing visits is planned as a whole, a running one is repaired. `urgent`: one job
    into the running day; what runs late anyway is no part of it. `repair`: what fell out (a crew that cannot go on, a visit that runs long) and the jobs
    named get a place, the rest stays where it can. `storm`: all that is ready into the running day, the most urgent first.
    """

    DAY = "day"
    URGENT = "urgent"
    REPAIR = "repair"
    STORM = "storm"


class PlanAsk(Asked, frozen=True, kw_only=True):
    """Ask for a proposal; nothing changes by it.

    `district_id`: only jobs there and below. `job_ids`: of the jobs that nobody has only these (for `urgent` one). `crew_ids`: only the days
    of these crews (a person who has no crew counts as one). `absent_ids`: crews or persons who cannot go on. `limit_s`: seconds for the
    solver; without it 5 for a day, 2 for a repair or a storm, none for an urgent job, which is inserted.
    """

    kind: PlanKind = PlanKind.DAY
    district_id: UUID | None = None
    job_ids: Annotated[tuple[UUID, ...], Meta(max_length=500)] = ()
    crew_ids: Annotated[tuple[UUID, ...], Meta(max_length=500)] = ()
    absent_ids: Annotated[tuple[UUID, ...], Meta(max_length=500)] = ()
    horizon_days: Annotated[int, Meta(ge=1, le=7)] = 1
    limit_s: Annotated[float, Meta(ge=0.1, le=60)] | None = None


class PlanStepKind(StrEnum):
    """What a plan does to a visit. `added` is a visit that is not there yet; `kept` is shown for the crews whose day changes."""

    ADDED = "added"
    REASSIGNED = "reassigned"
    MOVED = "moved"
    REMOVED = "removed"
    KEPT = "kept"


class PlanSpot(Shown, frozen=True, kw_only=True):
    """A visit's place in somebody's day. In a plan the begin is a range (`earliest_at` to `latest_at`), and the way there has a source."""

    crew_id: UUID | None = None
    person_id: UUID | None = None
    crew: Line = ""
    begin_at: Instant | None = None
    end_at: Instant | None = None
    earliest_at: Instant | None = None
    latest_at: Instant | None = None
    travel_s: Seconds | None = None
    source: Code | None = None


class PlanStep(Shown, frozen=True, kw_only=True):
    """A visit before and after. `frozen` begins too soon to be moved, `late` begins after it is due."""

    visit_id: UUID
    job_id: UUID
    number: Code = "-"
    kind: PlanStepKind
    before: PlanSpot | None = None
    after: PlanSpot | None = None
    frozen: bool = False
    locked: bool = False
    late: bool = False
    reasons: tuple[ReasonLine, ...] = ()


class StopKind(StrEnum):
    """What a crew stops for beside visits."""

    BREAK = "break"
    STORE = "store"


class PlanStop(Shown, frozen=True, kw_only=True):
    """A break or a stop at a store in a plan; no command makes it, it is there to be seen."""

    kind: StopKind
    crew_id: UUID | None = None
    person_id: UUID | None = None
    begin_at: Instant
    end_at: Instant
    store_id: UUID | None = None


class PlanCostShown(Shown, frozen=True, kw_only=True):
    """What a plan costs: seconds of driving, waiting and being overdue, and counts."""

    travel_s: int = 0
    waiting_s: int = 0
    overdue_s: int = 0
    late: int = 0
    unassigned: int = 0
    crews_used: int = 0


class BrokenLine(Shown, frozen=True, kw_only=True):
    """A rule that the checker found broken: its code, the words, whose day, which visit."""

    code: Code
    text: Line
    crew_id: UUID | None = None
    visit_id: UUID | None = None


class PlanProposal(Shown, frozen=True, kw_only=True):
    """A plan beside the one that stands; nothing changes until it is committed.

    `version` names the state that it was made from. `planner` names who worked on it, `sources` where travel times come from, `notes` say
    what was left out. `disruption` of the `standing` visits get another crew, another time or none. `steps` come with the changes
    first, each group by crew and time. `broken` is the word of an independent checker, empty for a good plan.
    """

    id: UUID
    version: Code
    kind: PlanKind
    made_at: Instant
    expires_at: Instant
    planner: Line = ""
    sources: tuple[Code, ...] = ()
    notes: tuple[Line, ...] = ()
    cost: PlanCostShown = PlanCostShown()
    cost_now: PlanCostShown | None = None
    disruption: int = 0
    standing: int = 0
    disruption_share: float = 0.0
    steps: tuple[PlanStep, ...] = ()
    stops: tuple[PlanStop, ...] = ()
    unassigned: tuple[UnassignedLine, ...] = ()
    broken: tuple[BrokenLine, ...] = ()
    committed_at: Instant | None = None


class OtherCrewLine(Shown, frozen=True, kw_only=True):
    """Why a crew does not have a visit: what its best place would break, or what more it would drive."""

    crew_id: UUID | None = None
    person_id: UUID | None = None
    crew: Line = ""
    day: int = 0
    reasons: tuple[ReasonLine, ...] = ()
    extra_travel_s: Seconds | None = None


class PlanExplanation(Shown, frozen=True, kw_only=True):
    """Why a visit is where a plan has it, and why nobody else has it: those first who could. Nobody: what stood in the way of how many."""

    visit_id: UUID
    job_id: UUID
    crew_id: UUID | None = None
    person_id: UUID | None = None
    crew: Line = ""
    travel_s: Seconds | None = None
    reasons: tuple[ReasonLine, ...] = ()
    others: tuple[OtherCrewLine, ...] = ()
    hindrances: tuple[Hindrance, ...] = ()


class PlanCommitAsk(Asked, frozen=True, kw_only=True):
    """Make a proposal so: all of it, or the changes of these visits."""

    visit_ids: Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=1000)] | None = None


class CommittedStep(Shown, frozen=True, kw_only=True):
    """What became of a change: its command and the command's outcome."""

    visit_id: UUID
    job_id: UUID
    command_id: UUID
    status: OutcomeStatus
    code: Code


class OvertakenStep(Shown, frozen=True, kw_only=True):
    """A change that no longer holds, since what it starts from is no longer so: why, and how it is now."""

    visit_id: UUID
    job_id: UUID
    number: Code = "-"
    code: Code
    text: Line
    now: PlanSpot | None = None


class PlanCommitted(Shown, frozen=True, kw_only=True):
    """What became of a commit. `overtaken` was left out: what crews reported or accepted meanwhile wins.

    With `committed` false nothing has changed (`code` is `plan_outdated`): somebody else changed the plan of these crews meanwhile.
    `repeated`: it was done when it was first asked.
    """

    plan_id: UUID
    committed: bool
    code: Code
    repeated: bool = False
    steps: tuple[CommittedStep, ...] = ()
    overtaken: tuple[OvertakenStep, ...] = ()
