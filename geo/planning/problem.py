"""What a plan is made from: visits, crews' days, stores, ways, the plan that stands, the policy.

Owns the Structs of a planning problem. All times are whole seconds from `Problem.now`, all places positions in `Problem.places`.
Never decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import numpy as np
from msgspec import Struct

from geo.coordinates import LonLat
from geo.travel import Points, TravelSource, TravelTable, TravelTimes
from mobile_contract.schema.base import Priority, Skill
from mobile_contract.schema.job import LockKind

# Later than every plan: 30 years.
FOREVER: Final = 10**9
DEFAULT_FREEZE_S: Final = 45 * 60


class Window(Struct, frozen=True):
    """A span in which work may begin, both ends included."""

    from_s: int
    to_s: int


class PartCount(Struct, frozen=True):
    """So many of a part, in the part's own unit."""

    part_id: UUID
    quantity: Decimal


class Lock(Struct, frozen=True, kw_only=True):
    """A dispatcher's lock. `at` is a span for `time_range` and of no width for `time` and `both`."""

    kind: LockKind
    crew_id: UUID | None = None
    at: Window | None = None


class VisitNeed(Struct, frozen=True, kw_only=True):
    """A visit to be planned.

    Work begins in one of `windows` (none: at any time), not before `released_s`, and by `due_s` where that can be kept; it takes
    `setup_s` (once per place for visits in a row) and `service_s`. `district_ids` are those whose crews may come; none: all.
    `crew_id` asks for the same technician as before. A visit with `together_with` begins with that one and has another crew.
    """

    id: UUID
    job_id: UUID
    place: int
    windows: tuple[Window, ...] = ()
    priority: Priority = Priority.NORMAL
    service_s: int = 3600
    setup_s: int = 0
    skills: tuple[Skill, ...] = ()
    parts: tuple[PartCount, ...] = ()
    district_ids: tuple[UUID, ...] = ()
    crew_id: UUID | None = None
    together_with: UUID | None = None
    lock: Lock | None = None
    due_s: int | None = None
    released_s: int = 0


class Break(Struct, frozen=True):
    """A break that is still to be taken: it begins within the span. An overdue one begins within the grace of the policy."""

    from_s: int
    to_s: int
    duration_s: int


class CrewDay(Struct, frozen=True, kw_only=True):
    """A crew's shift: from its last known place, once what it does now is expected to end (`ready_s`, never before now).

    Work ends by `shift.to_s`, the way to `end` included where there is one. What is under way is outside the problem. A crew with
    `waits_for` stays where it is until that visit begins.
    """

    crew_id: UUID
    start: int
    shift: Window
    day: int = 0
    end: int | None = None
    ready_s: int = 0
    skills: tuple[Skill, ...] = ()
    breaks: tuple[Break, ...] = ()
    parts: tuple[PartCount, ...] = ()
    district_ids: tuple[UUID, ...] = ()
    present: bool = True
    waits_for: UUID | None = None


class Store(Struct, frozen=True, kw_only=True):
    """A place where crews fetch parts: when it serves, how long that takes, and of which parts it has enough for the day."""

    id: UUID
    place: int
    part_ids: tuple[UUID, ...]
    windows: tuple[Window, ...] = ()
    handling_s: int = 900


class Planned(Struct, frozen=True):
    """A visit's place in the plan that stands."""

    visit_id: UUID
    crew_id: UUID
    begin_s: int
    day: int = 0


class Ways(Struct, frozen=True):
    """Travel in seconds from each place (row) to each other, and the sources it comes from."""

    travel_s: tuple[tuple[int, ...], ...]
    sources: tuple[TravelSource, ...]

    @classmethod
    def between(cls, times: TravelTimes, places: Sequence[LonLat], leave_at: datetime) -> Ways:
        """Ask for all ways between places when leaving at an aware instant; times are rounded up to whole seconds."""
        points = Points.of(places)
        return cls.of(times.table(points, points, leave_at))

    @classmethod
    def of(cls, table: TravelTable) -> Ways:
        """Take the ways from a square table; times are rounded up to whole seconds."""
        travel_s = np.ceil(table.travel_s - 1e-6).astype(np.int64)
        np.fill_diagonal(travel_s, 0)
        found: set[TravelSource] = set()
        if table.on_streets.any():
            found.add(table.street_source)
        if not table.on_streets.all():
            found.add(TravelSource.GREAT_CIRCLE)
        return cls(tuple(map(tuple, travel_s.tolist())), tuple(sorted(found)))


class PlanPolicy(Struct, frozen=True, kw_only=True):
    """Limits and weights; weights turn everything into seconds.

    A visit is told as changed when its crew changes or its begin moves by more than `told_shift_s`. A repair changes
    `most_changed` of the standing visits at most, where it has a choice.
    """

    freeze_s: int = DEFAULT_FREEZE_S
    break_grace_s: int = 5400
    territory_visits: int = 250
    told_shift_s: int = 900
    most_changed: float = 0.15
    response_weight: float = 0.5
    delay_weight: float = 0.1
    overdue_weight: float = 2.0
    displaced_s: int = 3600


class Problem(Struct, frozen=True, kw_only=True):
    """Everything a plan is made from. `version` names the state of the visits that it was read at."""

    now: datetime
    places: tuple[LonLat, ...]
    ways: Ways
    visits: tuple[VisitNeed, ...]
    crews: tuple[CrewDay, ...]
    stores: tuple[Store, ...] = ()
    current: tuple[Planned, ...] = ()
    policy: PlanPolicy = PlanPolicy()
    version: str = ""

    def at(self, seconds: int) -> datetime:
        """Give the instant so many seconds from now."""
        return self.now + timedelta(seconds=seconds)
