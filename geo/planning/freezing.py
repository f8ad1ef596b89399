"""What stays as it is when a plan is made anew: frozen heads, standing rows, crews that wait for relief.

Owns the freeze horizon. A frozen visit that can no longer be kept is let go, and the plan names it.
"""

from __future__ import annotations

from geo.planning.board import Board
from geo.planning.problem import FOREVER, Planned


def freeze(board: Board) -> None:
    """Begin each row with the visits that begin within the freeze horizon, in their order and not before their time; then breaks."""
    for crew in range(len(board.rows)):
        if board.ready[crew] >= FOREVER:
            continue
        items: list[int] = []
        for visit, standing in _standing(board, crew):
            if standing.begin_s >= board.problem.policy.freeze_s:
                break
            floor = board.floor[visit]
            board.floor[visit] = max(floor, standing.begin_s)
            # Being overdue is no reason to take it from the one who is about to go there.
            board.latest[visit] = FOREVER
            if board.fit_until(crew, visit) >= 0 and _kept(board, crew, [*items, visit]):
                items.append(visit)
            else:
                board.floor[visit], board.latest[visit] = floor, due_or_never(board, visit)
                board.released.append(visit)
        begin_row(board, crew, items)
    _keep_pairs(board)


def due_or_never(board: Board, visit: int) -> int:
    """Give the second by which a visit is due; never where it has no such limit."""
    due_s = board.visits[visit].due_s
    return FOREVER if due_s is None else max(0, due_s)


def begin_row(board: Board, crew: int, items: list[int]) -> None:
    """Set a row to frozen visits and all its breaks; the head ends with the last frozen visit."""
    row = board.with_breaks(crew, items)
    if row is None:
        # Not even its breaks fit into what is left of the shift: nobody can count on this crew.
        board.ready[crew] = FOREVER
        row = []
    board.rows[crew] = row
    board.heads[crew] = 1 + max((at for at, item in enumerate(row) if item >= 0), default=-1)


def restore(board: Board) -> None:
    """Put the standing plan behind the heads, as far as it can still be done.

    A visit begins at most `told_shift_s` before its standing time, since somebody was told when; one that belongs together with
    another begins exactly then. What falls out is in no row afterwards.
    """
    linked = linked_visits(board)
    for crew in range(len(board.rows)):
        if board.ready[crew] >= FOREVER:
            continue
        told = {visit: standing.begin_s for visit, standing in _standing(board, crew)}
        for visit, begin_s in told.items():
            if visit in board.rows[crew] or board.fit_until(crew, visit) < 0:
                continue
            limits = board.floor[visit], board.latest[visit]
            board.floor[visit] = max(limits[0], begin_s - board.problem.policy.told_shift_s)
            if visit in linked:
                board.floor[visit] = max(limits[0], begin_s)
                board.latest[visit] = min(limits[1], begin_s)
            row = _append(board, crew, visit, told)
            if row is None and visit not in linked and board.latest[visit] < FOREVER:
                # Late is better than let go: the plan says so.
                board.latest[visit] = FOREVER
                row = _append(board, crew, visit, told)
            if row is None:
                board.floor[visit], board.latest[visit] = limits
            else:
                board.rows[crew] = row


def linked_visits(board: Board) -> dict[int, int]:
    """Give, for each visit that belongs together with another, that other one."""
    pairs = {}
    for follower, visit in enumerate(board.visits):
        leader = board.number.get(visit.together_with) if visit.together_with else None
        if leader is not None:
            pairs[follower], pairs[leader] = leader, follower
    return pairs


def open_waiting(board: Board) -> None:
    """Free the crews that wait for relief, from the begin of the visit they wait for; without one they stay where they are."""
    begins = board.begins()
    for crew, day in enumerate(board.crews):
        if day.waits_for is None or board.ready[crew] < FOREVER:
            continue
        relief = board.number.get(day.waits_for)
        if relief in begins:
            relief_s = begins[relief][1]
            board.latest[relief] = min(board.latest[relief], relief_s)
            board.ready[crew] = max(day.ready_s, day.shift.from_s, relief_s)
            begin_row(board, crew, [])


def _append(board: Board, crew: int, visit: int, told: dict[int, int]) -> list[int] | None:
    """Add a visit at the end of a row; the breaks behind its head go where what was told is kept best."""
    head = board.rows[crew][: board.heads[crew]]
    items = [item for item in board.rows[crew] if item >= 0]
    row = board.with_breaks(crew, [*items, visit], told)
    return row if row is not None and row[: len(head)] == head else None


def _keep_pairs(board: Board) -> None:
    """Let two frozen visits that belong together begin together, or let both go."""
    for follower, visit in enumerate(board.visits):
        leader = board.number.get(visit.together_with) if visit.together_with else None
        if leader is None:
            continue
        begins = board.begins()
        pair = [v for v in (leader, follower) if v in begins]
        if not pair:
            continue
        if len(pair) == 2:
            together_s = max(begins[v][1] for v in pair)
            for v in pair:
                board.floor[v] = max(board.floor[v], together_s)
            rows_hold = all(board.walk(begins[v][0], board.rows[begins[v][0]]) is not None for v in pair)
            after = board.begins() if rows_hold else {}
            if all(v in after and after[v][1] == together_s for v in pair):
                for v in pair:
                    board.latest[v] = together_s
                continue
        for v in pair:
            board.floor[v], board.latest[v] = max(0, board.visits[v].released_s), due_or_never(board, v)
            board.released.append(v)
            crew = begins[v][0]
            begin_row(board, crew, [i for i in board.rows[crew] if i >= 0 and i != v])


def _kept(board: Board, crew: int, items: list[int]) -> bool:
    return board.with_breaks(crew, items) is not None


def _standing(board: Board, crew: int) -> list[tuple[int, Planned]]:
    """List what a crew's day holds in the standing plan, by time."""
    day = board.crews[crew]
    if not day.present:
        return []
    mine = [
        (board.number[p.visit_id], p)
        for p in board.problem.current
        if p.visit_id in board.number and p.crew_id == day.crew_id and p.day == day.day
    ]
    return sorted(mine, key=lambda pair: (pair[1].begin_s, pair[0]))
