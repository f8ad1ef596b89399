"""Handlers of dispatch: plan, assign, reassign, claim, accept, decline. A plan never moves what a crew already does."""

from uuid import UUID

from msgspec import Struct

from jobs.assigning import Plan, check_assignee, give, new_visit, plan_of, replan, who
from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.handlers.job import wrong_state
from jobs.handlers.ownership import belongs_to
from jobs.recording import record, settle
from jobs.result import Applied, Refused, Result
from jobs.rules.capability import missing_skills
from jobs.rules.lock import broken_lock
from jobs.rules.visit import BOOKED, ENDED, OPEN, UNDER_WAY
from jobs.work import Work
from mobile_contract.schema.decisions import (
    AcceptVisit,
    AssignVisit,
    ClaimJob,
    DeclineVisit,
    PlanVisit,
    ReassignVisit,
)
from mobile_contract.schema.job import Job, JobState, Visit, VisitState
from mobile_contract.schema.people import Person

_UNCHANGED = Applied(code="unchanged")
ASSIGNABLE = frozenset({JobState.READY, JobState.SCHEDULED, JobState.IN_PROGRESS})
_SENT = frozenset({VisitState.DISPATCHED, VisitState.ACCEPTED})
_THOUGHT = frozenset({VisitState.TENTATIVE, VisitState.SCHEDULED})
PLANNABLE = ASSIGNABLE | {JobState.ON_HOLD}


class Found(Struct, frozen=True):
    """A job and the visit of it that a command names; no visit: the id is free."""

    job: Job
    visit: Visit | None


@handles(PlanVisit)
def plan_visit(work: Work, command: PlanVisit, deed: Deed) -> Result:
    """Plan a visit's time; without somebody named, whoever has the visit keeps it."""
    found = find(work, command.job_id, command.visit_id)
    if isinstance(found, Refused):
        return found
    if command.planned_end_at <= command.planned_start_at:
        return Refused("invalid", {"field": "planned_end_at"})
    visit = found.visit
    crew_id, person_id = command.crew_id, command.person_id
    if visit is not None and crew_id is None and person_id is None:
        crew_id, person_id = visit.crew_id, visit.person_id
    nobody = crew_id is None and person_id is None
    refused = None if nobody else check_assignee(work, crew_id, person_id)
    if refused is not None:
        return refused
    plan = Plan(
        crew_id=crew_id,
        person_id=person_id,
        planned_start_at=command.planned_start_at,
        planned_end_at=command.planned_end_at,
    )
    if visit is not None and plan == plan_of(visit) and visit.state in OPEN:
        return _UNCHANGED
    refused = movable(found, PLANNABLE)
    if refused is not None:
        return refused
    return _set(work, found, plan, deed=deed, name=EventName.VISIT_PLANNED, visit_id=command.visit_id)


@handles(AssignVisit)
def assign_visit(work: Work, command: AssignVisit, deed: Deed) -> Result:
    """Send a crew or a person; times left out stay as planned."""
    found = find(work, command.job_id, command.visit_id)
    if isinstance(found, Refused):
        return found
    refused = check_assignee(work, command.crew_id, command.person_id)
    if refused is not None:
        return refused
    if command.only_if_open:
        taken = [v for v in _taken(work, found.job.id) if v.id != command.visit_id]
        if taken:
            return Refused("job_already_claimed", who(taken[0]))
    was = plan_of(found.visit) if found.visit else Plan()
    plan = _planned(command, was)
    return _assign(work, found, plan, deed=deed, visit_id=command.visit_id)


