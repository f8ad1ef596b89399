"""A board told to a routing solver in numbers, and its answer put back on the board.

Skills, levels, territories, private skills and locks all come down to "who may do it": each distinct set of crews is one skill of
the solver. Parts are amounts that a van begins with. Owns the translation; the solver runs elsewhere (`geo.planning.solver_process`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from geo.planning.board import Board, State, is_store, store_item
from geo.planning.problem import FOREVER
from geo.planning.solver_task import Method, SolverAnswer, SolverBreak, SolverJob, SolverTask, SolverVehicle
from geo.planning.territories import Territory
from mobile_contract.schema.base import Priority

# What stands must not be given up for what is new.
STANDING_PRIORITY: Final = 100
_PRIORITY: Final = {Priority.EMERGENCY: 90, Priority.URGENT: 60, Priority.NORMAL: 10, Priority.LOW: 1}
# The solver's clock has 32 bits; ten years of seconds fit.
_HORIZON: Final = 300_000_000
# More of a part than any crew uses on a day.
_PLENTY: Final = 1_000_000_000
# The vehicle of a crew that begins at store k has the number of the crew plus k + 1 times this.
_BY_STORE: Final = 100_000


class Solver(Protocol):
    """Whoever answers tasks."""

    def solve(self, task: SolverTask) -> SolverAnswer:
        """Answer a task; what went wrong is told in `fault`."""
        ...


class Effort(Struct, frozen=True, kw_only=True):
    """How a solver is asked: seconds, how it searches, whether it begins with the rows that stand, who must keep what."""

    limit_s: float
    method: Method = Method.VROOM
    level: int = 1
    polish: bool = False
    warm: bool = False
    keep_crews: bool = False
    standing: frozenset[int] = frozenset()
    by_cpu: bool = False
    seed: int = 1


def route(board: Board, solver: Solver, part: Territory, effort: Effort) -> str | None:
    """Plan the rows of some crews behind their heads: their visits and those given; None, or why the solver has no answer.

    Visits that were in a row and find no place in the answer refuse the whole answer where they are in `effort.standing`.
    """
    # A row with a stop at a store stays as it is: the solver knows no way to fetch what is missing.
    open_crews = [c for c in part.crews if board.ready[c] < FOREVER and not any(map(is_store, board.rows[c]))]
    mine = [item for crew in open_crews for item in board.rows[crew][board.heads[crew] :] if item >= 0]
    wanted = [*mine, *(v for v in part.visits if v not in mine)]
    if not wanted or not open_crews:
        return None
    answer = solver.solve(_task(board, wanted, open_crews, effort))
    if answer.fault is not None:
        return answer.fault
    if effort.standing & set(answer.unassigned):
        return "the solver gave up visits that stand"
    before = board.copy_rows()
    for crew in open_crews:
        board.rows[crew] = [*board.rows[crew][: board.heads[crew]], *_row(answer, crew)]
        whole = set(board.due_breaks(crew)) <= set(board.rows[crew]) and board.walk(crew, board.rows[crew]) is not None
        if not whole and not _repair_breaks(board, crew):
            board.rows = before
            return "the solver's rows cannot be timed"
    return None


def _row(answer: SolverAnswer, crew: int) -> list[int]:
    """Take a crew's row from the answer, with the stop at a store where it begins there."""
    for id, row in answer.rows.items():
        if id % _BY_STORE == crew and any(item >= 0 for item in row):
            return [*([store_item(id // _BY_STORE - 1)] if id >= _BY_STORE else []), *row]
    return list(answer.rows.get(crew, ()))


def _repair_breaks(board: Board, crew: int) -> bool:
    """Put the breaks in anew: the solver leaves those out that come after all work, or when there is none."""
    head = board.rows[crew][: board.heads[crew]]
    rest = [item for item in board.rows[crew] if item >= 0]
    row = board.with_breaks(crew, rest)
    if row is None or row[: len(head)] != head:
        return False
    board.rows[crew] = row
    return True


def _task(board: Board, wanted: Sequence[int], crews: Sequence[int], effort: Effort) -> SolverTask:
    heads = {crew: board.states(crew, board.rows[crew][: board.heads[crew]])[-1] for crew in crews}
    parts = sorted({part for v in wanted for part, _ in board.needs[v]}, key=lambda part: part.hex)
    skills: dict[frozenset[int], int] = {}
    jobs = []
    for visit in wanted:
        able = frozenset(crew for crew in crews if _able(board, crew, visit, effort))
        need = board.visits[visit]
        amounts = dict(board.needs[visit])
        jobs.append(
            SolverJob(
                id=visit,
                place=need.place,
                service=need.service_s,
                setup=need.setup_s,
                skills=(skills.setdefault(able, len(skills)),),
                priority=STANDING_PRIORITY if visit in effort.standing else _PRIORITY[need.priority],
                windows=_windows(board, visit) or ((_HORIZON, _HORIZON),),
                amounts=tuple(amounts.get(part, 0) for part in parts),
            )
        )
    vehicles = []
    for crew in crews:
        mine = tuple(id for able, id in skills.items() if crew in able)
        steps = _steps(board, crew, jobs) if effort.warm else ()
        base = SolverVehicle(
            id=crew,
            crew=crew,
            start=heads[crew].at,
            end=board.crews[crew].end,
            opens=heads[crew].clock,
            closes=max(heads[crew].clock, min(board.crews[crew].shift.to_s, _HORIZON)),
            skills=mine,
            capacity=tuple(min(heads[crew].van.get(part, 0), _PLENTY) for part in parts),
            breaks=_breaks(board, crew, heads[crew]),
            steps=steps,
        )
        vehicles.append(base)
        if parts:
            vehicles += _by_store(board, base, heads[crew], parts)
    ways = np.array(board.ways, dtype="<u4")
    return SolverTask(
        jobs=tuple(jobs),
        vehicles=tuple(vehicles),
        ways=ways.tobytes(),
        size=len(ways),
        limit_s=effort.limit_s,
        method=effort.method,
        level=effort.level,
        polish=effort.polish,
        by_cpu=effort.by_cpu,
        seed=effort.seed,
    )


def _by_store(board: Board, base: SolverVehicle, head: State, parts: Sequence[UUID]) -> list[SolverVehicle]:
    """Give the ways of a crew to begin at a store that is open when it comes there."""
    found = []
    for number, store in enumerate(board.problem.stores):
        done = board.step(base.crew, head, store_item(number))
        if done is None or not set(parts) & set(store.part_ids):
            continue
        clock = done[1].clock
        held = dict(zip(parts, base.capacity, strict=True))
        capacity = tuple(_PLENTY if part in store.part_ids else held[part] for part in parts)
        breaks = tuple(replace(b, opens=max(b.opens, clock), closes=b.closes) for b in base.breaks)
        if clock < base.closes and all(b.opens <= b.closes for b in breaks):
            found.append(
                replace(
                    base,
                    id=base.crew + _BY_STORE * (number + 1),
                    start=store.place,
                    opens=clock,
                    capacity=capacity,
                    breaks=breaks,
                    steps=(),
                    fixed_cost=board.ways[head.at][store.place],
                )
            )
    return found


def _steps(board: Board, crew: int, jobs: Sequence[SolverJob]) -> tuple[int, ...]:
    """Give the row to begin with; none where the solver knows less of the crew's skills than the row needs."""
    wanted = {job.id for job in jobs}
    row = board.rows[crew][board.heads[crew] :]
    shift_s = min(board.crews[crew].shift.to_s, FOREVER)
    usable = all(item < 0 or (item in wanted and board.fit_until(crew, item) >= shift_s) for item in row)
    return tuple(row) if usable else ()


def _able(board: Board, crew: int, visit: int, effort: Effort) -> bool:
    """Tell whether a crew may do a visit at any time of its shift; in a repair that changes no hands, only who has it."""
    if effort.keep_crews and visit in effort.standing and visit not in board.rows[crew]:
        return False
    return board.fit_until(crew, visit) >= min(board.crews[crew].shift.to_s, FOREVER)


def _breaks(board: Board, crew: int, head: State) -> tuple[SolverBreak, ...]:
    taken = set(board.rows[crew][: board.heads[crew]])
    due = []
    for item in board.due_breaks(crew):
        if item not in taken:
            opens, closes = board.break_span(crew, item)
            duration = board.crews[crew].breaks[-1 - item].duration_s
            due.append(SolverBreak(-1 - item, max(opens, head.clock), max(closes, head.clock), duration))
    return tuple(due)


def _windows(board: Board, visit: int) -> tuple[tuple[int, int], ...]:
    floor, latest = board.floor[visit], min(board.latest[visit], _HORIZON)
    cut = [(max(opens, floor), min(closes, latest)) for opens, closes in board.windows[visit]]
    return tuple((opens, closes) for opens, closes in cut if opens <= closes)
