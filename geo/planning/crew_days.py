"""The days of crews from the shifts of their people: when, from where, with what. Owns that translation only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from msgspec import Struct

from geo.coordinates import LonLat
from geo.planning.ground import Ground, ShiftRow, VisitRow
from geo.planning.problem import Break, CrewDay, Window
from mobile_contract.schema.job import VisitState
from mobile_contract.schema.planning import PlanningRules

# A place older than this says less about where somebody starts than the base does.
_PLACE_GOOD_FOR: Final = timedelta(hours=4)


class CrewShift(Struct, frozen=True, kw_only=True):
    """A crew with the shifts of its people, what it does now, and the visit whose begin it waits for."""

    owner: UUID
    shifts: Sequence[ShiftRow]
    busy: VisitRow | None = None
    relief: UUID | None = None


class Layout(Protocol):
    """What a problem is laid out on."""

    now: datetime

    def place(self, point: LonLat) -> int:
        """Give the position of a place."""
        ...

    def seconds(self, at: datetime) -> int:
        """Give the seconds from now."""
        ...

    def day_of(self, at: datetime) -> int:
        """Number the local day."""
        ...

    def span(self, day: int, from_min: int, to_min: int) -> Window:
        """Give a span of a local day."""
        ...


def crew_days(crew: CrewShift, layout: Layout, ground: Ground, rules: PlanningRules) -> list[CrewDay]:
    """Give a crew's days: people of a crew go together, with the skills of all, while all are on shift.

    A day that nobody can start from anywhere is left out.
    """
    found = []
    by_day: dict[int, list[ShiftRow]] = defaultdict(list)
    for shift in crew.shifts:
        by_day[layout.day_of(shift.from_at)].append(shift)
    for day, shifts in sorted(by_day.items()):
        people = _first_of_each(shifts)
        from_at, to_at = max(s.from_at for s in people), min(s.to_at for s in people)
        if from_at >= to_at:
            people = people[:1]
            from_at, to_at = people[0].from_at, people[0].to_at
        running = from_at <= layout.now
        busy = crew.busy if day == 0 else None
        start = _start(people, busy, running=running, now=layout.now)
        if start is None:
            continue
        hours = Window(max(0, layout.seconds(from_at)), layout.seconds(to_at))
        vans = {s.van_id for s in people if s.van_id is not None}
        found.append(
            CrewDay(
                crew_id=crew.owner,
                start=layout.place(start),
                shift=hours,
                day=day,
                ready_s=0 if busy is None else free_s(busy, layout),
                skills=tuple(dict.fromkeys(skill for s in people for skill in s.skills)),
                breaks=tuple(_breaks(people, day, hours, (layout, rules))),
                parts=tuple(part for van in sorted(vans) for part in ground.held.get(van, ())),
                district_ids=tuple(dict.fromkeys(id for s in people for id in s.district_ids)),
                waits_for=crew.relief if day == 0 else None,
            )
        )
    return found


def free_s(visit: VisitRow, layout: Layout) -> int:
    """Give when a crew is expected to be done with what is under way: never before now, and on the way not before it has arrived."""
    if visit.planned_start_at is not None and visit.planned_end_at is not None:
        work = visit.planned_end_at - visit.planned_start_at
    else:
        work = timedelta(seconds=visit.job.duration_s + visit.job.setup_s)
    begun = [at for at in (visit.taken_at,) if at is not None]
    if visit.state is VisitState.EN_ROUTE and visit.planned_start_at is not None:
        begun.append(visit.planned_start_at)
    return max(0, layout.seconds(max(begun, default=layout.now) + work))


def _first_of_each(shifts: Iterable[ShiftRow]) -> list[ShiftRow]:
    """Take each person's first shift of a day, by person."""
    found: dict[UUID, ShiftRow] = {}
    for shift in sorted(shifts, key=lambda s: (s.person_id, s.from_at)):
        found.setdefault(shift.person_id, shift)
    return list(found.values())


def _start(people: Sequence[ShiftRow], busy: VisitRow | None, *, running: bool, now: datetime) -> LonLat | None:
    """Decide where a crew starts from: where it works, where it was seen lately, its base."""
    if busy is not None and busy.job.point is not None:
        return busy.job.point
    seen = [(s.position_at, s.position) for s in people if s.position is not None and s.position_at is not None]
    fresh = [(at, place) for at, place in seen if now - at <= _PLACE_GOOD_FOR]
    if running and fresh:
        return max(fresh, key=lambda each: each[0])[1]
    bases = [s.base for s in people if s.base is not None]
    if bases:
        return bases[0]
    return max(seen, key=lambda each: each[0])[1] if seen else None


def _breaks(
    people: Sequence[ShiftRow], day: int, shift: Window, rules_of: tuple[Layout, PlanningRules]
) -> Iterable[Break]:
    """Give the breaks that are still to be taken: one that is long past counts as taken, and so does one that was reported."""
    layout, rules = rules_of
    begun_s = max(layout.seconds(s.from_at) for s in people)
    rested = [layout.seconds(s.rested_at) for s in people if s.rested_at is not None]
    for rule in rules.breaks:
        span = layout.span(day, rule.from_min, rule.to_min)
        duration_s = rule.duration_min * 60
        taken = any(at_s >= span.from_s for at_s in rested)
        if (
            not taken
            and span.to_s + rules.break_grace_min * 60 >= 0
            and begun_s <= span.from_s <= shift.to_s - duration_s
        ):
            yield Break(span.from_s, span.to_s, duration_s)
