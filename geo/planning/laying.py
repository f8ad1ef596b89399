"""A working day's rows told as a planning problem. Owns the translation; plans nothing and asks no database.

A crew is whoever goes together; a person on shift who belongs to no crew is a crew of one, under the person's own id. What is under way is
outside the problem and says when and where its crew is free. Who has no place to start from, and a job without a place, are left out and noted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from msgspec import Struct

from geo.coordinates import LonLat
from geo.planning.crew_days import CrewShift, crew_days
from geo.planning.ground import Ground, JobRow, ShiftRow, VisitRow, districts_around
from geo.planning.problem import CrewDay, Lock, Planned, PlanPolicy, Problem, Store, VisitNeed, Ways, Window
from geo.planning.proposal import version_of
from geo.travel import Points, TravelTable, TravelTimes
from mobile_contract.schema.base import Priority
from mobile_contract.schema.job import JobState, LockKind, VisitState
from mobile_contract.schema.planning import OpenHours, PlanningRules

UNDER_WAY: Final = frozenset({VisitState.EN_ROUTE, VisitState.ON_SITE, VisitState.WORKING, VisitState.PAUSED})
STANDING: Final = frozenset({VisitState.SCHEDULED, VisitState.DISPATCHED, VisitState.ACCEPTED})
_ALIKE: Final = 6
_DAY: Final = timedelta(days=1)


class Scope(Struct, frozen=True, kw_only=True):
    """What a plan is about: shifts that begin within so many local days, only these crews (none: all), who cannot go on.

    The last night shift ends by `until`. Ids of new visits follow from `plan_id`.
    """

    plan_id: UUID
    until: datetime
    days: int = 1
    crew_ids: frozenset[UUID] = frozenset()
    absent_ids: frozenset[UUID] = frozenset()


class Laid(Struct, frozen=True, kw_only=True, eq=False):
    """A problem with what it was made from: the rows by visit, who is a crew of one, whose crew the others are of, what was left out.

    `jobs` holds the job of every visit; `rows` only visits that exist. `untimed` had no time before.
    """

    problem: Problem
    table: TravelTable
    jobs: dict[UUID, JobRow]
    rows: dict[UUID, VisitRow]
    persons: frozenset[UUID]
    members: dict[UUID, UUID]
    untimed: frozenset[UUID]
    notes: tuple[str, ...]


def lay_out(ground: Ground, travel: TravelTimes, rules: PlanningRules, scope: Scope, *, now: datetime) -> Laid:
    """Tell rows as a problem at the aware instant `now`; see the module."""
    return _Layout(ground, rules, scope, now).problem(travel)


def policy_of(rules: PlanningRules) -> PlanPolicy:
    """Give the planner's limits from the rules of the organisation."""
    return PlanPolicy(
        freeze_s=rules.freeze_min * 60,
        told_shift_s=rules.told_shift_min * 60,
        most_changed=rules.most_changed_percent / 100,
        break_grace_s=rules.break_grace_min * 60,
    )


