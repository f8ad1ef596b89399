"""Reads published routing instances into planning problems: Solomon's, and those with technicians, skills, tools and parts.

Owns the formats and what of an instance the planner is told. One unit of an instance is a thousand of the planner's seconds, so
that whole seconds are fine enough.
"""

from __future__ import annotations

import ast
import csv
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Final
from uuid import UUID

from msgspec import Struct

from geo.coordinates import LonLat
from geo.planning.plan import Plan, StopKind
from geo.planning.problem import CrewDay, PartCount, Problem, Store, VisitNeed, Ways, Window
from geo.travel import TravelSource
from mobile_contract.schema.base import Skill

DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
UNIT: Final = 1000
_DAY: Final = datetime(2026, 1, 5, tzinfo=UTC)
# A tool is not used up: whoever has it has it for all visits.
_TOOL: Final = Decimal(10_000)
_TECHNICIANS: Final = 25


class Instance(Struct, frozen=True, kw_only=True):
    """A problem with the exact coordinates it was made from and the best that is known; durations are known for technicians only."""

    name: str
    kind: str
    problem: Problem
    xy: tuple[tuple[float, float], ...]
    best_distance: float
    best_duration: float | None = None


class Score(Struct, frozen=True, kw_only=True):
    """A plan in the units of its instance: distance, time from leaving to coming home, who goes, who is not reached, trips to the depot."""

    distance: float
    duration: float
    vehicles: int
    unserved: int
    depot_trips: int


def solomon(folder: Path = DATA / "solomon") -> list[Instance]:
    """Read Solomon's instances; none where the folder is absent."""
    return [_solomon(folder / f"{name}.txt", best) for name, best in _best(folder)]


def technicians(folder: Path = DATA / "trsp") -> list[Instance]:
    """Read the technician instances; none where the folder is absent."""
    return [_technicians(folder / f"{name}.txt", best) for name, best in _best(folder)]


def score(instance: Instance, plan: Plan) -> Score:
    """Measure a plan by exact straight lines; a route leaves as late as its first window allows."""
    problem = instance.problem
    visits = {visit.id: visit for visit in problem.visits}
    distance = duration = 0.0
    trips = used = 0
    for route, crew in zip(plan.routes, problem.crews, strict=True):
        stops = [s for s in route.stops if s.kind is not StopKind.BREAK]
        if not stops:
            continue
        used += 1
        trips += sum(s.kind is StopKind.STORE for s in stops)
        places = [visits[s.visit_id].place if s.visit_id else problem.stores[0].place for s in stops]
        path = [crew.start, *places, crew.start]
        legs = [math.dist(instance.xy[a], instance.xy[b]) for a, b in pairwise(path)]
        distance += sum(legs)
        spans = [_span(problem, visits[s.visit_id] if s.visit_id else None) for s in stops]
        duration += _duration(legs, spans)
    return Score(
        distance=distance,
        duration=duration,
        vehicles=used,
        unserved=len(plan.unassigned),
        depot_trips=trips,
    )


def _duration(legs: Sequence[float], spans: Sequence[tuple[float, float, float]]) -> float:
    """Give the shortest time that a route takes from leaving to coming home: leave late, wait little."""
    earliest, latest, length, waited = -math.inf, math.inf, 0.0, 0.0
    for leg, (opens, closes, work) in zip(legs, spans, strict=False):
        length += leg
        # Leaving within [earliest, latest] reaches this stop with the waiting that could not be avoided.
        wait = max(0.0, opens - (latest + length + waited)) if latest < math.inf else 0.0
        earliest = max(earliest, opens - length - waited - wait)
        latest = min(latest, closes - length - waited - wait)
        waited += wait
        length += work
    return length + legs[-1] + waited


def _span(problem: Problem, visit: VisitNeed | None) -> tuple[float, float, float]:
    if visit is None:
        return 0.0, math.inf, problem.stores[0].handling_s / UNIT
    window = visit.windows[0]
    return window.from_s / UNIT, window.to_s / UNIT, visit.service_s / UNIT


def _best(folder: Path) -> list[tuple[str, dict[str, str]]]:
    if not folder.is_dir():
        return []
    with (folder / "best_known.csv").open(encoding="utf-8") as lines:
        return [(row["instance"], row) for row in csv.DictReader(lines)]


