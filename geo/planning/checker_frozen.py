"""The judge's part about the freeze horizon: what begins soon stays where it is, or could not be kept. Shares no code with the planners."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, zip_longest
from uuid import UUID

from geo.planning.checker_day import check_day
from geo.planning.plan import Plan, Route, Stop, StopKind
from geo.planning.problem import CrewDay, Planned, Problem, VisitNeed
from geo.planning.rules import Broken, Rule


def broken_freezes(problem: Problem, plan: Plan) -> Iterator[Broken]:
    """Yield frozen visits that moved, and those let go without need. A crew that is absent or waits for relief has nothing frozen."""
    visits = {visit.id: visit for visit in problem.visits}
    routes = {(route.crew_id, route.day): route for route in plan.routes}
    may_go = set(plan.released)
    excused: set[UUID] = set()
    for day in problem.crews:
        if not day.present or day.waits_for is not None:
            continue
        standing = sorted(
            (
                p
                for p in problem.current
                if (p.crew_id, p.day) == (day.crew_id, day.day)
                and p.begin_s < problem.policy.freeze_s
                and p.visit_id in visits
            ),
            key=lambda p: (p.begin_s, [v.id for v in problem.visits].index(p.visit_id)),
        )
        kept = [p for p in standing if p.visit_id not in may_go]
        route = routes.get((day.crew_id, day.day), Route(day.crew_id, day.day, ()))
        yield from _moved(problem, day, kept, route)
        for at, planned in enumerate(standing):
            if planned.visit_id not in may_go:
                continue
            before = [p for p in standing[:at] if p.visit_id not in may_go]
            excused.add(planned.visit_id)
            if any(_ways_to_keep(problem, day, [*before, planned])) and not _partner_goes(
                problem, planned.visit_id, may_go
            ):
                yield Broken(rule=Rule.FROZEN, crew_id=day.crew_id, day=day.day, visit_id=planned.visit_id)
    yield from (Broken(rule=Rule.FROZEN, visit_id=id) for id in may_go - excused)


def _moved(problem: Problem, day: CrewDay, kept: Sequence[Planned], route: Route) -> Iterator[Broken]:
    """Check that a day begins with what is frozen, in order, none before its time, all together as soon as the crew can."""
    visits = {visit.id: visit for visit in problem.visits}
    placed = [stop for stop in route.stops if stop.kind is not StopKind.BREAK][: len(kept)]
    for planned, stop in zip_longest(kept, placed):
        if stop is None or stop.visit_id != planned.visit_id or stop.begin_s < planned.begin_s:
            yield Broken(rule=Rule.FROZEN, crew_id=day.crew_id, day=day.day, visit_id=planned.visit_id)
            return
    if not kept or any(_partner(problem, planned.visit_id) is not None for planned in kept):
        # A pair begins when both crews are there, which one day alone does not tell.
        return
    sums = [sum(s.begin_s for s in way if s.visit_id in visits) for way in _ways_to_keep(problem, day, kept)]
    if sum(stop.begin_s for stop in placed) > min(sums, default=0):
        yield Broken(rule=Rule.FROZEN, crew_id=day.crew_id, day=day.day, visit_id=kept[0].visit_id)


def _ways_to_keep(problem: Problem, day: CrewDay, frozen: Sequence[Planned]) -> Iterator[tuple[Stop, ...]]:
    """Yield each way in which a crew can still do these visits in this order, by where its breaks go."""
    visits = {visit.id: visit for visit in problem.visits}
    free_s = max(0, day.ready_s, day.shift.from_s)
    due = [b for b in day.breaks if max(b.from_s, free_s) + b.duration_s <= day.shift.to_s]
    due.sort(key=lambda b: max(b.from_s, free_s))
    for places in combinations_with_replacement(range(len(frozen) + 1), len(due)):
        stops: list[Stop] = []
        clock, place, credit = free_s, day.start, 0
        for number in range(len(frozen) + 1):
            for rest in [b for b, p in zip(due, places, strict=True) if p == number]:
                begin = max(clock, rest.from_s)
                credit += begin - clock
                clock = begin + rest.duration_s
                stops.append(Stop(kind=StopKind.BREAK, begin_s=begin, end_s=clock))
            if number < len(frozen):
                visit = visits[frozen[number].visit_id]
                arrive = clock + max(0, problem.ways.travel_s[place][visit.place] - credit)
                begin = _opens(visit, max(arrive, frozen[number].begin_s, visit.released_s))
                clock = begin + visit.service_s + (visit.setup_s if visit.place != place else 0)
                stops.append(Stop(kind=StopKind.VISIT, begin_s=begin, end_s=clock, visit_id=visit.id))
                place, credit = visit.place, 0
        if not check_day(problem, day, stops, ready_s=day.ready_s):
            yield tuple(stops)


def _opens(visit: VisitNeed, at_s: int) -> int:
    """Give the next second from one on in which a visit may begin; that one itself where none is left."""
    later = [max(at_s, w.from_s) for w in visit.windows if w.to_s >= at_s]
    begin_s = min(later, default=at_s)
    held = visit.lock.at if visit.lock else None
    return begin_s if held is None else max(begin_s, held.from_s)


def _partner(problem: Problem, visit_id: UUID) -> UUID | None:
    for visit in problem.visits:
        if visit.id == visit_id and visit.together_with is not None:
            return visit.together_with
        if visit.together_with == visit_id:
            return visit.id
    return None


def _partner_goes(problem: Problem, visit_id: UUID, may_go: set[UUID]) -> bool:
    """Tell whether the visit's second crew cannot come as it was planned either."""
    partner = _partner(problem, visit_id)
    if partner is None:
        return False
    frozen = {p.visit_id for p in problem.current if p.begin_s < problem.policy.freeze_s}
    return partner in may_go or partner not in frozen or _absent(problem, partner)


def _absent(problem: Problem, visit_id: UUID) -> bool:
    crews = {(c.crew_id, c.day): c for c in problem.crews}
    for planned in problem.current:
        if planned.visit_id == visit_id:
            crew = crews.get((planned.crew_id, planned.day))
            return crew is None or not crew.present or crew.waits_for is not None
    return True