class _Layout:
    def __init__(self, ground: Ground, rules: PlanningRules, scope: Scope, now: datetime) -> None:
        self.ground = ground
        self.rules = rules
        self.scope = scope
        self.now = now
        self.zone = ZoneInfo(ground.zone)
        self.places: list[LonLat] = []
        self._place_of: dict[tuple[float, float], int] = {}
        self.needs: list[VisitNeed] = []
        self.jobs: dict[UUID, JobRow] = {}
        self.rows: dict[UUID, VisitRow] = {}
        self.standing: list[Planned] = []
        self.untimed: set[UUID] = set()
        self.reliefs: dict[UUID, UUID] = {}
        self.left_out = 0
        shifts = [s for s in ground.shifts if self.day_of(s.from_at) < scope.days]
        present = [s for s in shifts if not {s.person_id, s.crew_id} & scope.absent_ids]
        self.crew_of_person = {s.person_id: s.owner for s in reversed(shifts)}
        self.by_owner = self._owners(present)
        self.on_shift = {s.owner for s in shifts}
        # A crew whose people are all away is away as well.
        self.away = scope.absent_ids | self.on_shift - {s.owner for s in present}

    def problem(self, travel: TravelTimes) -> Laid:
        under_way = {self.owner(v): v for v in self.ground.visits if v.state in UNDER_WAY}
        self._standing_visits()
        self._jobs_that_wait()
        self._reliefs(under_way)
        crews = []
        for owner, shifts in self.by_owner.items():
            shift = CrewShift(owner=owner, shifts=shifts, busy=under_way.get(owner), relief=self.reliefs.get(owner))
            crews += crew_days(shift, self, self.ground, self.rules)
        days = {(crew.crew_id, crew.day): crew for crew in crews}
        current = tuple(self._on_a_day(p, [d for (c, _), d in days.items() if c == p.crew_id]) for p in self.standing)
        stores = tuple(
            Store(
                id=store.id,
                place=self.place(store.point),
                part_ids=store.part_ids,
                windows=self._open(self.rules.store_hours),
                handling_s=self.rules.store_handling_min * 60,
            )
            for store in self.ground.stores
        )
        points = Points.of(self.places)
        table = travel.table(points, points, self.now)
        marks = [(id, f"{row.state.value} {row.plan_version}") for id, row in self.rows.items()]
        problem = Problem(
            now=self.now,
            places=tuple(self.places),
            ways=Ways.of(table),
            visits=tuple(self.needs),
            crews=tuple(crews),
            stores=stores,
            current=current,
            policy=policy_of(self.rules),
            version=version_of(current, marks),
        )
        persons = frozenset(s.person_id for s in self.ground.shifts if s.crew_id is None)
        return Laid(
            problem=problem,
            table=table,
            jobs=self.jobs,
            rows=self.rows,
            persons=persons,
            members={person: crew for person, crew in self.crew_of_person.items() if person not in persons},
            untimed=frozenset(self.untimed),
            notes=tuple(self._notes()),
        )

    def place(self, point: LonLat) -> int:
        """Give the position of a place; places closer than a hand's breadth are one."""
        key = (round(point.lon_deg, _ALIKE), round(point.lat_deg, _ALIKE))
        if key not in self._place_of:
            self._place_of[key] = len(self.places)
            self.places.append(point)
        return self._place_of[key]

    def seconds(self, at: datetime) -> int:
        """Give the seconds from now to an instant, negative before."""
        return int((at - self.now).total_seconds())

    def day_of(self, at: datetime) -> int:
        """Number the local day of an instant; today is 0, and so is what lies before."""
        return max(0, (at.astimezone(self.zone).date() - self.now.astimezone(self.zone).date()).days)

    def span(self, day: int, from_min: int, to_min: int) -> Window:
        """Give a span of a local day, in seconds from now."""
        midnight = self.now.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        begins = midnight + day * _DAY
        return Window(
            self.seconds(begins + timedelta(minutes=from_min)), self.seconds(begins + timedelta(minutes=to_min))
        )

    def owner(self, visit: VisitRow) -> UUID | None:
        """Name who has a visit: its crew, else the crew of its person, else the person."""
        if visit.crew_id is not None or visit.person_id is None:
            return visit.crew_id
        return self.crew_of_person.get(visit.person_id, visit.person_id)

    def _owners(self, shifts: Iterable[ShiftRow]) -> dict[UUID, list[ShiftRow]]:
        found: dict[UUID, list[ShiftRow]] = defaultdict(list)
        for shift in shifts:
            owner = shift.owner
            if not self.scope.crew_ids or owner in self.scope.crew_ids:
                found[owner].append(shift)
        return found

    def _standing_visits(self) -> None:
        """Take in what crews of this plan have, and what those have who cannot go on."""
        untimed: dict[UUID, int] = defaultdict(int)
        of_job: dict[UUID, UUID] = {}
        for row in self.ground.visits:
            owner = self.owner(row)
            if row.state not in STANDING or owner is None or self._held_beyond(row.job):
                continue
            absent = bool({owner, row.crew_id, row.person_id} & self.away)
            if row.job.point is None or not (absent or owner in self.by_owner):
                self.left_out += row.job.point is None or owner not in self.on_shift
                continue
            partner = of_job.get(row.job.id) if row.job.crews > 1 else None
            of_job.setdefault(row.job.id, row.id)
            self._need(row.job, row.id, row=row, together_with=partner)
            if row.planned_start_at is None:
                begin_s, untimed[owner] = untimed[owner], untimed[owner] + row.job.duration_s
                self.untimed.add(row.id)
            else:
                begin_s = self.seconds(row.planned_start_at)
                untimed[owner] = max(untimed[owner], begin_s + row.job.duration_s)
            self.standing.append(Planned(row.id, owner, begin_s))

    def _jobs_that_wait(self) -> None:
        thoughts: dict[UUID, list[VisitRow]] = defaultdict(list)
        for row in self.ground.visits:
            if row.state is VisitState.TENTATIVE:
                thoughts[row.job.id].append(row)
        for job in self.ground.jobs:
            if job.point is None:
                self.left_out += 1
                continue
            partner: UUID | None = None
            for number in range(job.crews):
                known = thoughts[job.id][number] if number < len(thoughts[job.id]) else None
                id = known.id if known is not None else self.new_visit(job.id, number)
                self._need(job, id, row=known, together_with=partner)
                partner = id

    def _reliefs(self, under_way: dict[UUID | None, VisitRow]) -> None:
        """Let a crew that found trouble of somebody else's wait for whoever is sent to that job, and plan the relief where nobody is."""
        coming = {self.jobs[p.visit_id].id: p.visit_id for p in self.standing}
        for owner, row in under_way.items():
            if not row.not_ours or owner is None or row.job.point is None:
                continue
            relief = coming.get(row.job.id)
            if relief is None:
                relief = self.new_visit(row.job.id, 0)
                self._need(row.job, relief, row=None, together_with=None, priority=Priority.URGENT)
            self.reliefs[owner] = relief

    def new_visit(self, job_id: UUID, number: int) -> UUID:
        """Name a visit that a plan would make, the same whenever this plan is asked."""
        return uuid5(self.scope.plan_id, f"{job_id.hex} {number}")

    def _need(
        self,
        job: JobRow,
        visit_id: UUID,
        *,
        row: VisitRow | None,
        together_with: UUID | None,
        priority: Priority | None = None,
    ) -> None:
        if job.point is None:
            raise LookupError(f"job {job.id} lies nowhere")
        second = together_with is not None and job.second_skills
        self.jobs[visit_id] = job
        if row is not None:
            self.rows[visit_id] = row
        self.needs.append(
            VisitNeed(
                id=visit_id,
                job_id=job.id,
                place=self.place(job.point),
                windows=self._appointment(row),
                priority=priority or job.priority,
                service_s=_service_s(job, row),
                setup_s=job.setup_s,
                skills=job.second_skills if second else job.skills,
                parts=() if together_with is not None else self.ground.needed.get(job.id, ()),
                district_ids=districts_around(self.ground.districts, job.district_id),
                together_with=together_with,
                lock=self._lock(row),
                due_s=None if job.due_at is None else self.seconds(job.due_at),
                released_s=self._released_s(job),
            )
        )

    def _appointment(self, row: VisitRow | None) -> tuple[Window, ...]:
        """Give the span of a time that was agreed before anybody was named: it holds as exactly as times are told."""
        if row is None or row.state is not VisitState.TENTATIVE or row.planned_start_at is None:
            return ()
        begin_s, told_s = self.seconds(row.planned_start_at), self.rules.told_shift_min * 60
        return (Window(begin_s - told_s, begin_s + told_s),)

    def _lock(self, row: VisitRow | None) -> Lock | None:
        if row is None or row.lock is None:
            return None
        kind, at = LockKind(row.lock.kind), None
        begin = row.lock.from_at or row.planned_start_at
        if kind is not LockKind.RESOURCE and begin is not None:
            # A time that has passed already is kept as soon as it can be.
            end_s = max(0, self.seconds(row.lock.to_at or begin))
            at = Window(min(max(0, self.seconds(begin)), end_s), end_s)
        fixed = kind in (LockKind.RESOURCE, LockKind.BOTH)
        return Lock(kind=kind, crew_id=self.owner(row) if fixed else None, at=at)

    def _held_beyond(self, job: JobRow) -> bool:
        """Tell whether a job is held for longer than the plan reaches, or nobody knows until when."""
        return job.state is JobState.ON_HOLD and (job.held_until is None or job.held_until >= self.scope.until)

    def _released_s(self, job: JobRow) -> int:
        held = job.state is JobState.ON_HOLD and job.held_until is not None
        return max(0, self.seconds(job.held_until)) if held and job.held_until is not None else 0

    def _on_a_day(self, planned: Planned, days: Sequence[CrewDay]) -> Planned:
        """Put a standing visit on the day of its crew whose shift it lies in, else on that of its date."""
        for day in days:
            if day.shift.from_s <= planned.begin_s < day.shift.to_s:
                return Planned(planned.visit_id, planned.crew_id, planned.begin_s, day.day)
        at = self.now + timedelta(seconds=planned.begin_s)
        return Planned(planned.visit_id, planned.crew_id, planned.begin_s, self.day_of(at))

    def _open(self, hours: Collection[OpenHours]) -> tuple[Window, ...]:
        days = range(self.day_of(self.scope.until) + 1)
        return tuple(self.span(day, each.from_min, each.to_min) for day in days for each in hours)

    def _notes(self) -> Iterable[str]:
        if self.left_out:
            yield f"left_out:{self.left_out}"


def _service_s(job: JobRow, row: VisitRow | None) -> int:
    """Give how long the work takes: as planned, without the setup where it was planned with one."""
    if row is None or row.planned_start_at is None or row.planned_end_at is None:
        return job.duration_s
    planned_s = int((row.planned_end_at - row.planned_start_at).total_seconds())
    return max(60, planned_s - job.setup_s if planned_s >= job.duration_s + job.setup_s else planned_s)
