"""Small days laid out by hand: places on a straight street, ten minutes from one to the next. Owns the layout, judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from msgspec.structs import replace

from geo.coordinates import LonLat
from geo.planning.checker import check
from geo.planning.measure import planned_visits
from geo.planning.plan import Plan, Route, Stop, StopKind
from geo.planning.planners import InsertionPlanner
from geo.planning.problem import CrewDay, Planned, Problem, Store, VisitNeed, Ways, Window
from geo.planning.repair import repair
from geo.travel import TravelSource
from mobile_contract.schema.base import Priority

NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)
MIN, HOUR = 60, 3600
STEP = 10 * MIN
DAY = Window(0, 9 * HOUR)
PLACES = 30


def crew(number: int, start: int, **changes: object) -> CrewDay:
    """Build a crew that starts at a place of the street."""
    return replace(CrewDay(crew_id=UUID(int=0xC0 + number), start=start, shift=DAY), **changes)


def visit(number: int, place: int, **changes: object) -> VisitNeed:
    """Build an hour's visit at a place of the street."""
    id = UUID(int=0xA0 + number)
    return replace(VisitNeed(id=id, job_id=id, place=place), **changes)


def leak(number: int, place: int, **changes: object) -> VisitNeed:
    """Build an urgent leak."""
    return visit(number, place, priority=Priority.EMERGENCY, **changes)


def street(
    crews: Sequence[CrewDay],
    visits: Sequence[VisitNeed],
    *,
    stores: Sequence[Store] = (),
    current: Sequence[Planned] = (),
) -> Problem:
    """Put crews and visits on the street."""
    rows = tuple(tuple(abs(a - b) * STEP for b in range(PLACES)) for a in range(PLACES))
    return Problem(
        now=NOW,
        places=tuple(LonLat(-20 + 0.05 * n, 45.0) for n in range(PLACES)),
        ways=Ways(rows, (TravelSource.STREET_GRAPH,)),
        visits=tuple(visits),
        crews=tuple(crews),
        stores=tuple(stores),
        current=tuple(current),
    )


def planned(problem: Problem) -> Plan:
    """Plan a day by insertion; the checker finds nothing."""
    plan = InsertionPlanner().plan(problem, limit_s=1.0)
    assert check(problem, plan) == ()
    return plan


def repaired(problem: Problem) -> Plan:
    """Repair a day by insertion; the checker finds nothing."""
    plan = repair(problem)
    assert check(problem, plan) == ()
    return plan


def standing(problem: Problem) -> Problem:
    """Let a problem's own plan by insertion be the one that stands."""
    return replace(problem, current=tuple(planned_visits(planned(problem)).values()))


def who(plan: Plan, wanted: VisitNeed) -> int | None:
    """Give the number of the crew that has a visit."""
    found = planned_visits(plan).get(wanted.id)
    return None if found is None else found.crew_id.int - 0xC0


def begin(plan: Plan, wanted: VisitNeed) -> int:
    """Give the second at which a visit begins."""
    return planned_visits(plan)[wanted.id].begin_s


def stop(wanted: VisitNeed, begin_s: int, *, setup: bool = True) -> Stop:
    """Write down a visit's stop."""
    end_s = begin_s + wanted.service_s + (wanted.setup_s if setup else 0)
    return Stop(kind=StopKind.VISIT, begin_s=begin_s, end_s=end_s, visit_id=wanted.id)


def plan_of(problem: Problem, *rows: Sequence[Stop], **changes: object) -> Plan:
    """Write down a plan, a row per crew; what is in no row is unassigned."""
    routes = tuple(Route(c.crew_id, c.day, tuple(row)) for c, row in zip(problem.crews, rows, strict=True))
    told = {s.visit_id for row in rows for s in row}
    left = tuple(v.id for v in problem.visits if v.id not in told)
    return replace(Plan(routes=routes, unassigned=left), **changes)
