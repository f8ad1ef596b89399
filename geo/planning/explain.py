"""Why this crew, why not that one, why nobody: told from the checker's findings about what would be broken. Decides nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from geo.planning.checker_day import check_day
from geo.planning.plan import Plan, Route, Stop, StopKind
from geo.planning.problem import CrewDay, Problem, VisitNeed
from geo.planning.rules import Rule
from geo.planning.timeline import as_it_would_be
from mobile_contract.schema.job import LockKind


class Ground(StrEnum):
    """Why a crew has a visit, or why another would be no better. Codes are stable; `geo.planning.reason_texts` has the words."""

    FROZEN = "frozen"
    LOCKED = "locked"
    SAME_TECHNICIAN = "same_technician"
    ONLY_ONE = "only_one"
    LEAST_EXTRA = "least_extra"
    FITS_THE_WHOLE = "fits_the_whole"
    WOULD_COST_MORE = "would_cost_more"
    WOULD_COST_LESS = "would_cost_less"


class OtherCrew(Struct, frozen=True, kw_only=True):
    """Why a crew does not have a visit: the rules that would be broken at its best place, or what more it would drive."""

    crew_id: UUID
    day: int
    broken: tuple[Rule, ...] = ()
    ground: Ground | None = None
    extra_travel_s: int | None = None


class Explanation(Struct, frozen=True, kw_only=True):
    """A visit of a plan explained; `crew_id` is None for one that nobody has, `hindrances` then count what stood in the way."""

    visit_id: UUID
    crew_id: UUID | None
    grounds: tuple[Ground, ...] = ()
    travel_s: int | None = None
    others: tuple[OtherCrew, ...] = ()
    hindrances: tuple[tuple[Rule, int], ...] = ()


def explain(problem: Problem, plan: Plan, visit_id: UUID) -> Explanation:
    """Explain a visit of a plan. Others who could do it come first, those who would drive least before the rest.

    Raises LookupError for a visit that is not of the problem.
    """
    visit = next((v for v in problem.visits if v.id == visit_id), None)
    if visit is None:
        raise LookupError(f"visit {visit_id} is not of the problem")
    begins = {stop.visit_id: stop.begin_s for route in plan.routes for stop in route.stops if stop.visit_id}
    routes = {(route.crew_id, route.day): route for route in plan.routes}
    mine = next((r for r in plan.routes if any(s.visit_id == visit_id for s in r.stops)), None)
    travel_s = None if mine is None else _travel_now(problem, mine, visit)
    others = []
    for day in problem.crews:
        if mine is not None and (day.crew_id, day.day) == (mine.crew_id, mine.day):
            continue
        ready_s = day.ready_s if day.waits_for is None else begins.get(day.waits_for)
        route = routes.get((day.crew_id, day.day), Route(day.crew_id, day.day, ()))
        others.append(_other(problem, day, route, _Asked(visit, ready_s, travel_s)))
    others.sort(key=lambda o: (len(o.broken), o.extra_travel_s or 0, o.crew_id.hex, o.day))
    counts = Counter(rule for other in others for rule in other.broken)
    return Explanation(
        visit_id=visit_id,
        crew_id=None if mine is None else mine.crew_id,
        grounds=() if mine is None else _grounds(problem, plan, visit, (mine, travel_s, others)),
        travel_s=travel_s,
        others=tuple(others),
        hindrances=() if mine is not None else tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
    )


class _Asked(Struct, frozen=True):
    visit: VisitNeed
    ready_s: int | None
    travel_s: int | None


def _other(problem: Problem, day: CrewDay, route: Route, asked: _Asked) -> OtherCrew:
    """Try a visit at every place of another crew's day and keep the place with the fewest broken rules, then the least driving."""
    best: tuple[int, int, tuple[Rule, ...]] | None = None
    stops = route.stops or tuple(
        Stop(
            kind=StopKind.BREAK,
            begin_s=max(b.from_s, day.ready_s, 0),
            end_s=max(b.from_s, day.ready_s, 0) + b.duration_s,
        )
        for b in sorted(day.breaks, key=lambda b: b.from_s)
        if max(b.from_s, day.ready_s, 0, day.shift.from_s) + b.duration_s <= day.shift.to_s
    )
    for at in range(_frozen(problem, day, stops), len(stops) + 1):
        order: list[Stop | VisitNeed] = [*stops[:at], asked.visit, *stops[at:]]
        timed = as_it_would_be(problem, day, order, ready_s=asked.ready_s or 0)
        broken = check_day(problem, day, timed, ready_s=asked.ready_s)
        rules = tuple(dict.fromkeys(b.rule for b in broken))
        extra_s = _detour_s(problem, day, [s for s in order if not _is_break(s)], asked.visit)
        if best is None or (len(rules), extra_s) < best[:2]:
            best = (len(rules), extra_s, rules)
    if best is None:
        return OtherCrew(crew_id=day.crew_id, day=day.day, broken=(Rule.FROZEN,))
    if best[2]:
        return OtherCrew(crew_id=day.crew_id, day=day.day, broken=best[2])
    linked = asked.visit.together_with is not None or any(v.together_with == asked.visit.id for v in problem.visits)
    if linked and asked.travel_s is None:
        return OtherCrew(crew_id=day.crew_id, day=day.day, broken=(Rule.TOGETHER,))
    ground = None
    if asked.travel_s is not None:
        ground = Ground.WOULD_COST_MORE if best[1] >= asked.travel_s else Ground.WOULD_COST_LESS
    return OtherCrew(crew_id=day.crew_id, day=day.day, ground=ground, extra_travel_s=best[1])