@handles(ReassignVisit)
def reassign_visit(work: Work, command: ReassignVisit, deed: Deed) -> Result:
    """Give a visit to somebody else; what the crew reported since the plan was made wins over it."""
    known = find_visit(work, command.job_id, command.visit_id)
    if isinstance(known, Refused):
        return known
    found, visit = known
    refused = check_assignee(work, command.crew_id, command.person_id)
    if refused is not None:
        return refused
    fault = _span_fault(command)
    if fault is not None:
        return fault
    was = plan_of(visit)
    plan = _planned(command, was)
    if visit.plan_version != command.plan_version and not (plan == was and visit.state in _SENT):
        return movable(found, ASSIGNABLE) or plan_changed(visit)
    # A move in time alone sends nobody who was not sent before.
    stays = (was.crew_id, was.person_id) == (plan.crew_id, plan.person_id) and plan != was
    name = sending(visit) if stays else EventName.VISIT_ASSIGNED
    return _assign(work, found, plan, deed=deed, visit_id=visit.id, name=name)


@handles(ClaimJob)
def claim_job(work: Work, command: ClaimJob, deed: Deed) -> Result:
    """Take an open job for the claimer's crew, or for the claimer where that is not exactly one; the loser is told who was faster."""
    found = find(work, command.job_id, command.visit_id)
    if isinstance(found, Refused):
        return found
    person = work.get(Person, deed.person_id)
    if person is None:
        return Refused("forbidden")
    refused = _claimable(work, found, person, deed)
    if refused is not None:
        return refused
    missing = missing_skills(person.skills, found.job.required_skills, deed.received_at)
    if missing:
        return Refused("skill_missing", {"skill": missing[0].code, "level": str(missing[0].level)})
    crews = sorted(work.crews_of(person.id, deed.received_at))
    was = plan_of(found.visit) if found.visit else Plan()
    plan = Plan(
        crew_id=crews[0] if len(crews) == 1 else None,
        person_id=None if len(crews) == 1 else person.id,
        planned_start_at=was.planned_start_at,
        planned_end_at=was.planned_end_at,
    )
    return _set(work, found, plan, deed=deed, name=EventName.VISIT_CLAIMED, visit_id=command.visit_id)


@handles(AcceptVisit)
def accept_visit(work: Work, command: AcceptVisit, deed: Deed) -> Result:
    """Accept the plan that the phone showed."""
    shown = _shown(work, command, deed)
    if isinstance(shown, Refused):
        return shown
    job, visit = shown
    if visit.state is VisitState.ACCEPTED or visit.state in UNDER_WAY:
        return _UNCHANGED
    if visit.state not in BOOKED:
        return _wrong_visit(visit)
    detail = {"plan_version": visit.plan_version}
    record(work, job, deed, EventName.VISIT_ACCEPTED, visit_id=visit.id, detail=detail)
    settle(work, job.id)
    return Applied()


@handles(DeclineVisit)
def decline_visit(work: Work, command: DeclineVisit, deed: Deed) -> Result:
    """Decline the plan that the phone showed; the job waits for somebody else."""
    shown = _shown(work, command, deed)
    if isinstance(shown, Refused):
        return shown
    job, visit = shown
    if visit.state is VisitState.DECLINED:
        return _UNCHANGED
    if visit.state in UNDER_WAY:
        return Refused("visit_under_way", {"state": visit.state.value})
    if visit.state not in BOOKED:
        return _wrong_visit(visit)
    detail = {"plan_version": visit.plan_version, "reason": command.reason}
    record(work, job, deed, EventName.VISIT_DECLINED, visit_id=visit.id, detail=detail)
    settle(work, job.id)
    return Applied()


def find(work: Work, job_id: UUID, visit_id: UUID) -> Found | Refused:
    """Find the job and the visit that a command names: `unknown_job`, `unknown_visit` where the visit is another job's."""
    job, visit = work.get(Job, job_id), work.get(Visit, visit_id)
    if job is None:
        return Refused("unknown_job")
    if visit is not None and visit.job_id != job.id:
        return Refused("unknown_visit")
    return Found(job, visit)


def find_visit(work: Work, job_id: UUID, visit_id: UUID) -> tuple[Found, Visit] | Refused:
    """Find a visit that is there: `unknown_job`, `unknown_visit`."""
    found = find(work, job_id, visit_id)
    if isinstance(found, Refused):
        return found
    return Refused("unknown_visit") if found.visit is None else (found, found.visit)


