"""The judge's part about one crew's day: times, roads, shift, breaks, skills, locks. Shares no code with the planners."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from geo.planning.checker_van import broken_parts
from geo.planning.plan import Stop, StopKind
from geo.planning.problem import CrewDay, Problem, VisitNeed
from geo.planning.rules import Broken, Rule
from mobile_contract.schema.job import LockKind


def check_day(problem: Problem, day: CrewDay, stops: Sequence[Stop], *, ready_s: int | None) -> list[Broken]:
    """List the broken rules of one crew's day on its own; `ready_s` is None for a crew whose relief does not come."""
    visits = {visit.id: visit for visit in problem.visits}
    found: list[tuple[Rule, UUID | None]] = []
    if any(stop.visit_id is not None and stop.visit_id not in visits for stop in stops):
        return [Broken(rule=Rule.UNKNOWN, crew_id=day.crew_id, day=day.day)]
    mine = [(stop, visits[stop.visit_id]) for stop in stops if stop.visit_id is not None]
    if mine and not day.present:
        found.append((Rule.NOT_PRESENT, None))
    if mine and (ready_s is None or any(visit.id == day.waits_for for _, visit in mine)):
        found.append((Rule.WAITS_FOR_RELIEF, day.waits_for))
    free_s = max(0, day.shift.from_s, day.ready_s, ready_s or 0)
    for stop, visit in mine:
        found += [(rule, visit.id) for rule in _times(stop, visit)]
        found += [(rule, visit.id) for rule in _fitness(problem, day, (stop, visit))]
    found += _road(problem, day, stops, free_s)
    if stops and max(stop.end_s for stop in stops) > day.shift.to_s:
        found.append((Rule.SHIFT, stops[-1].visit_id))
    if mine and not _breaks_taken(problem, day, stops, free_s):
        found.append((Rule.BREAK, None))
    found += broken_parts(problem, day, stops)
    return [Broken(rule=rule, crew_id=day.crew_id, day=day.day, visit_id=id) for rule, id in found]


def _times(stop: Stop, visit: VisitNeed) -> Iterator[Rule]:
    if visit.windows and not any(w.from_s <= stop.begin_s <= w.to_s for w in visit.windows):
        yield Rule.WINDOW
    if stop.begin_s < visit.released_s:
        yield Rule.NOT_RELEASED
    lock = visit.lock
    timed = lock is not None and lock.kind in (LockKind.TIME_RANGE, LockKind.TIME, LockKind.BOTH)
    if timed and lock is not None and lock.at is not None and not lock.at.from_s <= stop.begin_s <= lock.at.to_s:
        yield Rule.LOCKED_TIME


def _fitness(problem: Problem, day: CrewDay, work: tuple[Stop, VisitNeed]) -> Iterator[Rule]:
    stop, visit = work
    if visit.crew_id not in (None, day.crew_id):
        yield Rule.SAME_TECHNICIAN
    lock = visit.lock
    if lock is not None and lock.kind in (LockKind.RESOURCE, LockKind.BOTH) and lock.crew_id != day.crew_id:
        yield Rule.LOCKED_CREW
    if visit.district_ids and day.district_ids and not any(d in visit.district_ids for d in day.district_ids):
        yield Rule.TERRITORY
    done_at = problem.now + timedelta(seconds=stop.end_s)
    for skill in visit.skills:
        same = [held for held in day.skills if held.code == skill.code]
        high = [held for held in same if held.level >= skill.level]
        if not same:
            yield Rule.SKILL_MISSING
        elif not high:
            yield Rule.SKILL_LEVEL_LOW
        elif not any(held.expires_at is None or held.expires_at >= done_at for held in high):
            yield Rule.SKILL_EXPIRED


def _road(problem: Problem, day: CrewDay, stops: Sequence[Stop], free_s: int) -> Iterator[tuple[Rule, UUID | None]]:
    """Check that the crew can be where it works, works as long as it takes, and is home in time."""
    visits = {visit.id: visit for visit in problem.visits}
    stores = {store.id: store for store in problem.stores}
    ways = problem.ways.travel_s
    place, left_s, rested_s, over_s = day.start, free_s, 0, free_s
    for stop in stops:
        if stop.begin_s < over_s or stop.end_s < stop.begin_s:
            yield Rule.TRAVEL, stop.visit_id
        over_s = stop.end_s
        if stop.kind is StopKind.BREAK:
            rested_s += stop.end_s - stop.begin_s
            continue
        if stop.visit_id is not None:
            visit = visits[stop.visit_id]
            there, work_s = visit.place, visit.service_s + (0 if visit.place == place else visit.setup_s)
        elif stop.store_id in stores:
            there, work_s = stores[stop.store_id].place, stores[stop.store_id].handling_s
        else:
            yield Rule.STORE, None
            continue
        if stop.begin_s - left_s - rested_s < ways[place][there]:
            yield Rule.TRAVEL, stop.visit_id
        if stop.end_s - stop.begin_s < work_s:
            yield Rule.WORK_TIME, stop.visit_id
        place, left_s, rested_s = there, stop.end_s, 0
    if stops and day.end is not None and day.shift.to_s - left_s - rested_s < ways[place][day.end]:
        yield Rule.SHIFT, stops[-1].visit_id


def _breaks_taken(problem: Problem, day: CrewDay, stops: Sequence[Stop], free_s: int) -> bool:
    """Check that each break which still fits the shift is taken in its span, an overdue one within the grace, each for itself."""
    taken = [stop for stop in stops if stop.kind is StopKind.BREAK]
    due = [b for b in day.breaks if max(b.from_s, free_s) + b.duration_s <= day.shift.to_s]
    if len(taken) != len(due):
        return False

    def suits(stop: Stop, number: int) -> bool:
        rest = due[number]
        last_s = free_s + problem.policy.break_grace_s if rest.to_s < free_s else rest.to_s
        return rest.from_s <= stop.begin_s <= last_s and stop.end_s - stop.begin_s >= rest.duration_s

    def match(stop_number: int, open_breaks: frozenset[int]) -> bool:
        if stop_number == len(taken):
            return True
        fitting = [n for n in open_breaks if suits(taken[stop_number], n)]
        return any(match(stop_number + 1, open_breaks - {n}) for n in fitting)

    return match(0, frozenset(range(len(due))))
