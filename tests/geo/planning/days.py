"""Random days for planners: crews, visits, breaks, parts, locks, pairs, a plan that stands. Owns the dice, judges nothing."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from msgspec.structs import replace

from geo.coordinates import LonLat
from geo.planning.measure import planned_visits
from geo.planning.planners import InsertionPlanner
from geo.planning.problem import (
    Break,
    CrewDay,
    Lock,
    PartCount,
    Planned,
    Problem,
    Store,
    VisitNeed,
    Ways,
    Window,
)
from geo.travel import GreatCircleTravel
from mobile_contract.schema.base import Priority, Skill
from mobile_contract.schema.job import LockKind

NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)
HOUR = 3600
PARTS = tuple(UUID(int=0x9000 + n) for n in range(4))
DISTRICTS = tuple(UUID(int=0xD000 + n) for n in range(4))
CODES = ("pipe", "gas", "meter")


def crew_id(number: int) -> UUID:
    """Give the id of a numbered crew."""
    return UUID(int=0xC000 + number)


def visit_id(number: int) -> UUID:
    """Give the id of a numbered visit."""
    return UUID(int=0xA0000 + number)


def morning(seed: int, *, visits: int | None = None, crews: int | None = None) -> Problem:
    """Draw a day at its beginning: nothing stands yet. The same seed gives the same day."""
    dice = random.Random(seed)
    crew_count = crews or dice.randint(2, 6)
    visit_count = visits or dice.randint(5, 7 * crew_count)
    places: list[LonLat] = []

    def place() -> int:
        places.append(LonLat(-20 + dice.uniform(0, 0.12), 45 + dice.uniform(0, 0.1)))
        return len(places) - 1

    store = Store(
        id=UUID(int=0x5000), place=place(), part_ids=PARTS[:3], windows=(Window(0, dice.choice((2, 9)) * HOUR),)
    )
    people = tuple(_crew(dice, number, place(), place()) for number in range(crew_count))
    needs: list[VisitNeed] = []
    for number in range(visit_count):
        same = needs and dice.random() < 0.1
        needs.append(_visit(dice, number, needs[-1].place if same else place(), crew_count))
    for first, second in ((0, 1), (2, 3)):
        if visit_count > 5 and dice.random() < 0.4:
            leader = replace(needs[first], lock=None)
            needs[first] = leader
            # The second crew comes to the same place; only its trade may differ.
            needs[second] = replace(
                needs[second],
                place=leader.place,
                windows=leader.windows,
                together_with=leader.id,
                lock=None,
                due_s=None,
                crew_id=None,
            )
            needs[second] = replace(needs[second], released_s=leader.released_s)
    ways = Ways.between(GreatCircleTravel(), places, NOW)
    return Problem(
        now=NOW, places=tuple(places), ways=ways, visits=tuple(needs), crews=people, stores=(store,), version=str(seed)
    )


def midday(seed: int) -> Problem:
    """Draw a running day: a plan stands, time has passed, somebody may be ill or late, new visits have come in."""
    dice = random.Random(seed * 7 + 1)
    day = morning(seed)
    plan = InsertionPlanner().plan(day, limit_s=1.0)
    passed = dice.randint(0, 5 * HOUR)
    standing = planned_visits(plan)
    gone = {id for id, p in standing.items() if p.begin_s < passed}
    crews = []
    for crew in day.crews:
        busy_s = dice.choice((0, 0, 900, 2 * HOUR)) if dice.random() < 0.5 else 0
        breaks = tuple(
            Break(b.from_s - passed, b.to_s - passed, b.duration_s) for b in crew.breaks if dice.random() < 0.7
        )
        crews.append(
            replace(
                crew,
                ready_s=busy_s,
                shift=Window(crew.shift.from_s - passed, crew.shift.to_s - passed),
                breaks=breaks,
                present=dice.random() > 0.1,
            )
        )
    visits = tuple(
        replace(
            v,
            windows=tuple(Window(w.from_s - passed, w.to_s - passed) for w in v.windows),
            due_s=None if v.due_s is None else v.due_s - passed,
            released_s=max(0, v.released_s - passed),
            lock=_later(v.lock, passed),
        )
        for v in day.visits
        if v.id not in gone
    )
    store = tuple(
        replace(s, windows=tuple(Window(w.from_s - passed, w.to_s - passed) for w in s.windows)) for s in day.stores
    )
    current = tuple(
        Planned(p.visit_id, p.crew_id, p.begin_s - passed, p.day) for id, p in standing.items() if id not in gone
    )
    kept = {v.id for v in visits}
    if crews and visits and dice.random() < 0.15:
        relief = replace(visits[0], priority=Priority.EMERGENCY, together_with=None, lock=None, crew_id=None)
        if not any(v.together_with == relief.id for v in visits):
            visits = (relief, *visits[1:])
            crews[-1] = replace(crews[-1], waits_for=relief.id)
    return replace(
        day,
        now=day.now + timedelta(seconds=passed),
        crews=tuple(crews),
        visits=visits,
        stores=store,
        current=tuple(p for p in current if p.visit_id in kept),
    )


def urgent(problem: Problem, number: int = 900, *, place: int = 0, **changes: object) -> tuple[Problem, VisitNeed]:
    """Add an emergency at a place of the problem."""
    leak = VisitNeed(
        id=visit_id(number), job_id=UUID(int=number), place=place, priority=Priority.EMERGENCY, service_s=2400
    )
    leak = replace(leak, **changes)
    return replace(problem, visits=(*problem.visits, leak)), leak


def _crew(dice: random.Random, number: int, start: int, home: int) -> CrewDay:
    skills = tuple(
        Skill(
            code=code,
            level=dice.randint(1, 3),
            expires_at=NOW + timedelta(hours=dice.randint(3, 12)) if dice.random() < 0.1 else None,
        )
        for code in CODES
        if dice.random() < 0.8
    )
    lunch = Break(3 * HOUR + 1800, 5 * HOUR + 1800, 1800)
    tea = Break(7 * HOUR, 8 * HOUR, 900)
    return CrewDay(
        crew_id=crew_id(number),
        start=start,
        end=home if dice.random() < 0.3 else None,
        shift=Window(dice.choice((0, 0, HOUR)), dice.choice((8, 9, 10)) * HOUR),
        skills=skills,
        breaks=(lunch, tea) if dice.random() < 0.3 else (lunch,),
        parts=tuple(PartCount(part, Decimal(dice.randint(0, 4))) for part in PARTS),
        district_ids=tuple(d for d in DISTRICTS if dice.random() < 0.8),
    )


def _visit(dice: random.Random, number: int, place: int, crews: int) -> VisitNeed:
    windows: tuple[Window, ...] = ()
    if dice.random() < 0.5:
        opens = dice.randint(0, 7) * HOUR
        windows = (Window(opens, opens + dice.choice((1, 2, 3)) * HOUR),)
        if dice.random() < 0.2:
            windows = (*windows, Window(opens + 4 * HOUR, opens + 5 * HOUR))
    priority = dice.choices(list(Priority), weights=(5, 10, 65, 20))[0]
    return VisitNeed(
        id=visit_id(number),
        job_id=UUID(int=number),
        place=place,
        windows=windows,
        priority=priority,
        service_s=dice.choice((1200, 1800, 3600, 5400)),
        setup_s=dice.choice((0, 300, 600)),
        skills=(Skill(code=dice.choice(CODES), level=dice.randint(1, 3)),) if dice.random() < 0.6 else (),
        parts=(PartCount(dice.choice(PARTS), Decimal(dice.randint(1, 2))),) if dice.random() < 0.3 else (),
        district_ids=(dice.choice(DISTRICTS),) if dice.random() < 0.5 else (),
        crew_id=crew_id(dice.randrange(crews)) if dice.random() < 0.05 else None,
        lock=_lock(dice, crews) if dice.random() < 0.1 else None,
        due_s=dice.randint(1, 8) * HOUR if dice.random() < 0.2 else None,
        released_s=HOUR if dice.random() < 0.05 else 0,
    )


def _lock(dice: random.Random, crews: int) -> Lock:
    kind = dice.choice(list(LockKind))
    at = dice.randint(1, 6) * HOUR
    span = {LockKind.TIME_RANGE: Window(at, at + 2 * HOUR), LockKind.RESOURCE: None}.get(kind, Window(at, at))
    who = crew_id(dice.randrange(crews)) if kind in (LockKind.RESOURCE, LockKind.BOTH) else None
    return Lock(kind=kind, crew_id=who, at=span)


def _later(lock: Lock | None, passed: int) -> Lock | None:
    if lock is None or lock.at is None:
        return lock
    return replace(lock, at=Window(lock.at.from_s - passed, lock.at.to_s - passed))
