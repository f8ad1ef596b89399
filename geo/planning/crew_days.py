"""The days of crews from the shifts of their people: when, from where, with what. Owns that translation only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from geo.coordinates import LonLat
from geo.planning.ground import Ground, ShiftRow, VisitRow
from geo.planning.problem import Break, CrewDay, Window
from mobile_contract.schema.job import VisitState
from mobile_contract.schema.planning import PlanningRules

# A place older than this says less about where somebody starts than the base does.
_PLACE_GOOD_FOR: Final = timedelta(hours=4)


Span = tuple[datetime, datetime]


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


class _Rest(Struct, frozen=True):
    """What breaks follow from: where they are laid out, the rules, and when the crew pauses anyway."""

    layout: Layout
    rules: PlanningRules
    pauses: Sequence[Span]


def crew_days(crew: CrewShift, layout: Layout, ground: Ground, rules: PlanningRules) -> list[CrewDay]:
    """Give a crew's days: people of a crew go together, with the skills of all, while all are on shift.

    Where somebody is off between two shifts of a day, the crew pauses. A day that nobody can start from anywhere is left out.
    """
    found = []
    by_day: dict[int, list[ShiftRow]] = defaultdict(list)
    for shift in crew.shifts:
        by_day[layout.day_of(shift.from_at)].append(shift)
    for day, shifts in sorted(by_day.items()):
        people = _joined(shifts)
        from_at, to_at = max(s.from_at for s in people), min(s.to_at for s in people)
        if from_at >= to_at:
            people = people[:1]
            from_at, to_at = people[0].from_at, people[0].to_at
        those = {s.person_id for s in people}
        from_at, to_at, pauses = _cut(from_at, to_at, _pauses(s for s in shifts if s.person_id in those))
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
                breaks=(*_off(pauses, layout), *_breaks(people, day, hours, _Rest(layout, rules, pauses))),
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


def _joined(shifts: Iterable[ShiftRow]) -> list[ShiftRow]:
    """Make one of each person's shifts of a day, by person: from the begin of the first to the end of the last."""
    found: dict[UUID, ShiftRow] = {}
    for shift in sorted(shifts, key=lambda s: (s.person_id, s.from_at)):
        known = found.get(shift.person_id)
        found[shift.person_id] = shift if known is None else replace(known, to_at=max(known.to_at, shift.to_at))
    return list(found.values())


def _pauses(shifts: Iterable[ShiftRow]) -> list[Span]:
    """Name when anybody is off between two shifts, in order; what overlaps is one."""
    until: dict[UUID, datetime] = {}
    off: list[Span] = []
    for shift in sorted(shifts, key=lambda s: s.from_at):
        ended = until.get(shift.person_id, shift.from_at)
        if ended < shift.from_at:
            off.append((ended, shift.from_at))
        until[shift.person_id] = max(ended, shift.to_at)
    joined: list[Span] = []
    for begins, ends in sorted(off):
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends))
        else:
            joined.append((begins, ends))
    return joined


def _cut(from_at: datetime, to_at: datetime, pauses: Sequence[Span]) -> tuple[datetime, datetime, list[Span]]:
    """Let a shift begin after a pause at its begin and end before one at its end; give it with the pauses inside."""
    inside = []
    for begins, ends in pauses:
        if begins <= from_at < ends < to_at:
            from_at = ends
        elif from_at < begins < to_at <= ends:
            to_at = begins
        elif from_at < begins and ends < to_at:
            inside.append((begins, ends))
    return from_at, to_at, inside


def _off(pauses: Iterable[Span], layout: Layout) -> Iterable[Break]:
    for begins, ends in pauses:
        begin_s = max(0, layout.seconds(begins))
        if begin_s < layout.seconds(ends):
            yield Break(begin_s, begin_s, layout.seconds(ends) - begin_s)


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


def _breaks(people: Sequence[ShiftRow], day: int, shift: Window, rest: _Rest) -> Iterable[Break]:
    """Give the breaks that are still to be taken: one that is long past counts as taken, and so does one that was reported or lies in a pause."""
    layout, rules = rest.layout, rest.rules
    begun_s = max(layout.seconds(s.from_at) for s in people)
    rested = [layout.seconds(s.rested_at) for s in people if s.rested_at is not None]
    pauses = [(layout.seconds(begins), layout.seconds(ends)) for begins, ends in rest.pauses]
    for rule in rules.breaks:
        span = layout.span(day, rule.from_min, rule.to_min)
        duration_s = rule.duration_min * 60
        taken = any(at_s >= span.from_s for at_s in rested) or any(
            begins_s <= span.to_s and ends_s - max(begins_s, span.from_s) >= duration_s for begins_s, ends_s in pauses
        )
        if (
            not taken
            and span.to_s + rules.break_grace_min * 60 >= 0
            and begun_s <= span.from_s <= shift.to_s - duration_s
        ):
            yield Break(span.from_s, span.to_s, duration_s)
