"""Plays random days through all planners before the checker. Owns what a played day is; the dice are `days`."""

from __future__ import annotations

import time
from collections.abc import Iterator

from msgspec import Struct

from geo.planning.checker import check
from geo.planning.plan import Plan
from geo.planning.planners import InsertionPlanner, RoutingPlanner
from geo.planning.problem import Problem
from geo.planning.repair import repair
from geo.planning.routing import Solver
from tests.geo.planning.days import midday, morning, urgent


class Played(Struct, frozen=True, kw_only=True):
    """A plan of a random day and what the checker found."""

    seed: int
    kind: str
    visits: int
    unassigned: int
    broken: tuple[str, ...]


def play(seed: int, solver: Solver | None = None) -> Iterator[Played]:
    """Plan a day in the morning, repair it at midday, again with a leak, and plan midday anew; with a solver by VROOM, too."""
    day, later = morning(seed), midday(seed)
    with_leak, _ = urgent(later)
    yield _played(seed, "morning", day, InsertionPlanner().plan(day, limit_s=1.0))
    yield _played(seed, "midday, repaired", later, repair(later))
    yield _played(seed, "midday with a leak", with_leak, repair(with_leak))
    yield _played(seed, "midday, anew", later, InsertionPlanner().plan(later, limit_s=1.0))
    if solver is not None:
        routing = RoutingPlanner(solver, polish=False)
        yield _played(seed, "morning, VROOM", day, routing.plan(day, limit_s=3.0))
        yield _played(seed, "midday, repaired with VROOM", with_leak, repair(with_leak, solver, limit_s=3.0))


def play_many(first: int, days: int, *, until: float, solver: Solver | None = None) -> Iterator[Played]:
    """Play days one after the other, at least one, until a reading of the monotonic clock."""
    for seed in range(first, first + days):
        yield from play(seed, solver)
        if time.monotonic() > until:
            return


def _played(seed: int, kind: str, problem: Problem, plan: Plan) -> Played:
    broken = tuple(f"{b.rule} crew={b.crew_id} visit={b.visit_id}" for b in check(problem, plan))
    return Played(seed=seed, kind=kind, visits=len(problem.visits), unassigned=len(plan.unassigned), broken=broken)
