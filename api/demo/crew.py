"""A crew with its phone: where it is, whether it has a network, what it looks at and when it syncs. What it does on site is `conduct`."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from api.demo.conduct import Conduct, ordinary, perform
from api.demo.handset import Handset
from api.demo.timeline import Doing
from api.demo.virtual_time import VirtualClock
from geo.coordinates import LonLat, distance_m
from mobile_contract.client import SyncReport
from mobile_contract.schema.base import Command
from mobile_contract.schema.facts import VisitFact
from mobile_contract.schema.job import Job, JobState, JobType, Task, Visit, VisitState
from mobile_contract.schema.place import Meter

MINE: Final = frozenset({VisitState.SCHEDULED, VisitState.DISPATCHED, VisitState.ACCEPTED})
BEGUN: Final = frozenset({VisitState.EN_ROUTE, VisitState.ON_SITE, VisitState.WORKING, VisitState.PAUSED})
_OVER: Final = frozenset({JobState.COMPLETED, JobState.CLOSED, JobState.CANCELLED, JobState.CANNOT_COMPLETE})
_KINDS: Final = ("job", "visit")
_URGENCY: Final = {"emergency": 0, "urgent": 1, "normal": 2, "low": 3}
POSITION_EVERY: Final = timedelta(minutes=10)
# A van in town, all in all.
_METRES_PER_MINUTE: Final = 400.0


class Habits(Struct, frozen=True, kw_only=True):
    """How a crew lives: how often it looks for work, how often it drops out of the network and for how long, how often its app dies.

    `dropout` and `death` are probabilities per visit and per sync.
    """

    look_every_min: float = 15.0
    dropout: float = 0.3
    dropout_min: tuple[float, float] = (20.0, 120.0)
    death: float = 0.02
    reports_position: bool = True


class Assignment(Struct, frozen=True):
    """A visit with its job, as the phone shows them."""

    job: Job
    visit: Visit

    def report(self, kind: type[VisitFact], **said: Any) -> VisitFact:
        """Make a fact about this visit."""
        return kind(job_id=self.job.id, visit_id=self.visit.id, **said)


class Crew:
    """A crew that works what its phone shows."""

    def __init__(
        self, code: str, crew_id: UUID, handset: Handset, *, clock: VirtualClock, source: random.Random, base: LonLat
    ) -> None:
        self.code, self.crew_id, self.handset = code, crew_id, handset
        self.clock, self.random = clock, source
        self.place = base
        self.habits = Habits()
        self.conducts: dict[UUID, Conduct] = {}
        self.parts: dict[str, UUID] = {}
        self.offline_until: datetime | None = None
        self._position_told_at = clock.now() - POSITION_EVERY
        self.visits_done = 0
        self.busy_with: UUID | None = None

    @property
    def name(self) -> str:
        """Give what people call the crew."""
        return self.handset.label

    def day(self, until: datetime, *, first_look_min: float = 0.0) -> Doing:
        """Live through a working day: look for work, do it, look again; begun work is finished, however late it is."""
        yield first_look_min
        while self.clock.now() < until:
            self.sync()
            found = self.next_assignment()
            if found is None:
                yield self.habits.look_every_min * self.random.uniform(0.7, 1.3)
                continue
            yield from self.work_on(found)

    def work_on(self, found: Assignment) -> Iterator[float]:
        """Work one visit to its end."""
        if self.random.random() < self.habits.dropout:
            self.drop_out(self.random.uniform(*self.habits.dropout_min))
        self.busy_with = found.job.id
        conduct = self.conducts.get(found.job.id) or ordinary(self.random)
        yield from perform(self, found, conduct)
        self.busy_with = None
        self.visits_done += 1

    def sync(self, *, check: bool = False) -> SyncReport | None:
        """Sync when there is a network; None when there is none or the app died over it."""
        network = self.handset.network
        network.up = self.is_online
        if not network.up:
            return None
        if self.random.random() < self.habits.death:
            self.handset.die_soon()
        report = self.handset.sync(check=check)
        self.handset.spare()
        if self.habits.reports_position and self.clock.now() - self._position_told_at >= POSITION_EVERY:
            self.handset.report_position(self.place.lon_deg, self.place.lat_deg)
            self._position_told_at = self.clock.now()
        return report

    @property
    def is_online(self) -> bool:
        """Tell whether the crew has a network now."""
        return self.offline_until is None or self.clock.now() >= self.offline_until

    def drop_out(self, minutes: float) -> None:
        """Lose the network for a while."""
        until = self.clock.now() + timedelta(minutes=minutes)
        self.offline_until = max(until, self.offline_until or until)

    def do(self, command: Command) -> UUID:
        """Report or ask something; it is on disk when this returns."""
        return self.handset.do(command)

    def new_id(self) -> UUID:
        """Draw an id for something that a command makes."""
        return self.handset.new_id()

    def next_assignment(self) -> Assignment | None:
        """Find what to do next: what was begun, else the most urgent, the earliest, the first by id. None when there is nothing."""
        shown = self.handset.shown(_KINDS)
        jobs = {d.id: d for d in shown.values() if isinstance(d, Job) and d.state not in _OVER}
        found = [
            Assignment(jobs[d.job_id], d)
            for d in shown.values()
            if isinstance(d, Visit) and d.crew_id == self.crew_id and d.job_id in jobs and d.state in MINE | BEGUN
        ]
        held = [f for f in found if f.job.state is not JobState.ON_HOLD]
        return min(held, key=_urgency, default=None)

    def holds(self, job_id: UUID) -> bool:
        """Tell whether the phone still shows a job that is not over for somebody else's reasons."""
        job = self.handset.shown(("job",)).get(("job", job_id))
        return isinstance(job, Job) and job.state is not JobState.CANCELLED

    def tasks_of(self, job_id: UUID) -> list[Task]:
        """List the checklist of a job in its order."""
        tasks = [d for d in self.handset.shown(("task",)).values() if isinstance(d, Task) and d.job_id == job_id]
        return sorted(tasks, key=lambda task: (task.sort, task.code))

    def job_type_of(self, job: Job) -> JobType | None:
        """Find the template of a job; None when the phone does not have it yet."""
        types = [d for d in self.handset.shown(("job_type",)).values() if isinstance(d, JobType) and d.code == job.type]
        return max(types, key=lambda t: (t.version == job.type_version, t.version), default=None)

    def meters_of(self, job: Job) -> list[Meter]:
        """List the meters at a job's site, by serial."""
        meters = [d for d in self.handset.shown(("meter",)).values() if isinstance(d, Meter)]
        return sorted((m for m in meters if m.site_id == job.site_id), key=lambda m: m.serial)

    def travel_to(self, job: Job) -> float:
        """Give the minutes to a job and be there afterwards."""
        if job.lon_deg is None or job.lat_deg is None:
            return 10.0
        there = LonLat(job.lon_deg, job.lat_deg)
        minutes = 2.0 + distance_m(self.place, there) * 1.35 / _METRES_PER_MINUTE
        self.place = there
        return min(minutes, 90.0) * self.random.uniform(0.9, 1.2)


def _urgency(found: Assignment) -> tuple[bool, int, float, str]:
    planned = found.visit.planned_start_at or found.job.reported_at
    return (found.visit.state not in BEGUN, _URGENCY[found.job.priority], planned.timestamp(), found.visit.id.hex)
