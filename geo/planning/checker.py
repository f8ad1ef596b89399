"""An independent judge of plans: windows, shifts, breaks, skills, parts, locks, what is frozen, what belongs together.

Shares no code with the planners, so that it can be the oracle of their tests and the source of explanations. Plans nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from geo.planning.checker_day import check_day
from geo.planning.checker_frozen import broken_freezes
from geo.planning.plan import Plan, Route, Stop
from geo.planning.problem import Problem
from geo.planning.rules import Broken, Rule


def check(problem: Problem, plan: Plan) -> tuple[Broken, ...]:
    """List every broken rule of a plan; empty for a good one."""
    found = list(_whole(problem, plan))
    days = {(crew.crew_id, crew.day): crew for crew in problem.crews}
    begins = {stop.visit_id: stop.begin_s for route in plan.routes for stop in route.stops if stop.visit_id}
    for route in plan.routes:
        day = days.get((route.crew_id, route.day))
        if day is None:
            found.append(Broken(rule=Rule.UNKNOWN, crew_id=route.crew_id, day=route.day))
            continue
        ready_s = day.ready_s if day.waits_for is None else begins.get(day.waits_for)
        found += check_day(problem, day, route.stops, ready_s=ready_s)
    found += _due(problem, plan, begins)
    found += _together(problem, plan)
    found += broken_freezes(problem, plan)
    return tuple(found)


def _whole(problem: Problem, plan: Plan) -> Iterator[Broken]:
    """Check that each visit comes once, in a route or among the unassigned."""
    known = {visit.id for visit in problem.visits}
    told = [stop.visit_id for route in plan.routes for stop in route.stops if stop.visit_id is not None]
    count = Counter([*told, *plan.unassigned])
    yield from (Broken(rule=Rule.FORGOTTEN, visit_id=id) for id in known if not count[id])
    yield from (Broken(rule=Rule.PLANNED_TWICE, visit_id=id) for id, times in count.items() if times > 1)
    yield from (Broken(rule=Rule.UNKNOWN, visit_id=id) for id in count if id not in known)
    routes = Counter((route.crew_id, route.day) for route in plan.routes)
    yield from (Broken(rule=Rule.PLANNED_TWICE, crew_id=c, day=d) for (c, d), times in routes.items() if times > 1)


def _due(problem: Problem, plan: Plan, begins: dict[UUID, int]) -> Iterator[Broken]:
    """Check that who comes late is told as late, and nobody else."""
    late = {v.id for v in problem.visits if v.due_s is not None and v.id in begins and begins[v.id] > v.due_s}
    yield from (Broken(rule=Rule.DUE, visit_id=id) for id in late ^ set(plan.late))


def _together(problem: Problem, plan: Plan) -> Iterator[Broken]:
    where = {s.visit_id: (r, s) for r in plan.routes for s in r.stops if s.visit_id is not None}
    known = {visit.id for visit in problem.visits}
    for visit in problem.visits:
        if visit.together_with not in known:
            continue
        pair: list[tuple[Route, Stop]] = [where[id] for id in (visit.id, visit.together_with) if id in where]
        if not pair:
            continue
        if len(pair) == 1 or pair[0][1].begin_s != pair[1][1].begin_s or pair[0][0].crew_id == pair[1][0].crew_id:
            yield Broken(rule=Rule.TOGETHER, visit_id=visit.id)