def _planned(command: AssignVisit | ReassignVisit, was: Plan) -> Plan:
    """Give the plan that a command asks for: times left out stay as planned."""
    return Plan(
        crew_id=command.crew_id,
        person_id=command.person_id,
        planned_start_at=command.planned_start_at or was.planned_start_at,
        planned_end_at=command.planned_end_at or was.planned_end_at,
    )


def _shown(work: Work, command: AcceptVisit | DeclineVisit, deed: Deed) -> tuple[Job, Visit] | Refused:
    """Find the visit that the phone showed: only whoever has it may answer, and only the plan as it is."""
    known = find_visit(work, command.job_id, command.visit_id)
    if isinstance(known, Refused):
        return known
    found, visit = known
    if deed.person_id is None or not belongs_to(work, visit, deed.person_id, deed.received_at):
        return Refused("not_assigned", who(visit))
    return (found.job, visit) if visit.plan_version == command.plan_version else plan_changed(visit)


def sending(visit: Visit) -> EventName:
    """Name the event of a change of plan that leaves a visit sent, or not sent, as it was."""
    return EventName.VISIT_PLANNED if visit.state in _THOUGHT else EventName.VISIT_ASSIGNED


def _span_fault(command: ReassignVisit) -> Refused | None:
    start, end = command.planned_start_at, command.planned_end_at
    if (start is None) != (end is None) or (start is not None and end is not None and end <= start):
        return Refused("invalid", {"field": "planned_end_at"})
    return None


def _assign(
    work: Work, found: Found, plan: Plan, *, deed: Deed, visit_id: UUID, name: EventName = EventName.VISIT_ASSIGNED
) -> Result:
    visit = found.visit
    if visit is not None and plan == plan_of(visit) and visit.state in _SENT:
        return _UNCHANGED
    refused = movable(found, ASSIGNABLE)
    if refused is not None:
        return refused
    return _set(work, found, plan, deed=deed, name=name, visit_id=visit_id)


def _set(work: Work, found: Found, plan: Plan, *, deed: Deed, name: EventName, visit_id: UUID) -> Result:
    visit = new_visit(visit_id, found.job.id, plan) if found.visit is None else replan(found.visit, plan)
    locked = None if found.visit is None else broken_lock(found.visit, visit)
    if locked is not None:
        return locked
    give(work, visit, deed, name)
    settle(work, found.job.id)
    return Applied()


def movable(found: Found, states: frozenset[JobState]) -> Refused | None:
    """Refuse to plan what is under way or over; the visit is asked first, since it says more than the job."""
    visit = found.visit
    if visit is not None and visit.state in UNDER_WAY:
        return Refused("visit_under_way", {"state": visit.state.value, **who(visit)})
    if visit is not None and visit.state in ENDED:
        return _wrong_visit(visit)
    return None if found.job.state in states else wrong_state(found.job)


def _taken(work: Work, job_id: UUID) -> list[Visit]:
    return [v for v in work.of_job(Visit, job_id) if v.state in BOOKED | UNDER_WAY]


def _claimable(work: Work, found: Found, person: Person, deed: Deed) -> Result | None:
    """Judge a claim: None when the job is there to be taken, `unchanged` when it is the claimer's already."""
    taken = _taken(work, found.job.id)
    if any(belongs_to(work, v, person.id, deed.received_at) for v in taken):
        return _UNCHANGED
    if taken:
        return Refused("job_already_claimed", who(taken[0]))
    if found.job.state is not JobState.READY:
        return Refused("job_not_open", {"state": found.job.state.value})
    visit = found.visit
    return _wrong_visit(visit) if visit is not None and visit.state in ENDED else None


def plan_changed(visit: Visit) -> Refused:
    """Refuse what was made from another version of the plan, and say how it is now."""
    return Refused("plan_changed", {"plan_version": str(visit.plan_version), "state": visit.state.value, **who(visit)})


def _wrong_visit(visit: Visit) -> Refused:
    return Refused("visit_state", {"state": visit.state.value})
