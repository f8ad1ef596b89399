"""What goes to a solver's process and comes back: routing problems in numbers. Owns the Structs and their encoding, knows no solver."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec import Struct


class Method(StrEnum):
    """The solvers that the process knows."""

    VROOM = "vroom"
    PYVRP = "pyvrp"


class SolverJob(Struct, frozen=True, kw_only=True):
    """A visit in numbers; `amounts` are of what it takes from the van, `skills` those a vehicle must have, all of them."""

    id: int
    place: int
    service: int
    setup: int = 0
    skills: tuple[int, ...] = ()
    priority: int = 0
    windows: tuple[tuple[int, int], ...] = ()
    amounts: tuple[int, ...] = ()


class SolverBreak(Struct, frozen=True):
    """A break with the span in which it begins."""

    id: int
    opens: int
    closes: int
    duration: int


class SolverVehicle(Struct, frozen=True, kw_only=True):
    """A crew in numbers, or one of its ways to begin the day: of the vehicles of a crew one is used at most.

    `steps` are the jobs (their ids) and breaks (-1 - id) that it begins the search with.
    """

    id: int
    crew: int
    start: int
    end: int | None = None
    opens: int
    closes: int
    skills: tuple[int, ...] = ()
    capacity: tuple[int, ...] = ()
    breaks: tuple[SolverBreak, ...] = ()
    steps: tuple[int, ...] = ()
    fixed_cost: int = 0


class SolverTask(Struct, frozen=True, kw_only=True):
    """A routing problem; `ways` are size × size little-endian 32-bit seconds. Driving counts, in seconds.

    The solver stops after `limit_s`; what it found until then counts. With `polish` it goes on improving parts of the plan
    until then, else it stops when its own search ends. With `by_cpu` the limit counts seconds of processor time, for measuring on a
    machine that is busy.
    """

    jobs: tuple[SolverJob, ...]
    vehicles: tuple[SolverVehicle, ...]
    ways: bytes
    size: int
    limit_s: float
    method: Method = Method.VROOM
    level: int = 1
    polish: bool = False
    by_cpu: bool = False
    seed: int = 1


class SolverAnswer(Struct, frozen=True, kw_only=True):
    """Jobs (ids) and breaks (-1 - id) by vehicle, in order, and what is driven in all. `fault` says why there is no answer."""

    rows: dict[int, tuple[int, ...]] = {}
    unassigned: tuple[int, ...] = ()
    cost: int = 0
    fault: str | None = None


ENCODER = msgspec.msgpack.Encoder()
TASKS = msgspec.msgpack.Decoder(SolverTask)
ANSWERS = msgspec.msgpack.Decoder(SolverAnswer)
