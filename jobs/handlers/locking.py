"""Handlers of what dispatchers do to a plan by hand (lock, withdraw, swap), and of the rules of planning.

What a crew already does is never moved.
"""

from msgspec.structs import replace

from jobs.assigning import Plan, check_assignee, give, plan_of, replan
from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.dispatch import ASSIGNABLE, PLANNABLE, Found, find, find_visit, movable, plan_changed, sending
from jobs.handlers.door import handles
from jobs.handlers.saving import save
from jobs.planning_rules import planning_rules_id
from jobs.recording import record, settle
from jobs.result import Applied, Refused, Result
from jobs.rules.lock import broken_lock, in_time, whole_lock
from jobs.work import Work
from mobile_contract.schema.job import Visit, VisitState
from mobile_contract.schema.planning import LockVisit, SavePlanningRules, SwapVisits, WithdrawVisit

_UNCHANGED = Applied(code="unchanged")


@handles(LockVisit)
def lock_visit(work: Work, command: LockVisit, deed: Deed) -> Result:
    """Lock a visit that nobody has begun, or unlock it. The plan stays as it is, and with it an acceptance."""
    known = find_visit(work, command.job_id, command.visit_id)
    if isinstance(known, Refused):
        return known
    found, visit = known
    refused = movable(found, PLANNABLE)
    if refused is not None:
        return refused
    lock = None if command.lock is None else whole_lock(command.lock, visit)
    if isinstance(lock, Refused):
        return lock
    if lock == visit.lock:
        return _UNCHANGED
    if visit.plan_version != command.plan_version:
        return plan_changed(visit)
    if lock is not None and not in_time(lock, visit):
        return Refused("lock_invalid", {"field": "from_at"})
    work.put(replace(visit, lock=lock))
    detail = {"lock": lock, "was": visit.lock}
    record(work, found.job, deed, EventName.VISIT_LOCKED, visit_id=visit.id, detail=detail)
    return Applied()


@handles(WithdrawVisit)
def withdraw_visit(work: Work, command: WithdrawVisit, deed: Deed) -> Result:
    """Take a visit back; what the crew reported, or still reports, wins over it."""
    known = find_visit(work, command.job_id, command.visit_id)
    if isinstance(known, Refused):
        return known
    found, visit = known
    if visit.state is VisitState.CANCELLED:
        return _UNCHANGED
    refused = movable(found, PLANNABLE)
    if refused is not None:
        return refused
    if visit.plan_version != command.plan_version:
        return plan_changed(visit)
    detail = {"reason": command.reason, "plan_version": visit.plan_version}
    record(work, found.job, deed, EventName.VISIT_CANCELLED, visit_id=visit.id, detail=detail)
    settle(work, found.job.id)
    return Applied()


@handles(SwapVisits)
def swap_visits(work: Work, command: SwapVisits, deed: Deed) -> Result:
    """Give two visits each other's crew and begin; both change or neither, and each keeps how long it takes."""
    one = find(work, command.job_id, command.visit_id)
    other = find(work, command.other_job_id, command.other_visit_id)
    if isinstance(one, Refused):
        return one
    if isinstance(other, Refused):
        return other
    if one.visit is None or other.visit is None:
        return Refused("unknown_visit")
    if one.visit.id == other.visit.id:
        return Refused("invalid", {"field": "other_visit_id"})
    versions = (command.plan_version, command.other_plan_version)
    for found, version in zip((one, other), versions, strict=True):
        refused = movable(found, ASSIGNABLE) or _stale(found, version)
        if refused is not None:
            return refused
    changed = (
        replan(one.visit, _place_of(other.visit, one.visit)),
        replan(other.visit, _place_of(one.visit, other.visit)),
    )
    for before, after in zip((one.visit, other.visit), changed, strict=True):
        refused = check_assignee(work, after.crew_id, after.person_id) or broken_lock(before, after)
        if refused is not None:
            return refused
    for before, after in zip((one.visit, other.visit), changed, strict=True):
        give(work, after, deed, sending(before))
    for job_id in dict.fromkeys((command.job_id, command.other_job_id)):
        settle(work, job_id)
    return Applied()


@handles(SavePlanningRules)
def save_planning_rules(work: Work, command: SavePlanningRules, deed: Deed) -> Result:
    """Replace the rules of planning; plans made before keep theirs."""
    rules = replace(command.rules, id=planning_rules_id(work.org.org_id))
    spans = [(b.from_min, b.to_min) for b in rules.breaks] + [(h.from_min, h.to_min) for h in rules.store_hours]
    if any(end < begin for begin, end in spans):
        return Refused("rules_invalid", {"fault": "a span ends after it begins"})
    return save(work, rules)


def _stale(found: Found, version: int) -> Refused | None:
    visit = found.visit
    return plan_changed(visit) if visit is not None and visit.plan_version != version else None


def _place_of(taken: Visit, mover: Visit) -> Plan:
    """Give the place of one visit in the plan to another one, which takes as long as it did."""
    was, own = plan_of(taken), plan_of(mover)
    end_at = was.planned_end_at
    if was.planned_start_at and own.planned_start_at and own.planned_end_at:
        end_at = was.planned_start_at + (own.planned_end_at - own.planned_start_at)
    return Plan(
        crew_id=was.crew_id, person_id=was.person_id, planned_start_at=was.planned_start_at, planned_end_at=end_at
    )
