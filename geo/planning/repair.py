"""Repair of a running day: insertion, then a re-solve in which no visit changes hands, then a warm start; never from scratch.

Owns the choice between the three: a later one counts only where it is better and changes few visits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final
from uuid import UUID

from geo.planning.board import Board
from geo.planning.freezing import freeze, linked_visits, open_waiting, restore
from geo.planning.insertion import URGENCY, cheapest, displace, insert_all, order_of, take
from geo.planning.linking import plan_linked
from geo.planning.measure import changed, cost_of
from geo.planning.plan import Plan
from geo.planning.planners import INSERTION, drop_lonely
from geo.planning.problem import FOREVER, Problem
from geo.planning.routing import Effort, Solver, route
from geo.planning.territories import Territory, territories
from mobile_contract.schema.base import Priority

_PRESSING: Final = frozenset({Priority.EMERGENCY, Priority.URGENT})
# What a change costs beside driving: a customer is called, a crew is told.
_CHANGE_S: Final = 600


class RepairPlanner:
    """Repair behind the port; without a solver insertion alone."""

    name = "repair"

    def __init__(self, solver: Solver | None = None) -> None:
        self._solver = solver

    def plan(self, problem: Problem, *, limit_s: float = 1.0) -> Plan:
        """Repair the standing plan: what fell out of it and what is new gets a place, the rest stays where that is possible."""
        return repair(problem, self._solver, limit_s=limit_s)


def repair(problem: Problem, solver: Solver | None = None, *, limit_s: float = 1.0) -> Plan:
    """Repair the standing plan within a limit of seconds; see `RepairPlanner.plan`."""
    board = stand(problem)
    insert_urgently(board, [v for v in range(len(problem.visits)) if v not in board.planned()])
    best = board.to_plan(planners=[INSERTION])
    if solver is None:
        return best
    notes: list[str] = []
    for stage, keep in (("pinned", True), ("warm", False)):
        rows = board.copy_rows()
        notes += _resolve(board, solver, keep_crews=keep, limit_s=limit_s / 2)
        try:
            trial = board.to_plan(planners=[INSERTION, stage])
        except LookupError:
            board.rows = rows
            continue
        if _better(problem, trial, best):
            best = trial
        else:
            board.rows = rows
    noted = board.to_plan(planners=best.planners, notes=notes)
    return noted if noted.routes == best.routes else best


def insert_only(problem: Problem, visit_ids: Collection[UUID]) -> Plan:
    """Insert some visits into the standing plan and leave everything else as it is, what has fallen out of it too."""
    board = stand(problem)
    insert_urgently(board, [board.number[id] for id in visit_ids if board.number[id] not in board.planned()])
    return board.to_plan(planners=[INSERTION])


def stand(problem: Problem) -> Board:
    """Lay out the standing plan as far as it can still be done: frozen heads, then the rest, crews that wait for relief last."""
    board = Board(problem)
    freeze(board)
    restore(board)
    reliefs = {board.number[c.waits_for] for c in problem.crews if c.waits_for in board.number}
    if reliefs:
        insert_urgently(board, reliefs - board.planned())
        open_waiting(board)
        restore(board)
    drop_lonely(board)
    return board


def insert_urgently(board: Board, visits: Iterable[int]) -> list[int]:
    """Insert visits, the most urgent first; a pressing one that nobody can take in time puts out a less urgent one. Give what is left.

    Visits that belong together are planned in pairs.
    """
    wanted = sorted(set(visits), key=lambda v: order_of(board.visits[v]))
    linked = linked_visits(board)
    put_out: list[int] = []
    for visit in wanted:
        if visit in linked:
            continue
        found = cheapest(board, visit)
        if found is None and board.visits[visit].priority in _PRESSING:
            found = displace(board, visit, kept=frozenset(linked))
        if found is not None:
            put_out += found.displaced
            take(board, found)
    put_out += plan_linked(board)
    again = dict.fromkeys([*put_out, *(v for v in wanted if v not in linked)])
    return insert_all(board, [v for v in again if v not in board.planned()])


def _resolve(board: Board, solver: Solver, *, keep_crews: bool, limit_s: float) -> list[str]:
    standing = frozenset(board.planned())
    # Pairs are the business of the linked pass.
    left = [v for v in range(len(board.visits)) if v not in standing and v not in linked_visits(board)]
    crews = [c for c in range(len(board.crews)) if board.ready[c] < FOREVER]
    parts = territories(board, [*sorted(standing), *left], crews)
    notes = []
    for part in parts:
        # Which visits a part has follows from its crews: a row is never cut in two.
        effort = Effort(limit_s=limit_s / len(parts), warm=True, keep_crews=keep_crews, standing=standing)
        mine = tuple(v for v in part.visits if v not in standing)
        fault = route(board, solver, Territory(mine, part.crews), effort)
        if fault is not None:
            notes.append(fault)
    return notes


def _better(problem: Problem, trial: Plan, best: Plan) -> bool:
    """Tell whether a trial is better and changes few of the standing visits."""
    allowed = max(changed(problem, best), int(problem.policy.most_changed * len(problem.current)))
    return changed(problem, trial) <= allowed and _rank(problem, trial) < _rank(problem, best)


def _rank(problem: Problem, plan: Plan) -> tuple[int, int, float]:
    priority = {visit.id: visit.priority for visit in problem.visits}
    unserved = sum(10 ** (len(URGENCY) - 1 - URGENCY[priority[id]]) for id in plan.unassigned)
    cost = cost_of(problem, plan)
    seconds = cost.travel_s + problem.policy.overdue_weight * cost.overdue_s + _CHANGE_S * changed(problem, plan)
    return (unserved, cost.late, seconds)
