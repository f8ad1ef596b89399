"""The planners behind the port: own insertion, VROOM, and PyVRP where it is installed. Owns the order of work of a day plan.

A day is planned in tiers: what is frozen stays, what is locked or urgent is planned first and then pinned, the rest around it.
Large problems are split by territory. What no row takes is tried once more one by one, with stores and with late arrival.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

from msgspec.structs import replace

from geo.planning.board import Board
from geo.planning.freezing import freeze, open_waiting
from geo.planning.insertion import insert_all
from geo.planning.linking import plan_linked
from geo.planning.plan import Plan
from geo.planning.problem import FOREVER, Problem
from geo.planning.routing import Effort, Solver, route
from geo.planning.solver_task import Method
from geo.planning.territories import territories
from mobile_contract.schema.base import Priority

INSERTION: Final = "insertion"
_FIRST: Final = frozenset({Priority.EMERGENCY, Priority.URGENT})


class InsertionPlanner:
    """Own cheapest insertion: a plan within milliseconds, explainable, never far from what stands."""

    name = INSERTION

    def plan(self, problem: Problem, *, limit_s: float) -> Plan:
        """Plan a problem; the limit is never needed."""
        return _plan(problem, None, Effort(limit_s=0.0))


class RoutingPlanner:
    """A day plan by a routing solver in its own process; whatever it has no answer for is left to insertion, and noted."""

    def __init__(
        self, solver: Solver, *, method: Method = Method.VROOM, polish: bool = True, by_cpu: bool = False
    ) -> None:
        self.name = str(method)
        self._solver = solver
        self._effort = Effort(limit_s=1.0, method=method, polish=polish, by_cpu=by_cpu)

    def plan(self, problem: Problem, *, limit_s: float) -> Plan:
        """Plan a problem within a limit of seconds, shared by tiers and territories."""
        return _plan(problem, self._solver, replace(self._effort, limit_s=limit_s))


def pyvrp_is_there() -> bool:
    """Tell whether the optional PyVRP is installed."""
    return find_spec("pyvrp") is not None


def _plan(problem: Problem, solver: Solver | None, effort: Effort) -> Plan:
    board = Board(problem)
    freeze(board)
    followers = {i for i, v in enumerate(problem.visits) if v.together_with in board.number}
    reliefs = {board.number[c.waits_for] for c in problem.crews if c.waits_for in board.number}
    free = [i for i in range(len(problem.visits)) if i not in board.planned() and i not in followers]
    first = [i for i in free if problem.visits[i].priority in _FIRST or problem.visits[i].lock or i in reliefs]
    rest = [i for i in free if i not in set(first)]
    notes: list[str] = []
    share = 0.2 if first and rest else 1.0
    _tier(board, solver, first, (replace(effort, limit_s=effort.limit_s * share), notes))
    pin(board)
    open_waiting(board)
    share = 1.0 - share if first and rest else 1.0
    kept = replace(effort, limit_s=effort.limit_s * share, keep_crews=True, standing=frozenset(board.planned()))
    _tier(board, solver, rest, (kept, notes))
    put_out = plan_linked(board)
    left = [i for i in free if i not in board.planned()]
    insert_all(board, dict.fromkeys([*put_out, *left]))
    drop_lonely(board)
    planners = [INSERTION] if solver is None else [str(effort.method), INSERTION]
    return board.to_plan(planners=planners, notes=notes)


def pin(board: Board) -> None:
    """Let nothing that is planned so far begin later than now planned."""
    for visit, (_, begin_s) in board.begins().items():
        board.latest[visit] = min(board.latest[visit], begin_s)


def drop_lonely(board: Board) -> None:
    """Take out visits whose second crew was not found."""
    planned = board.planned()
    for follower, visit in enumerate(board.visits):
        leader = board.number.get(visit.together_with) if visit.together_with else None
        if leader is not None and (follower in planned) != (leader in planned):
            for lonely in {follower, leader} & planned:
                for crew, row in enumerate(board.rows):
                    if lonely in row:
                        board.rows[crew] = [item for item in row if item != lonely]
                        board.heads[crew] -= int(row.index(lonely) < board.heads[crew])


def _tier(
    board: Board, solver: Solver | None, visits: Sequence[int], effort_and_notes: tuple[Effort, list[str]]
) -> None:
    """Plan some visits around what stands."""
    if not visits:
        return
    effort, notes = effort_and_notes
    if solver is not None:
        crews = [c for c in range(len(board.crews)) if board.ready[c] < FOREVER]
        parts = territories(board, visits, crews)
        for part in parts:
            fault = route(board, solver, part, replace(effort, limit_s=effort.limit_s / len(parts)))
            if fault is not None:
                notes.append(fault)
    insert_all(board, [v for v in visits if v not in board.planned()])
