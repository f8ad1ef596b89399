"""Cheapest insertion in plain Python: one urgent visit into a running day within milliseconds, and a whole plan where no solver is there.

Owns the search and its cost terms. Moves nothing that is frozen, locked or pinned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Final

from msgspec import Struct

from geo.planning.board import Board, State, is_store, store_item
from geo.planning.problem import FOREVER, VisitNeed
from mobile_contract.schema.base import Priority

URGENCY: Final = {priority: rank for rank, priority in enumerate(Priority)}
_PRESSING: Final = {Priority.EMERGENCY: 1.0, Priority.URGENT: 0.5}


class CostTerms(Struct, frozen=True, kw_only=True):
    """What an insertion costs, in seconds: more driving, waiting of the one who called, later begins of others, being overdue."""

    travel_s: float
    response_s: float = 0.0
    delay_s: float = 0.0
    overdue_s: float = 0.0
    displaced_s: float = 0.0

    @property
    def total_s(self) -> float:
        """Add the terms."""
        return self.travel_s + self.response_s + self.delay_s + self.overdue_s + self.displaced_s


class Insertion(Struct, frozen=True, kw_only=True):
    """A way to put a visit into a row: the row afterwards, when it begins, what it costs, whom it puts out."""

    crew: int
    row: tuple[int, ...]
    begin_s: int
    cost: CostTerms
    displaced: tuple[int, ...] = ()


def order_of(visit: VisitNeed) -> tuple[int, int, int, str]:
    """Order visits for insertion: the most urgent first, then by due time and the end of their windows, then by id."""
    closes = max((w.to_s for w in visit.windows), default=FOREVER)
    if visit.lock is not None and visit.lock.at is not None:
        closes = min(closes, visit.lock.at.to_s)
    return (URGENCY[visit.priority], FOREVER if visit.due_s is None else visit.due_s, closes, visit.id.hex)


def insertions(board: Board, visit: int, crews: Iterable[int] | None = None) -> Iterator[Insertion]:
    """Yield the best way to put a visit into each row that takes it; stops at a store are tried where the van lacks a part."""
    for crew in _able(board, visit, crews):
        found = _into(board, crew, visit, board.rows[crew])
        if found is not None:
            yield found


def cheapest(board: Board, visit: int, crews: Iterable[int] | None = None) -> Insertion | None:
    """Find the cheapest way to put a visit into a row; the first crew wins a tie. None where no row takes it."""
    best: Insertion | None = None
    for crew in _able(board, visit, crews):
        bound_s = inf if best is None else best.cost.total_s
        best = _into(board, crew, visit, board.rows[crew], bound_s=bound_s) or best
    return best


def _able(board: Board, visit: int, crews: Iterable[int] | None) -> Iterator[int]:
    for crew in range(len(board.rows)) if crews is None else crews:
        if board.ready[crew] < FOREVER and board.fit_until(crew, visit) >= 0:
            yield crew


def take(board: Board, found: Insertion) -> None:
    """Put the visit in as found."""
    board.rows[found.crew] = list(found.row)


def insert_all(board: Board, visits: Iterable[int]) -> list[int]:
    """Insert visits one by one, the most urgent first; give those that no row takes.

    Who cannot be reached before being due is tried again without that limit, and told as late.
    """
    left = []
    for visit in sorted(visits, key=lambda v: order_of(board.visits[v])):
        found = cheapest(board, visit) or _late(board, visit)
        if found is None:
            left.append(visit)
        else:
            take(board, found)
    return left


def displace(board: Board, visit: int, *, kept: frozenset[int] = frozenset()) -> Insertion | None:
    """Find the cheapest way to put an urgent visit in by taking one less urgent visit out, which is neither frozen, locked nor kept."""
    mine = board.visits[visit]
    best: Insertion | None = None
    for crew, row in enumerate(board.rows):
        if board.fit_until(crew, visit) < 0:
            continue
        for at in range(board.heads[crew], len(row)):
            other = row[at]
            if other < 0 or is_store(other) or other in kept or not _gives_way(mine, board.visits[other]):
                continue
            found = _into(board, crew, visit, row[:at] + row[at + 1 :])
            if found is None:
                continue
            cost = found.cost.total_s + board.problem.policy.displaced_s
            if best is None or cost < best.cost.total_s:
                terms = CostTerms(
                    travel_s=found.cost.travel_s,
                    response_s=found.cost.response_s,
                    delay_s=found.cost.delay_s,
                    overdue_s=found.cost.overdue_s,
                    displaced_s=board.problem.policy.displaced_s,
                )
                best = Insertion(crew=crew, row=found.row, begin_s=found.begin_s, cost=terms, displaced=(other,))
    return best


def _gives_way(urgent: VisitNeed, other: VisitNeed) -> bool:
    linked = other.together_with is not None or other.lock is not None
    return not linked and URGENCY[other.priority] > URGENCY[urgent.priority]


def _late(board: Board, visit: int) -> Insertion | None:
    """Try again without the due time; it stays lifted where that helps."""
    due, need_due_s = board.latest[visit], board.visits[visit].due_s
    # What was due before now has its limit at now: no begin can be in the past.
    if due >= FOREVER or need_due_s is None or max(0, need_due_s) != due:
        return None
    board.latest[visit] = FOREVER
    found = cheapest(board, visit)
    if found is None:
        board.latest[visit] = due
        return None
    board.late.add(visit)
    return found


def _into(board: Board, crew: int, visit: int, row: Sequence[int], *, bound_s: float = inf) -> Insertion | None:
    """Find the best place in one row that costs less than a bound, with a stop at a store before it where only that helps."""
    spots = _Spots(row, board.states(crew, row), bound_s)
    best = _best_place(board, crew, (visit,), spots)
    if best is None and board.needs[visit]:
        for number, store in enumerate(board.problem.stores):
            if any(part in store.part_ids for part, _ in board.needs[visit]):
                found = _best_place(board, crew, (store_item(number), visit), spots)
                if found is not None and (best is None or found.cost.total_s < best.cost.total_s):
                    best = found
    return best


class _Spots(Struct, frozen=True):
    """A row, the states before each item and after the last, and what a place in it may cost."""

    row: Sequence[int]
    states: list[State]
    bound_s: float


def _best_place(board: Board, crew: int, added: tuple[int, ...], spots: _Spots) -> Insertion | None:
    row, states = spots.row, spots.states
    best: Insertion | None = None
    best_s = spots.bound_s
    # From the end: whoever comes last delays nobody, which soon bounds the rest.
    for at in range(len(row), board.heads[crew] - 1, -1):
        travel_s = _detour_s(board, crew, added, (row, at, states[at].at))
        if travel_s >= best_s:
            continue
        timed = board.walk(crew, [*added, *row[at:]], states[at])
        if timed is None:
            continue
        visit = timed[len(added) - 1]
        delay = 0
        for after, before in zip(timed[len(added) :], states[at + 1 :], strict=True):
            delay += after.end_s - before.clock if after.item >= 0 else 0
        cost = _cost(board, added[-1], travel_s, (visit.begin_s, max(0, delay)))
        if cost.total_s < best_s:
            best_s = cost.total_s
            new_row = (*row[:at], *added, *row[at:])
            best = Insertion(crew=crew, row=new_row, begin_s=visit.begin_s, cost=cost)
    return best


def _cost(board: Board, visit: int, travel_s: float, begin_and_delay: tuple[int, int]) -> CostTerms:
    policy, need = board.problem.policy, board.visits[visit]
    begin_s, delay_s = begin_and_delay
    overdue_s = 0 if need.due_s is None else max(0, begin_s - need.due_s)
    return CostTerms(
        travel_s=travel_s,
        response_s=policy.response_weight * _PRESSING.get(need.priority, 0.0) * begin_s,
        delay_s=policy.delay_weight * delay_s,
        overdue_s=policy.overdue_weight * overdue_s,
    )


def _detour_s(board: Board, crew: int, added: tuple[int, ...], spot: tuple[Sequence[int], int, int]) -> int:
    """Measure how much more driving there is when items are added at a spot of a row."""
    row, at, place = spot
    following = next((_place(board, item) for item in row[at:] if item >= 0), board.crews[crew].end)
    here, driven = place, 0
    for item in added:
        there = _place(board, item)
        driven += board.ways[here][there]
        here = there
    if following is not None:
        driven += board.ways[here][following] - board.ways[place][following]
    return driven


def _place(board: Board, item: int) -> int:
    return board.problem.stores[item - store_item(0)].place if is_store(item) else board.visits[item].place
