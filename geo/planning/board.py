"""The board on which planners move visits about: a problem laid out in lists, a row per crew's day, and the walk that times a row.

Owns earliest times. Never chooses (`geo.planning.insertion`) and never judges a finished plan (`geo.planning.checker`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Final, NamedTuple
from uuid import UUID

from geo.planning.fitness import fit_until_s
from geo.planning.plan import Plan, Route, Stop, StopKind
from geo.planning.problem import FOREVER, Problem, VisitNeed, Window
from mobile_contract.schema.job import LockKind

# Items of a row are numbers: a visit's position, -1 - k for the k-th break of the crew, _STORE + k for the k-th store.
_STORE: Final = 1_000_000
_MILLI: Final = 1000
_ANY_TIME: Final = ((0, FOREVER),)


class State(NamedTuple):
    """A crew after an item: the time, its place, seconds it could already drive to the next one, what its van still holds."""

    clock: int
    at: int
    driven: int
    van: dict[UUID, int]


class Timed(NamedTuple):
    """An item with the seconds at which its work begins and ends."""

    item: int
    begin_s: int
    end_s: int


def store_item(number: int) -> int:
    """Give the item of a stop at the store of this number."""
    return _STORE + number


def is_store(item: int) -> bool:
    """Tell whether an item is a stop at a store."""
    return item >= _STORE


class Board:
    """A problem in lists. `rows` is the plan so far; the first `heads[c]` items of a row are frozen."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.ways = problem.ways.travel_s
        self.visits = problem.visits
        self.crews = problem.crews
        self.number = {visit.id: i for i, visit in enumerate(problem.visits)}
        self.windows = [_windows(visit) for visit in problem.visits]
        self.floor = [max(0, visit.released_s) for visit in problem.visits]
        self.latest = [FOREVER if v.due_s is None else max(0, v.due_s) for v in problem.visits]
        self.needs = [tuple((p.part_id, int(p.quantity * _MILLI)) for p in v.parts) for v in problem.visits]
        self.vans = [{p.part_id: int(p.quantity * _MILLI) for p in crew.parts} for crew in problem.crews]
        self.ready = [FOREVER if c.waits_for else max(0, c.ready_s, c.shift.from_s) for c in problem.crews]
        self.rows: list[list[int]] = [[] for _ in problem.crews]
        self.heads = [0] * len(problem.crews)
        self.late: set[int] = set()
        self.released: list[int] = []
        self._fit: dict[tuple[int, int], int] = {}

    def fit_until(self, crew: int, visit: int) -> int:
        """Give the second by which a crew must have done a visit; -1 where it may not do it."""
        key = (crew, visit)
        until = self._fit.get(key)
        if until is None:
            until = self._fit[key] = fit_until_s(self.problem, self.crews[crew], self.visits[visit])
        return until

    def start(self, crew: int) -> State:
        """Give the state in which a crew's day begins."""
        return State(self.ready[crew], self.crews[crew].start, 0, self.vans[crew])

    def step(self, crew: int, state: State, item: int) -> tuple[Timed, State] | None:
        """Do one more item as early as may be; None where a window, the skill's expiry or the van forbids it."""
        if item < 0:
            return self._rest(crew, state, item)
        if item >= _STORE:
            return self._fetch(state, item)
        visit = self.visits[item]
        way = self.ways[state.at][visit.place] - state.driven
        begin = state.clock + (way if way > 0 else 0)
        begin = max(begin, self.floor[item])
        for opens, closes in self.windows[item]:
            if begin <= closes:
                begin = max(begin, opens)
                break
        else:
            return None
        end = begin + visit.service_s + (visit.setup_s if state.at != visit.place else 0)
        if begin > self.latest[item] or end > self.fit_until(crew, item):
            return None
        van = state.van
        if self.needs[item]:
            van = dict(van)
            for part, quantity in self.needs[item]:
                van[part] = van.get(part, 0) - quantity
                if van[part] < 0:
                    return None
        return Timed(item, begin, end), State(end, visit.place, 0, van)

    def walk(self, crew: int, items: Iterable[int], state: State | None = None) -> list[Timed] | None:
        """Time items one after the other from a state (the day's beginning) to the end of the shift; None where they cannot be done."""
        at = state or self.start(crew)
        timed = []
        for item in items:
            done = self.step(crew, at, item)
            if done is None:
                return None
            timed.append(done[0])
            at = done[1]
        return timed if self.ends_in_time(crew, at) else None

    def ends_in_time(self, crew: int, state: State) -> bool:
        """Tell whether a crew in this state ends its shift in time, the way home included."""
        day = self.crews[crew]
        home = 0 if day.end is None else max(0, self.ways[state.at][day.end] - state.driven)
        return state.clock + home <= day.shift.to_s

    def states(self, crew: int, items: Sequence[int]) -> list[State]:
        """List the states before each item and after the last, for a row that can be done."""
        states = [self.start(crew)]
        for item in items:
            done = self.step(crew, states[-1], item)
            if done is None:
                raise LookupError(f"row of crew {self.crews[crew].crew_id} cannot be done")
            states.append(done[1])
        return states

    def due_breaks(self, crew: int) -> list[int]:
        """List the items of breaks that still fit the crew's shift, by time."""
        day = self.crews[crew]
        due = [
            (max(rest.from_s, self.ready[crew]), -1 - k)
            for k, rest in enumerate(day.breaks)
            if max(rest.from_s, self.ready[crew]) + rest.duration_s <= day.shift.to_s
        ]
        return [item for _, item in sorted(due, key=lambda pair: (pair[0], -pair[1]))]

    def with_breaks(self, crew: int, items: Sequence[int], told: Mapping[int, int] | None = None) -> list[int] | None:
        """Put all due breaks between items without breaks, so that what was told is kept best and the items begin earliest.

        `told` are the seconds at which visits were to begin. None where the breaks do not fit.
        """
        told = told or {}
        breaks = self.due_breaks(crew)
        best: tuple[tuple[int, int, int], list[int]] | None = None
        for places in combinations_with_replacement(range(len(items) + 1), len(breaks)):
            row = list(items)
            for place, item in reversed(list(zip(places, breaks, strict=True))):
                row.insert(place, item)
            timed = self.walk(crew, row)
            if timed is None:
                continue
            off_s = sum(abs(t.begin_s - told[t.item]) for t in timed if t.item in told)
            rank = (off_s, sum(t.begin_s for t in timed if t.item >= 0), timed[-1].end_s if timed else 0)
            if best is None or rank < best[0]:
                best = (rank, row)
        return None if best is None else best[1]

    def planned(self) -> set[int]:
        """Give the visits that stand in a row."""
        return {item for row in self.rows for item in row if 0 <= item < _STORE}

    def begins(self) -> dict[int, tuple[int, int]]:
        """Give the crew and the begin of each planned visit."""
        found = {}
        for crew, row in enumerate(self.rows):
            for timed in self.walk(crew, row) or ():
                if 0 <= timed.item < _STORE:
                    found[timed.item] = (crew, timed.begin_s)
        return found

    def copy_rows(self) -> list[list[int]]:
        """Copy the rows, to come back to them."""
        return [list(row) for row in self.rows]

    def to_plan(self, *, planners: Sequence[str], notes: Sequence[str] = ()) -> Plan:
        """Write the rows as a plan; crews without anything but breaks have no stops."""
        routes, late = [], []
        for crew, row in enumerate(self.rows):
            timed = self.walk(crew, row) if any(item >= 0 for item in row) else []
            if timed is None:
                raise LookupError(f"row of crew {self.crews[crew].crew_id} cannot be done")
            day = self.crews[crew]
            routes.append(Route(day.crew_id, day.day, tuple(self._stop(t) for t in timed)))
            late += [t.item for t in timed if self._is_late(t)]
        planned = self.planned()
        return Plan(
            routes=tuple(routes),
            unassigned=tuple(v.id for i, v in enumerate(self.visits) if i not in planned),
            late=tuple(self.visits[i].id for i in sorted(late)),
            released=tuple(self.visits[i].id for i in self.released),
            planners=tuple(planners),
            sources=self.problem.ways.sources,
            notes=tuple(dict.fromkeys(notes)),
        )

    def _is_late(self, timed: Timed) -> bool:
        if not 0 <= timed.item < _STORE:
            return False
        due_s = self.visits[timed.item].due_s
        return due_s is not None and timed.begin_s > due_s

    def _stop(self, timed: Timed) -> Stop:
        if timed.item < 0:
            return Stop(kind=StopKind.BREAK, begin_s=timed.begin_s, end_s=timed.end_s)
        if timed.item >= _STORE:
            store = self.problem.stores[timed.item - _STORE]
            return Stop(kind=StopKind.STORE, begin_s=timed.begin_s, end_s=timed.end_s, store_id=store.id)
        visit_id = self.visits[timed.item].id
        return Stop(kind=StopKind.VISIT, begin_s=timed.begin_s, end_s=timed.end_s, visit_id=visit_id)

    def _rest(self, crew: int, state: State, item: int) -> tuple[Timed, State] | None:
        opens, closes = self.break_span(crew, item)
        begin = max(state.clock, opens)
        if begin > closes:
            return None
        end = begin + self.crews[crew].breaks[-1 - item].duration_s
        # Until the break begins the crew drives on to its next place.
        return Timed(item, begin, end), State(end, state.at, state.driven + begin - state.clock, state.van)

    def break_span(self, crew: int, item: int) -> tuple[int, int]:
        """Give the span in which a break begins; an overdue one begins within the grace once the crew is free."""
        rest = self.crews[crew].breaks[-1 - item]
        ready = self.ready[crew]
        closes = rest.to_s if rest.to_s >= ready else ready + self.problem.policy.break_grace_s
        return max(rest.from_s, ready), closes

    def _fetch(self, state: State, item: int) -> tuple[Timed, State] | None:
        store = self.problem.stores[item - _STORE]
        begin = state.clock + max(0, self.ways[state.at][store.place] - state.driven)
        for opens, closes in [(w.from_s, w.to_s) for w in store.windows] or _ANY_TIME:
            if begin <= closes:
                begin = max(begin, opens)
                break
        else:
            return None
        van = dict(state.van)
        van.update(dict.fromkeys(store.part_ids, FOREVER * _MILLI))
        return Timed(item, begin, begin + store.handling_s), State(begin + store.handling_s, store.place, 0, van)


def _windows(visit: VisitNeed) -> tuple[tuple[int, int], ...]:
    """Give the spans in which a visit may begin, what a lock leaves of them; none where nothing is left."""
    spans = sorted((w.from_s, w.to_s) for w in visit.windows) or list(_ANY_TIME)
    lock = visit.lock
    if lock is None or lock.at is None or lock.kind is LockKind.RESOURCE:
        return tuple(spans)
    held: Window = lock.at
    cut = [(max(opens, held.from_s), min(closes, held.to_s)) for opens, closes in spans]
    return tuple((opens, closes) for opens, closes in cut if opens <= closes)
