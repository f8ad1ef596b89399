"""What a plan costs and how much it changes: terms in seconds, changes against the plan that stands. Owns the figures, decides nothing."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from geo.planning.plan import Plan, StopKind
from geo.planning.problem import Planned, Problem


class MoveKind(StrEnum):
    """What a plan does to a visit."""

    ASSIGNED = "assigned"
    REASSIGNED = "reassigned"
    RETIMED = "retimed"
    TAKEN_BACK = "taken_back"
    KEPT = "kept"


class Move(Struct, frozen=True):
    """A visit before and after. `kept` has the same crew and begins within the told shift of what it was."""

    visit_id: UUID
    kind: MoveKind
    before: Planned | None
    after: Planned | None


class PlanCost(Struct, frozen=True, kw_only=True):
    """A plan in figures; seconds but for the counts."""

    travel_s: int
    waiting_s: int
    overdue_s: int
    late: int
    unassigned: int
    crews_used: int


def planned_visits(plan: Plan) -> dict[UUID, Planned]:
    """Give each planned visit with its crew and begin."""
    return {
        stop.visit_id: Planned(stop.visit_id, route.crew_id, stop.begin_s, route.day)
        for route in plan.routes
        for stop in route.stops
        if stop.visit_id is not None
    }


def moves(problem: Problem, plan: Plan) -> tuple[Move, ...]:
    """Compare a plan with the one that stands: a move for each visit that is planned in either, in the order of the problem."""
    before = {p.visit_id: p for p in problem.current}
    after = planned_visits(plan)
    found = []
    for visit in problem.visits:
        was, will = before.get(visit.id), after.get(visit.id)
        if was is not None or will is not None:
            found.append(Move(visit.id, _kind(problem, was, will), was, will))
    return tuple(found)


def changed(problem: Problem, plan: Plan) -> int:
    """Count the standing visits that get another crew, another time or none."""
    return sum(m.before is not None and m.kind is not MoveKind.KEPT for m in moves(problem, plan))


def cost_of(problem: Problem, plan: Plan) -> PlanCost:
    """Add up driving, waiting and being overdue."""
    visits = {visit.id: visit for visit in problem.visits}
    stores = {store.id: store for store in problem.stores}
    days = {(crew.crew_id, crew.day): crew for crew in problem.crews}
    ways = problem.ways.travel_s
    travel_s = waiting_s = overdue_s = 0
    for route in plan.routes:
        day = days[route.crew_id, route.day]
        at, clock = day.start, max(day.ready_s, day.shift.from_s)
        for stop in route.stops:
            if stop.kind is not StopKind.BREAK:
                place = (
                    visits[stop.visit_id].place
                    if stop.visit_id
                    else stores[stop.store_id].place
                    if stop.store_id
                    else at
                )
                travel_s += ways[at][place]
                clock += ways[at][place]
                at = place
            waiting_s += max(0, stop.begin_s - clock) if stop.kind is StopKind.VISIT else 0
            clock = max(clock, stop.end_s)
            due_s = visits[stop.visit_id].due_s if stop.visit_id else None
            overdue_s += 0 if due_s is None else max(0, stop.begin_s - due_s)
        if route.stops and day.end is not None:
            travel_s += ways[at][day.end]
    return PlanCost(
        travel_s=travel_s,
        waiting_s=waiting_s,
        overdue_s=overdue_s,
        late=len(plan.late),
        unassigned=len(plan.unassigned),
        crews_used=sum(bool(route.stops) for route in plan.routes),
    )


def _kind(problem: Problem, was: Planned | None, will: Planned | None) -> MoveKind:
    if was is None:
        return MoveKind.ASSIGNED
    if will is None:
        return MoveKind.TAKEN_BACK
    if (was.crew_id, was.day) != (will.crew_id, will.day):
        return MoveKind.REASSIGNED
    # What should have begun already begins later without anybody's doing.
    shift_s = abs(will.begin_s - max(0, was.begin_s))
    return MoveKind.RETIMED if shift_s > problem.policy.told_shift_s else MoveKind.KEPT
