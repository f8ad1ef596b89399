"""Measures an urgent visit coming into a running day of 200 visits and 25 crews: how long insertion takes, how much changes."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from geo.coordinates import LonLat
from geo.planning.checker import check
from geo.planning.measure import changed, planned_visits
from geo.planning.planners import InsertionPlanner
from geo.planning.problem import Break, CrewDay, PartCount, Problem, VisitNeed, Ways, Window
from geo.planning.repair import insert_urgently, repair, stand
from geo.planning.solver_process import SolverProcess
from geo.travel import GreatCircleTravel
from mobile_contract.schema.base import Priority, Skill

_NOW: Final = datetime(2026, 3, 3, 9, tzinfo=UTC)
_TRADES: Final = ("pipe", "gas", "meter")
_VALVE: Final = UUID(int=0x90)


class UrgentTimes(Struct, frozen=True, kw_only=True):
    """Milliseconds of the insertion alone (processor time), shares of standing visits that changed, broken rules in all."""

    leaks: int
    visits: int
    crews: int
    median_ms: float
    greatest_ms: float
    whole_repair_ms: float
    most_changed_by_insertion: float
    most_changed_by_repair: float
    unserved: int
    broken: int


def running_day(visits: int = 200, crews: int = 25, *, seed: int = 1) -> Problem:
    """Draw a planned day: every crew at work, a plan by insertion that stands."""
    dice = random.Random(seed)
    places = [LonLat(-20 + dice.uniform(0, 0.25), 45 + dice.uniform(0, 0.2)) for _ in range(visits + crews + 40)]
    people = tuple(
        CrewDay(
            crew_id=UUID(int=0xC0 + n),
            start=visits + n,
            shift=Window(0, 9 * 3600),
            skills=tuple(Skill(code=t, level=dice.randint(1, 3)) for t in _TRADES if n % 3 == 0 or dice.random() < 0.8),
            breaks=(Break(3 * 3600, 5 * 3600, 1800),),
            parts=(PartCount(_VALVE, Decimal(4)),),
        )
        for n in range(crews)
    )
    needs = tuple(_need(dice, n) for n in range(visits))
    ways = Ways.between(GreatCircleTravel(), places, _NOW)
    empty = Problem(now=_NOW, places=tuple(places), ways=ways, visits=needs, crews=people)
    standing = planned_visits(InsertionPlanner().plan(empty, limit_s=1.0))
    return replace(empty, current=tuple(standing.values()))


def with_leak(problem: Problem, number: int) -> tuple[Problem, VisitNeed]:
    """Add an urgent leak at one of the places that nobody visits."""
    place = len(problem.places) - 1 - number % 40
    leak = VisitNeed(
        id=UUID(int=0xFEE0 + number),
        job_id=UUID(int=0xFEE0 + number),
        place=place,
        priority=Priority.EMERGENCY,
        service_s=3600,
        skills=(Skill(code="pipe", level=1 + number % 2),),
        parts=(PartCount(_VALVE, Decimal(1)),),
        due_s=2 * 3600,
    )
    return replace(problem, visits=(*problem.visits, leak)), leak


def urgent_times(leaks: int = 40) -> UrgentTimes:
    """Insert leaks one by one into the same day, by insertion and by the whole repair."""
    day = running_day()
    spent, whole, by_insertion, by_repair = [], [], [], []
    broken = unserved = 0
    with SolverProcess() as solver:
        for number in range(leaks):
            problem, _ = with_leak(day, number)
            board = stand(problem)
            leak = len(problem.visits) - 1
            begun = time.process_time()
            insert_urgently(board, [leak])
            spent.append(1000 * (time.process_time() - begun))
            plan = board.to_plan(planners=["insertion"])
            by_insertion.append(changed(problem, plan) / len(problem.current))
            broken += len(check(problem, plan))
            unserved += problem.visits[leak].id in plan.unassigned
            if number % 8 == 0:
                begun = time.perf_counter()
                better = repair(problem, solver, limit_s=2.0)
                whole.append(1000 * (time.perf_counter() - begun))
                by_repair.append(changed(problem, better) / len(problem.current))
                broken += len(check(problem, better))
    return UrgentTimes(
        leaks=leaks,
        visits=len(day.visits),
        crews=len(day.crews),
        median_ms=round(sorted(spent)[len(spent) // 2], 2),
        greatest_ms=round(max(spent), 2),
        whole_repair_ms=round(sorted(whole)[len(whole) // 2], 1),
        most_changed_by_insertion=max(by_insertion),
        most_changed_by_repair=max(by_repair),
        unserved=unserved,
        broken=broken,
    )


def _need(dice: random.Random, number: int) -> VisitNeed:
    opens = dice.randint(0, 6) * 3600
    return VisitNeed(
        id=UUID(int=0xA000 + number),
        job_id=UUID(int=0xA000 + number),
        place=number,
        windows=(Window(opens, opens + 3 * 3600),) if dice.random() < 0.5 else (),
        priority=dice.choices(list(Priority), weights=(1, 5, 74, 20))[0],
        service_s=dice.choice((1200, 1800, 2700)),
        setup_s=300,
        skills=(Skill(code=dice.choice(_TRADES), level=dice.randint(1, 2)),) if dice.random() < 0.6 else (),
        parts=(PartCount(_VALVE, Decimal(1)),) if dice.random() < 0.2 else (),
    )
