"""Visits that begin together with different crews: the linked second pass. Owns that pass only."""

from __future__ import annotations

from geo.planning.board import Board
from geo.planning.freezing import due_or_never
from geo.planning.insertion import Insertion, cheapest, insertions, take


def plan_linked(board: Board) -> list[int]:
    """Bring in the second visit of each pair at the time of the first, or both anew; give visits put out on the way.

    Where no time suits both, neither is planned: one crew alone would wait in vain.
    """
    put_out: list[int] = []
    for follower, visit in enumerate(board.visits):
        leader = board.number.get(visit.together_with) if visit.together_with else None
        planned = board.planned()
        if leader is None or (follower in planned and leader in planned):
            continue
        if follower in planned:
            put_out += remove(board, follower)
        if leader in planned and _join(board, leader, follower):
            continue
        if leader in board.planned():
            put_out += remove(board, leader)
        _free(board, leader)
        _free(board, follower)
        _both(board, leader, follower)
    return [v for v in put_out if v not in board.planned()]


def remove(board: Board, visit: int) -> list[int]:
    """Take a visit out of its row, and what cannot stay there without it; give the latter."""
    put_out = []
    for crew, row in enumerate(board.rows):
        if visit not in row:
            continue
        rest = [item for item in row if item != visit]
        if row.index(visit) < board.heads[crew]:
            board.heads[crew] -= 1
        while board.walk(crew, rest) is None and any(item >= 0 for item in rest):
            last = max(at for at, item in enumerate(rest) if item >= 0)
            put_out.append(rest.pop(last))
        board.rows[crew] = rest
    return [v for v in put_out if v < len(board.visits)]


def _join(board: Board, leader: int, follower: int) -> bool:
    """Bring a second crew to a visit that stands; both are then fixed to its time."""
    crew, begin_s = board.begins()[leader]
    _fix(board, leader, begin_s)
    if not _fix(board, follower, begin_s):
        return False
    found = cheapest(board, follower, [c for c in range(len(board.rows)) if c != crew])
    if found is None:
        return False
    take(board, found)
    return True


def _both(board: Board, leader: int, follower: int) -> bool:
    """Find the cheapest time at which two crews can begin; neither is planned where there is none."""
    times = {i.begin_s for v in (leader, follower) for i in insertions(board, v)}
    best: tuple[float, int, Insertion] | None = None
    for begin_s in sorted(times):
        if not (_fix(board, leader, begin_s) and _fix(board, follower, begin_s)):
            _free(board, leader)
            _free(board, follower)
            continue
        for first in list(insertions(board, leader)):
            others = [c for c in range(len(board.rows)) if c != first.crew]
            second = cheapest(board, follower, others)
            if second is not None:
                cost = first.cost.total_s + second.cost.total_s
                if best is None or cost < best[0]:
                    best = (cost, begin_s, first)
        _free(board, leader)
        _free(board, follower)
    if best is None:
        return False
    _fix(board, leader, best[1])
    _fix(board, follower, best[1])
    take(board, best[2])
    second = cheapest(board, follower, [c for c in range(len(board.rows)) if c != best[2].crew])
    if second is not None:
        take(board, second)
    return second is not None


def _fix(board: Board, visit: int, begin_s: int) -> bool:
    """Let a visit begin at this second and no other; false where its own limits forbid that."""
    if not board.floor[visit] <= begin_s <= board.latest[visit]:
        return False
    board.floor[visit] = board.latest[visit] = begin_s
    return True


def _free(board: Board, visit: int) -> None:
    board.floor[visit] = max(0, board.visits[visit].released_s)
    board.latest[visit] = due_or_never(board, visit)
