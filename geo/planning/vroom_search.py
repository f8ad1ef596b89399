"""VROOM at work: one task in, one answer out, and re-solving parts of a plan while there is time. Runs in the solver's process only.

VROOM holds the interpreter lock while it solves, so that no other thread of its process does anything meanwhile.
"""

from __future__ import annotations

import random
import time
from datetime import timedelta
from typing import Final

import numpy as np
import vroom
from msgspec.structs import replace

from geo.planning.solver_task import SolverAnswer, SolverJob, SolverTask, SolverVehicle

_AT_ONCE: Final = (3, 4, 5, 6)
_PART_LIMIT_S: Final = 4.0


def solve(task: SolverTask) -> SolverAnswer:
    """Solve a task within its limit. Raises what VROOM raises for a task it cannot read."""
    until = time.monotonic() + task.limit_s
    ways = np.frombuffer(task.ways, dtype="<u4").reshape(task.size, task.size)
    answer = _once(task, ways, limit_s=task.limit_s)
    return _polish(task, ways, answer, until=until) if task.polish else answer


def _once(task: SolverTask, ways: np.ndarray, *, limit_s: float) -> SolverAnswer:
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
    return SolverAnswer(
        rows={id: tuple(row) for id, row in rows.items()},
        unassigned=tuple(job.id for job in found.unassigned),
        cost=int(found.summary.cost),
    )


def _polish(task: SolverTask, ways: np.ndarray, answer: SolverAnswer, *, until: float) -> SolverAnswer:
    """Take some neighbouring rows, solve them again with what is unassigned, keep what is better; until the time is over."""
    dice = random.Random(task.seed)  # noqa: S311
    jobs = {job.id: job for job in task.jobs}
    vehicles = {vehicle.id: vehicle for vehicle in task.vehicles}
    rows = dict(answer.rows)
    cost, unassigned = answer.cost, list(answer.unassigned)
    tried: set[tuple[int, ...]] = set()
    misses = 0
    while (left_s := until - time.monotonic()) > 0.05 and misses < 200:
        part = _part(task, ways, rows, dice)
        key = (*part, len(unassigned))
        if key in tried:
            misses += 1
            continue
        tried.add(key)
        mine = [id for vehicle in part for id in rows[vehicle] if id >= 0]
        sub = replace(
            task,
            vehicles=tuple(replace(vehicles[id], steps=rows[id]) for id in part),
            jobs=tuple(jobs[id] for id in (*mine, *unassigned)),
        )
        before = _cost(rows, sub, ways)
        cold = replace(sub, vehicles=tuple(vehicles[id] for id in part))
        found = _once(sub if dice.random() < 0.3 else cold, ways, limit_s=min(left_s, _PART_LIMIT_S))
        better = (_worth(found.unassigned, jobs), found.cost) < (_worth(unassigned, jobs), before)
        misses = 0 if better else misses + 1
        if better:
            cost += found.cost - before
            rows.update(found.rows)
            unassigned = list(found.unassigned)
            tried = {key for key in tried if not set(part) & set(key[:-1])}
    return SolverAnswer(rows=rows, unassigned=tuple(unassigned), cost=cost)


def _part(task: SolverTask, ways: np.ndarray, rows: dict[int, tuple[int, ...]], dice: random.Random) -> tuple[int, ...]:
    """Choose a vehicle and those whose jobs are near one of its jobs."""
    place = {job.id: job.place for job in task.jobs}
    starts = {vehicle.id: vehicle.start for vehicle in task.vehicles}
    spots = {id: [place[j] for j in row if j >= 0] or [starts[id]] for id, row in rows.items()}
    seed = dice.choice(sorted(rows))
    here = dice.choice(spots[seed])
    near = {id: int(ways[here, spots[id]].min()) + dice.random() for id in rows if id != seed}
    count = min(len(near), dice.choice(_AT_ONCE) - 1)
    return tuple(sorted([seed, *sorted(near, key=lambda id: near[id])[:count]]))


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
