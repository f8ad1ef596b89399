"""How a job and its visits stood at each moment of a span: the folds of what had happened by then. Pure; invents no state of its own.

Facts count when they happened, decisions when the server took them, as in the folds. So a replay shows what was so, not what the office
knew at the time; each step keeps when the office learned of it. After the last event everything stands as it is stored.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from jobs.event import Event, EventName
from jobs.rules.job import state_of, view_of
from jobs.rules.visit import DECIDED, fold_visit
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

    visit_id: UUID
    state: VisitState
    crew_id: UUID | None
    person_id: UUID | None
    planned_start_at: datetime | None
    planned_end_at: datetime | None


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
    past: list[Event] = []
    then: dict[UUID, Visit] = {}
    state: JobState | None = None
    began: tuple[JobState | None, tuple[VisitThen, ...]] | None = None
    steps: list[Step] = []
    for event in sorted(events, key=lambda e: (happened_at(e), e.seq)):
        at = happened_at(event)
        if at >= to_at:
            break
        if at >= from_at and began is None:
            began = (state, _all(then))
        past.append(event)
        visit = known.get(event.visit_id) if event.visit_id is not None else None
        if visit is not None:
            then[visit.id] = _visit_then(visit, [e for e in past if e.visit_id == visit.id])
        state = _state_then(job, past, then.values(), at)
        if at >= from_at:
            about = None if visit is None else _told(then[visit.id])
            steps.append(Step(at=at, event=event, job_state=state, visit=about))
    first = began or (state, _all(then))
    return JobCourse(state=first[0], visits=first[1], steps=tuple(steps))


def happened_at(event: Event) -> datetime:
    """Say when an event counts: a decision when the server took it, a fact when it happened."""
    return event.received_at if event.name in DECIDED or event.name in _JOB_DECIDED else event.occurred_at


def _visit_then(visit: Visit, own: Sequence[Event]) -> Visit:
    plan: dict[str, Any] = max((e for e in own if e.name in _PLANS), key=lambda e: e.seq, default=own[0]).detail
    planned = replace(
        visit,
        crew_id=_id(plan.get("crew_id")),
        person_id=_id(plan.get("person_id")),
        planned_start_at=_instant(plan.get("planned_start_at")),
        planned_end_at=_instant(plan.get("planned_end_at")),
    )
    return fold_visit(planned, own)


def _state_then(job: Job, past: Sequence[Event], visits: Iterable[Visit], at: datetime) -> JobState:
    cancelled = closed = reopened = held = None
    for event in sorted((e for e in past if e.name in _JOB_DECIDED), key=lambda e: e.seq):
        if event.name is EventName.JOB_CANCELLED:
            cancelled, held = event.received_at, None
        elif event.name is EventName.JOB_CLOSED:
            closed = event.received_at
        elif event.name is EventName.JOB_REOPENED:
            reopened, cancelled, closed, held = event.received_at, None, None, None
        elif event.name is EventName.JOB_HELD:
            held = HoldReason(event.detail["reason"])
        elif event.name is EventName.JOB_RELEASED:
            held = None
    triaged = job.triaged_at if job.triaged_at is not None and job.triaged_at <= at else None
    stood = replace(
        job, cancelled_at=cancelled, closed_at=closed, reopened_at=reopened, held_for=held, triaged_at=triaged
    )
    return state_of(view_of(stood, visits))


def _told(visit: Visit) -> VisitThen:
    return VisitThen(
        visit_id=visit.id,
        state=visit.state,
        crew_id=visit.crew_id,
        person_id=visit.person_id,
        planned_start_at=visit.planned_start_at,
        planned_end_at=visit.planned_end_at,
    )


def _all(then: dict[UUID, Visit]) -> tuple[VisitThen, ...]:
    return tuple(_told(then[id]) for id in sorted(then))


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
