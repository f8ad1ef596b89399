"""What the database says of a working day, as rows: visits, jobs, shifts, stores. Owns the Structs, knows no SQL and plans nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from geo.coordinates import LonLat
from geo.planning.problem import PartCount
from mobile_contract.schema.base import Priority, Skill
from mobile_contract.schema.job import JobState, VisitLock, VisitState


class JobRow(Struct, frozen=True, kw_only=True):
    """A job that wants a visit, or has one."""

    id: UUID
    number: str
    state: JobState
    point: LonLat | None
    skills: tuple[Skill, ...] = ()
    district_id: UUID | None = None
    priority: Priority = Priority.NORMAL
    duration_s: int = 3600
    setup_s: int = 0
    crews: int = 1
    second_skills: tuple[Skill, ...] = ()
    due_at: datetime | None = None
    held_until: datetime | None = None


class VisitRow(Struct, frozen=True, kw_only=True):
    """A visit that is not over; `taken_at` is when its crew set out, arrived or began, the latest of these."""

    id: UUID
    job: JobRow
    state: VisitState
    crew_id: UUID | None = None
    person_id: UUID | None = None
    plan_version: int = 1
    planned_start_at: datetime | None = None
    planned_end_at: datetime | None = None
    taken_at: datetime | None = None
    not_ours: bool = False
    lock: VisitLock | None = None


class ShiftRow(Struct, frozen=True, kw_only=True):
    """A person's shift, with the crew that the person belongs to then, what it knows and holds, and where the person is."""

    person_id: UUID
    crew_id: UUID | None
    from_at: datetime
    to_at: datetime
    skills: tuple[Skill, ...] = ()
    district_ids: tuple[UUID, ...] = ()
    van_id: UUID | None = None
    position: LonLat | None = None
    position_at: datetime | None = None
    base: LonLat | None = None
    rested_at: datetime | None = None

    @property
    def owner(self) -> UUID:
        """Name whose day this is: the crew's, or the person's own."""
        return self.crew_id or self.person_id

    @property
    def place(self) -> LonLat | None:
        """Give where the person is, as far as anybody knows."""
        return self.position or self.base


class StoreRow(Struct, frozen=True, kw_only=True):
    """A store that lies somewhere, with the parts it can hand out."""

    id: UUID
    point: LonLat
    part_ids: tuple[UUID, ...]


class DistrictRow(Struct, frozen=True, kw_only=True):
    """A district's place in the tree, and who borders on it."""

    parent_id: UUID | None
    neighbour_ids: tuple[UUID, ...] = ()


class Ground(Struct, frozen=True, kw_only=True):
    """All that a plan is made from. `needed` are parts of a job that still have to come along, `held` those in a van."""

    zone: str
    visits: tuple[VisitRow, ...]
    jobs: tuple[JobRow, ...]
    shifts: tuple[ShiftRow, ...]
    stores: tuple[StoreRow, ...] = ()
    districts: Mapping[UUID, DistrictRow] = {}
    needed: Mapping[UUID, tuple[PartCount, ...]] = {}
    held: Mapping[UUID, tuple[PartCount, ...]] = {}


def districts_around(districts: Mapping[UUID, DistrictRow], district_id: UUID | None) -> tuple[UUID, ...]:
    """Name a district, those above it and its neighbours: whose crews may come. Empty for a place in no known district."""
    if district_id is None or district_id not in districts:
        return ()
    above = list(_above(districts, district_id))
    return tuple(dict.fromkeys((district_id, *above, *districts[district_id].neighbour_ids)))


def _above(districts: Mapping[UUID, DistrictRow], district_id: UUID) -> Iterable[UUID]:
    seen = {district_id}
    parent = districts[district_id].parent_id
    while parent is not None and parent not in seen and parent in districts:
        seen.add(parent)
        yield parent
        parent = districts[parent].parent_id