def _solomon(path: Path, best: dict[str, str]) -> Instance:
    rows = [
        [float(cell) for cell in line.split()]
        for line in path.read_text().splitlines()
        if re.match(r"^[\s\d.]+$", line)
    ]
    vehicles, customers = next(r for r in rows if len(r) == 2), [r for r in rows if len(r) == 7]
    depot, load = customers[0], UUID(int=1)
    day = Window(0, int(depot[5] * UNIT))
    crews = tuple(
        CrewDay(
            crew_id=UUID(int=0xC0 + n),
            start=0,
            end=0,
            shift=day,
            parts=(PartCount(load, Decimal(int(vehicles[1]))),),
        )
        for n in range(int(vehicles[0]))
    )
    visits = tuple(_visit(n, row, (PartCount(load, Decimal(int(row[3]))),)) for n, row in enumerate(customers) if n)
    xy = tuple((row[1], row[2]) for row in customers)
    problem = Problem(now=_DAY, places=_places(xy), ways=_ways(xy), visits=visits, crews=crews)
    return Instance(name=path.stem, kind="solomon", problem=problem, xy=xy, best_distance=float(best["distance"]))


def _visit(number: int, row: Sequence[float], parts: tuple[PartCount, ...]) -> VisitNeed:
    id = UUID(int=0xA000 + number)
    window = Window(int(row[4] * UNIT), int(row[5] * UNIT))
    return VisitNeed(id=id, job_id=id, place=number, windows=(window,), service_s=int(row[6] * UNIT), parts=parts)


def _technicians(path: Path, best: dict[str, str]) -> Instance:
    lines = re.findall(r"^(\d+(?:\s+-?[\d.]+){5})\s+(\[.*?\])\s+(\[.*?\])\s+(\[.*?\])", path.read_text(), re.MULTILINE)
    rows = [([float(c) for c in numbers.split()], *map(ast.literal_eval, lists)) for numbers, *lists in lines]
    xy = tuple((r[0][1], r[0][2]) for r in rows)
    tools, spares = [UUID(int=0x100 + n) for n in range(5)], [UUID(int=0x200 + n) for n in range(5)]
    crews, visits = [], []
    for place, (numbers, skills, has, parts) in enumerate(rows[1:], 1):
        number = int(numbers[0])
        codes = tuple(Skill(code=f"s{n}") for n in skills)
        counts = tuple(PartCount(spares[n], Decimal(count)) for n, count in enumerate(parts) if count)
        if number <= _TECHNICIANS:
            tool_counts = tuple(PartCount(tools[n], _TOOL) for n in has)
            day = Window(int(numbers[3] * UNIT), int(numbers[4] * UNIT))
            crews.append(
                CrewDay(
                    crew_id=UUID(int=0xC0 + number),
                    start=place,
                    end=place,
                    shift=day,
                    skills=codes,
                    parts=(*counts, *tool_counts),
                )
            )
        else:
            id = UUID(int=0xA000 + number)
            needs = (*counts, *(PartCount(tools[n], Decimal(1)) for n in has))
            window = Window(int(numbers[3] * UNIT), int(numbers[4] * UNIT))
            service_s = int(numbers[5] * UNIT)
            visits.append(
                VisitNeed(
                    id=id, job_id=id, place=place, windows=(window,), service_s=service_s, skills=codes, parts=needs
                )
            )
    depot = Store(id=UUID(int=0xDE), place=0, part_ids=(*tools, *spares), handling_s=0)
    problem = Problem(
        now=_DAY, places=_places(xy), ways=_ways(xy), visits=tuple(visits), crews=tuple(crews), stores=(depot,)
    )
    return Instance(
        name=path.stem,
        kind="technicians",
        problem=problem,
        xy=xy,
        best_distance=float(best["distance"]),
        best_duration=float(best["duration"]),
    )


def _places(xy: Sequence[tuple[float, float]]) -> tuple[LonLat, ...]:
    return tuple(LonLat(x / 1000, y / 1000) for x, y in xy)


def _ways(xy: Sequence[tuple[float, float]]) -> Ways:
    rows = tuple(tuple(math.ceil(math.dist(a, b) * UNIT - 1e-6) for b in xy) for a in xy)
    return Ways(rows, (TravelSource.GREAT_CIRCLE,))
