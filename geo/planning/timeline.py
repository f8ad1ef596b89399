"""A crew's day as it would come about if rules could be broken: what explanations are made from. Shares no code with the planners."""

from __future__ import annotations

from collections.abc import Sequence

from geo.planning.plan import Stop, StopKind
from geo.planning.problem import CrewDay, Problem, VisitNeed


def as_it_would_be(
    problem: Problem, day: CrewDay, order: Sequence[Stop | VisitNeed], *, ready_s: int
) -> tuple[Stop, ...]:
    """Time stops and one visit more in a given order, each as early as it can be, waiting for windows that are still to come.

    Nothing is refused: who comes too late begins too late.
    """
    visits = {visit.id: visit for visit in problem.visits}
    stores = {store.id: store for store in problem.stores}
    ways = problem.ways.travel_s
    clock, place, credit = max(0, day.ready_s, day.shift.from_s, ready_s), day.start, 0
    made: list[Stop] = []
    for item in order:
        if isinstance(item, Stop) and item.kind is StopKind.BREAK:
            # A break stays where it was unless the work before it takes longer.
            begin = max(clock, item.begin_s)
            credit += begin - clock
            clock = begin + item.end_s - item.begin_s
            made.append(Stop(kind=StopKind.BREAK, begin_s=begin, end_s=clock))
            continue
        if isinstance(item, Stop) and item.store_id is not None:
            store = stores[item.store_id]
            begin = clock + max(0, ways[place][store.place] - credit)
            clock, place, credit = begin + store.handling_s, store.place, 0
            made.append(Stop(kind=StopKind.STORE, begin_s=begin, end_s=clock, store_id=store.id))
            continue
        visit = item if isinstance(item, VisitNeed) else visits.get(item.visit_id) if item.visit_id else None
        if visit is None:
            raise LookupError("a stop of no visit of the problem")
        begin = _opens(visit, clock + max(0, ways[place][visit.place] - credit))
        clock = begin + visit.service_s + (visit.setup_s if visit.place != place else 0)
        place, credit = visit.place, 0
        made.append(Stop(kind=StopKind.VISIT, begin_s=begin, end_s=clock, visit_id=visit.id))
    return tuple(made)


def _opens(visit: VisitNeed, at_s: int) -> int:
    at_s = max(at_s, visit.released_s)
    if visit.lock is not None and visit.lock.at is not None:
        at_s = max(at_s, visit.lock.at.from_s)
    return min((max(at_s, w.from_s) for w in visit.windows if w.to_s >= at_s), default=at_s)
