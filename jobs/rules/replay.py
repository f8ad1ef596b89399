"""How a job and its visits stood at each moment of a span: the folds of what had happened by then. Pure; invents no state of its own.

Facts count when they happened, decisions when the server took them, as in the folds. So a replay shows what was so, not what the office
knew at the time; each step keeps when the office learned of it. After the last event everything stands as it is stored.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, Final, Self
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from jobs.event import Event, EventName
from jobs.rules.job import state_of, view_of
from jobs.rules.past import Standing, VisitPast
from jobs.rules.visit import DECIDED
from mobile_contract.schema.job import HoldReason, Job, JobState, Visit, VisitState

_JOB_DECIDED: Final = frozenset(
    {
        EventName.JOB_TRIAGED,
        EventName.JOB_HELD,
        EventName.JOB_RELEASED,
        EventName.JOB_CANCELLED,
        EventName.JOB_CLOSED,
        EventName.JOB_REOPENED,
    }
)
_PLANS: Final = frozenset(
    {EventName.VISIT_PLANNED, EventName.VISIT_ASSIGNED, EventName.VISIT_CLAIMED, EventName.VISIT_FOUND}
)
SHOWN: Final = (
    _JOB_DECIDED
    | DECIDED
    | frozenset(
        {
            EventName.JOB_OPENED,
            EventName.VISIT_FOUND,
            EventName.TRAVEL_STARTED,
            EventName.ARRIVED,
            EventName.WORK_STARTED,
            EventName.WORK_PAUSED,
            EventName.WORK_RESUMED,
            EventName.MADE_SAFE,
            EventName.FOUND_NOT_OURS,
            EventName.NO_ACCESS,
            EventName.VISIT_COMPLETED,
        }
    )
)
"""Events that change how a job or a visit stands, or where it is planned: all that a replay reads."""


class VisitThen(Struct, frozen=True, kw_only=True):
    """How a visit stood: its state, who had it, when it was planned for."""

    PLAN: ClassVar[tuple[str, ...]] = ("crew_id", "person_id", "planned_start_at", "planned_end_at")

    visit_id: UUID
    state: VisitState
    crew_id: UUID | None
    person_id: UUID | None
    planned_start_at: datetime | None
    planned_end_at: datetime | None

    @classmethod
    def of(cls, visit: Visit) -> Self:
        """Say of a visit what a replay shows."""
        return cls(visit_id=visit.id, state=visit.state, **{name: getattr(visit, name) for name in cls.PLAN})


class Step(Struct, frozen=True, kw_only=True):
    """What happened at an instant, and how the job and the visit that it was about stood from then on."""

    at: datetime
    event: Event
    job_state: JobState
    visit: VisitThen | None


class JobCourse(Struct, frozen=True, kw_only=True):
    """A job in a span: its state and its visits when the span began (None: it was not there yet), and each step in it."""

    state: JobState | None
    visits: tuple[VisitThen, ...]
    steps: tuple[Step, ...]


def replay_job(
    job: Job, visits: Iterable[Visit], events: Iterable[Event], *, from_at: datetime, to_at: datetime
) -> JobCourse:
    """Tell how a job stood when a span began and what changed until it ended. `events` are all that are SHOWN, from the job's first on."""
    known = {visit.id: visit for visit in visits}
    pasts: dict[UUID, _Planned] = {}
    standing, decided = Standing(), _Decided()
    state: JobState | None = None
    began: tuple[JobState | None, tuple[VisitThen, ...]] | None = None
    steps: list[Step] = []
    for event in sorted(events, key=lambda e: (happened_at(e), e.seq)):
        at = happened_at(event)
        if at >= to_at:
            break
        if at >= from_at and began is None:
            began = (state, _all(standing))
        visit = known.get(event.visit_id) if event.visit_id is not None else None
        if visit is not None:
            past = pasts.setdefault(visit.id, _Planned())
            past.add(event, at)
            visit = past.tell(visit)
            standing.put(visit)
        decided.add(event)
        state = state_of(view_of(decided.tell(job, at), standing.telling()))
        if at >= from_at:
            about = None if visit is None else VisitThen.of(visit)
            steps.append(Step(at=at, event=event, job_state=state, visit=about))
    first = began or (state, _all(standing))
    return JobCourse(state=first[0], visits=first[1], steps=tuple(steps))


def happened_at(event: Event) -> datetime:
    """Say when an event counts: a decision when the server took it, a fact when it happened."""
    return event.received_at if event.name in DECIDED or event.name in _JOB_DECIDED else event.occurred_at


class _Planned(VisitPast):
    """A visit with the plan that it had."""

    def __init__(self) -> None:
        super().__init__()
        self._plan: Event | None = None

    def add(self, event: Event, at: datetime) -> None:
        """Take in the event that counts next."""
        super().add(event, at)
        if event.name in _PLANS and (self._plan is None or event.seq > self._plan.seq):
            self._plan = event

    def tell(self, visit: Visit) -> Visit:
        """Give the visit as it stood, with its plan then."""
        plan: dict[str, Any] = (self._plan or self.own[0]).detail
        planned = replace(
            visit,
            crew_id=_id(plan.get("crew_id")),
            person_id=_id(plan.get("person_id")),
            planned_start_at=_instant(plan.get("planned_start_at")),
            planned_end_at=_instant(plan.get("planned_end_at")),
        )
        return super().tell(planned)


class _Decided:
    """What the office had decided about a job."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._forget()

    def add(self, event: Event) -> None:
        """Take in a decision; other events say nothing here."""
        if event.name not in _JOB_DECIDED:
            return
        self._events.append(event)
        if len(self._events) == 1 or event.seq > self._events[-2].seq:
            self._take(event)
            return
        # Two transactions may take their lock in another order than they read the clock.
        self._events.sort(key=lambda e: e.seq)
        self._forget()
        for each in self._events:
            self._take(each)

    def tell(self, job: Job, at: datetime) -> Job:
        """Give the job as it was decided about at an instant."""
        triaged = job.triaged_at if job.triaged_at is not None and job.triaged_at <= at else None
        return replace(
            job,
            cancelled_at=self._cancelled,
            closed_at=self._closed,
            reopened_at=self._reopened,
            held_for=self._held,
            triaged_at=triaged,
        )

    def _forget(self) -> None:
        self._cancelled: datetime | None = None
        self._closed: datetime | None = None
        self._reopened: datetime | None = None
        self._held: HoldReason | None = None

    def _take(self, event: Event) -> None:
        match event.name:
            case EventName.JOB_CANCELLED:
                self._cancelled, self._held = event.received_at, None
            case EventName.JOB_CLOSED:
                self._closed = event.received_at
            case EventName.JOB_REOPENED:
                self._forget()
                self._reopened = event.received_at
            case EventName.JOB_HELD:
                self._held = HoldReason(event.detail["reason"])
            case EventName.JOB_RELEASED:
                self._held = None


def _all(standing: Standing) -> tuple[VisitThen, ...]:
    return tuple(VisitThen.of(standing.visits[id]) for id in sorted(standing.visits))


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
