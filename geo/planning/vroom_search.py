"""VROOM at work: one task in, one answer out, and re-solving parts of a plan while there is time. Runs in the solver's process only.

VROOM holds the interpreter lock while it solves, so that no other thread of its process does anything meanwhile.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import numpy as np
import vroom
from msgspec.structs import replace
from vroom._vroom import VroomInputException

from geo.planning.solver_task import SolverAnswer, SolverJob, SolverTask, SolverVehicle

_AT_ONCE: Final = (3, 4, 5, 6)
_PART_LIMIT_S: Final = 4.0
_LEVELS: Final = (1, 1, 3)
_WARM_SHARE: Final = 0.3
# So many parts in a row without a better answer, and there is hardly one.
_ENOUGH: Final = 300
_VEHICLE: Final = re.compile(r"vehicle (\d+)")


def solve(task: SolverTask) -> SolverAnswer:
    """Solve a task within its limit. Raises what VROOM raises for a task it cannot read."""
    clock = time.process_time if task.by_cpu else time.monotonic
    until = clock() + task.limit_s
    ways = np.frombuffer(task.ways, dtype="<u4").reshape(task.size, task.size)
    answer = _settled(task, ways, task.limit_s * _waited(task), random.Random(task.seed))  # noqa: S311
    return _polish(task, ways, answer, lambda: until - clock()) if task.polish else answer


def _waited(task: SolverTask) -> float:
    """Give how many seconds may pass for one that counts; VROOM itself knows only those that pass."""
    return 20.0 if task.by_cpu else 1.0


def _once(task: SolverTask, ways: np.ndarray, *, limit_s: float) -> SolverAnswer:
    """Solve once, from the rows given; a row that VROOM will not begin with is left out."""
    while True:
        try:
            return _solved(task, ways, limit_s=limit_s)
        except VroomInputException as refused:
            named = _VEHICLE.search(str(refused))
            begun = [vehicle.id for vehicle in task.vehicles if vehicle.steps]
            if not begun:
                raise
            out = {int(named[1])} & set(begun) if named else set()
            vehicles = [replace(v, steps=()) if v.id in (out or begun) else v for v in task.vehicles]
            task = replace(task, vehicles=tuple(vehicles))


def _solved(task: SolverTask, ways: np.ndarray, *, limit_s: float) -> SolverAnswer:
    problem = vroom.Input()
    problem.set_durations_matrix("car", ways)
    for vehicle in task.vehicles:
        problem.add_vehicle(_vehicle(vehicle))
    for job in task.jobs:
        problem.add_job(_job(job))
    found = problem.solve(task.level, nb_threads=1, timeout=timedelta(seconds=max(0.05, limit_s)))
    rows: dict[int, list[int]] = {vehicle.id: [] for vehicle in task.vehicles}
    table = found.routes
    if len(table):
        ids = table["id"].tolist() if "id" in table else [0] * len(table)
        for vehicle_id, kind, id in zip(table["vehicle_id"].tolist(), table["type"].tolist(), ids, strict=True):
            if kind == "job":
                rows[vehicle_id].append(int(id))
            elif kind == "break":
                rows[vehicle_id].append(-1 - int(id))
    served = {item for row in rows.values() for item in row}
    return SolverAnswer(
        rows={id: tuple(row) for id, row in rows.items()},
        unassigned=tuple(job.id for job in task.jobs if job.id not in served),
        cost=int(found.summary.cost),
    )


def _settled(task: SolverTask, ways: np.ndarray, limit_s: float, dice: random.Random) -> SolverAnswer:
    """Solve so that no crew begins its day in two ways: where it does, the way with less work is closed to it."""
    answer = _once(task, ways, limit_s=limit_s)
    while doubled := _doubled(task, answer):
        closed = set()
        for used in doubled:
            work = {id: len(answer.rows[id]) + dice.random() for id in used}
            closed |= set(used) - {max(used, key=lambda id: work[id])}
        task = replace(task, vehicles=tuple(v for v in task.vehicles if v.id not in closed))
        answer = _once(task, ways, limit_s=limit_s)
    return answer


def _doubled(task: SolverTask, answer: SolverAnswer) -> list[list[int]]:
    """List the vehicles in use of each crew that has more than one in use."""
    used: dict[int, list[int]] = {}
    for vehicle in task.vehicles:
        if any(item >= 0 for item in answer.rows.get(vehicle.id, ())):
            used.setdefault(vehicle.crew, []).append(vehicle.id)
    return [ids for ids in used.values() if len(ids) > 1]


def _polish(task: SolverTask, ways: np.ndarray, answer: SolverAnswer, left: Callable[[], float]) -> SolverAnswer:
    """Take some neighbouring crews, solve them again with what is unassigned, keep what is better; until the time is over."""
    dice = random.Random(task.seed)  # noqa: S311
    jobs = {job.id: job for job in task.jobs}
    rows = {vehicle.id: answer.rows.get(vehicle.id, ()) for vehicle in task.vehicles}
    cost, unassigned = answer.cost, list(answer.unassigned)
    misses = 0
    while (left_s := left()) > 0.05 and misses < _ENOUGH:
        part = _part(task, ways, rows, dice)
        vehicles = [vehicle for vehicle in task.vehicles if vehicle.crew in part]
        mine = [*(item for v in vehicles for item in rows[v.id] if item >= 0), *unassigned]
        misses += 1
        if not mine:
            continue
        sub = replace(task, level=dice.choice(_LEVELS), vehicles=tuple(vehicles), jobs=tuple(jobs[id] for id in mine))
        before = (_worth(unassigned, jobs), _cost(rows, sub, ways))
        if dice.random() < _WARM_SHARE:
            sub = replace(sub, vehicles=tuple(replace(v, steps=rows[v.id]) for v in vehicles))
        found = _settled(sub, ways, min(left_s, _PART_LIMIT_S) * _waited(task), dice)
        if (_worth(found.unassigned, jobs), found.cost) < before:
            misses = 0
            cost += found.cost - before[1]
            rows.update({v.id: found.rows.get(v.id, ()) for v in vehicles})
            unassigned = list(found.unassigned)
    return SolverAnswer(rows=rows, unassigned=tuple(unassigned), cost=cost)


def _part(task: SolverTask, ways: np.ndarray, rows: dict[int, tuple[int, ...]], dice: random.Random) -> frozenset[int]:
    """Choose a crew and those whose jobs are near one of its jobs, or any that do nothing yet."""
    place = {job.id: job.place for job in task.jobs}
    spots: dict[int, list[int]] = {}
    for vehicle in task.vehicles:
        spots.setdefault(vehicle.crew, []).extend(place[item] for item in rows[vehicle.id] if item >= 0)
    starts = {vehicle.crew: vehicle.start for vehicle in reversed(task.vehicles)}
    kinds = {v.crew: (v.start, v.end, v.opens, v.closes, v.skills, v.capacity) for v in reversed(task.vehicles)}
    busy = sorted(crew for crew in spots if spots[crew]) or sorted(spots)
    seed = dice.choice(busy)
    here = dice.choice(spots[seed] or [starts[seed]])
    near = {c: int(ways[here, spots[c] or [starts[c]]].min()) + dice.random() for c in spots if c != seed}
    ranked, alike = [], set()
    for crew in sorted(near, key=lambda crew: near[crew]):
        # Of crews that do nothing and are alike one is enough to try.
        kind = None if spots[crew] else kinds[crew]
        if kind is None or kind not in alike:
            ranked.append(crew)
            alike.add(kind)
    return frozenset([seed, *ranked[: dice.choice(_AT_ONCE) - 1]])


def _cost(rows: dict[int, tuple[int, ...]], sub: SolverTask, ways: np.ndarray) -> int:
    jobs = {job.id: job for job in sub.jobs}
    driven = 0
    for vehicle in sub.vehicles:
        stops = [jobs[item].place for item in rows[vehicle.id] if item >= 0]
        if not stops:
            continue
        path = [vehicle.start, *stops, *([] if vehicle.end is None else [vehicle.end])]
        driven += int(ways[path[:-1], path[1:]].sum()) + vehicle.fixed_cost
    return driven


def _worth(ids: tuple[int, ...] | list[int], jobs: dict[int, SolverJob]) -> int:
    return sum(1 + jobs[id].priority for id in ids)


def _vehicle(vehicle: SolverVehicle) -> vroom.Vehicle:
    steps = []
    if vehicle.steps:
        middle = [
            vroom.VehicleStep("break", -1 - s) if s < 0 else vroom.VehicleStep("single", s) for s in vehicle.steps
        ]
        steps = [vroom.VehicleStep("start"), *middle, vroom.VehicleStep("end")]
    return vroom.Vehicle(
        vehicle.id,
        start=vehicle.start,
        end=vehicle.end,
        skills=set(vehicle.skills),
        capacity=list(vehicle.capacity),
        time_window=(vehicle.opens, vehicle.closes),
        breaks=[vroom.Break(b.id, [vroom.TimeWindow(b.opens, b.closes)], b.duration) for b in vehicle.breaks],
        costs=vroom.VehicleCosts(fixed=vehicle.fixed_cost),
        steps=steps,
    )


def _job(job: SolverJob) -> vroom.Job:
    return vroom.Job(
        job.id,
        job.place,
        default_setup=job.setup,
        default_service=job.service,
        delivery=list(job.amounts),
        skills=set(job.skills),
        priority=job.priority,
        time_windows=[vroom.TimeWindow(opens, closes) for opens, closes in job.windows],
    )