def _grounds(
    problem: Problem, plan: Plan, visit: VisitNeed, found: tuple[Route, int | None, Sequence[OtherCrew]]
) -> tuple[Ground, ...]:
    mine, travel_s, others = found
    grounds = []
    standing = {p.visit_id: p for p in problem.current}.get(visit.id)
    if standing is not None and standing.begin_s < problem.policy.freeze_s and visit.id not in plan.released:
        grounds.append(Ground.FROZEN)
    if visit.lock is not None and visit.lock.kind in (LockKind.RESOURCE, LockKind.BOTH):
        grounds.append(Ground.LOCKED)
    if visit.crew_id == mine.crew_id:
        grounds.append(Ground.SAME_TECHNICIAN)
    able = [other for other in others if not other.broken]
    if not able:
        grounds.append(Ground.ONLY_ONE)
    elif not grounds:
        least = all((other.extra_travel_s or 0) >= (travel_s or 0) for other in able)
        grounds.append(Ground.LEAST_EXTRA if least else Ground.FITS_THE_WHOLE)
    return tuple(grounds)


def _frozen(problem: Problem, day: CrewDay, stops: Sequence[Stop]) -> int:
    """Count the stops up to the last frozen visit."""
    frozen = {p.visit_id for p in problem.current if p.begin_s < problem.policy.freeze_s and p.crew_id == day.crew_id}
    return 1 + max((at for at, stop in enumerate(stops) if stop.visit_id in frozen), default=-1)


def _travel_now(problem: Problem, route: Route, visit: VisitNeed) -> int:
    day = next(d for d in problem.crews if (d.crew_id, d.day) == (route.crew_id, route.day))
    order: list[Stop | VisitNeed] = [
        visit if stop.visit_id == visit.id else stop for stop in route.stops if stop.kind is not StopKind.BREAK
    ]
    return _detour_s(problem, day, order, visit)


def _detour_s(problem: Problem, day: CrewDay, order: Sequence[Stop | VisitNeed], visit: VisitNeed) -> int:
    """Measure what more is driven for a visit in an order of stops without breaks."""
    places = [_place(problem, item) for item in order]
    at = next(n for n, item in enumerate(order) if item is visit)
    before = day.start if at == 0 else places[at - 1]
    after = places[at + 1] if at + 1 < len(places) else day.end
    ways = problem.ways.travel_s
    if after is None:
        return ways[before][visit.place]
    return ways[before][visit.place] + ways[visit.place][after] - ways[before][after]


def _place(problem: Problem, item: Stop | VisitNeed) -> int:
    if isinstance(item, VisitNeed):
        return item.place
    if item.store_id is not None:
        return next(store.place for store in problem.stores if store.id == item.store_id)
    return next(visit.place for visit in problem.visits if visit.id == item.visit_id)


def _is_break(item: Stop | VisitNeed) -> bool:
    return isinstance(item, Stop) and item.kind is StopKind.BREAK
