"""What planning gives back: stops, routes, plans. Owns the Structs; never judges them (`geo.planning.checker`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from geo.planning.problem import Problem
from geo.travel import TravelSource


class StopKind(StrEnum):
    """What a crew stops for."""

    VISIT = "visit"
    BREAK = "break"
    STORE = "store"


class Stop(Struct, frozen=True, kw_only=True):
    """A stop: seconds from now when its work (setup first) begins and ends. A break has no place of its own."""

    kind: StopKind
    begin_s: int
    end_s: int
    visit_id: UUID | None = None
    store_id: UUID | None = None


class Route(Struct, frozen=True):
    """What a crew does on a day, in order."""

    crew_id: UUID
    day: int
    stops: tuple[Stop, ...]


class Plan(Struct, frozen=True, kw_only=True):
    """A plan: every visit of the problem stands in a route or among the unassigned.

    `late` begin after they are due, since nobody can come in time; `released` were frozen and can no longer be kept as they were.
    `planners` name who worked on it, `notes` what was left out (a planner that is absent or ran out of time).
    """

    routes: tuple[Route, ...]
    unassigned: tuple[UUID, ...] = ()
    late: tuple[UUID, ...] = ()
    released: tuple[UUID, ...] = ()
    planners: tuple[str, ...] = ()
    sources: tuple[TravelSource, ...] = ()
    notes: tuple[str, ...] = ()


class Planner(Protocol):
    """The port: whoever can plan a problem."""

    name: str

    def plan(self, problem: Problem, *, limit_s: float) -> Plan:
        """Plan a problem within a limit of seconds. What is frozen or locked stays; every visit comes back once."""
        ...
