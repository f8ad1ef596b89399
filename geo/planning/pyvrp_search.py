"""PyVRP at work: one task in, one answer out, for checking route quality at night. Runs in the solver's process only.

Skills become profiles whose forbidden ways are long; breaks, setup and several windows are not its own, so tasks with them are refused.
"""

from __future__ import annotations

import time

import numpy as np
from pyvrp import Model
from pyvrp.stop import MaxRuntime

from geo.planning.solver_task import SolverAnswer, SolverTask

_UNSERVED = 1_000_000
_FAR = 10_000_000


def solve(task: SolverTask) -> SolverAnswer:
    """Solve a task within its limit; `fault` for what PyVRP has no notion of."""
    if any(v.breaks for v in task.vehicles) or any(len(j.windows) > 1 or j.setup for j in task.jobs):
        return SolverAnswer(fault="pyvrp knows neither breaks nor setup nor several windows")
    if any(v.end is None for v in task.vehicles):
        return SolverAnswer(fault="pyvrp knows no open ends")
    if len({v.crew for v in task.vehicles}) < len(task.vehicles):
        return SolverAnswer(fault="pyvrp knows no choice between two ways to begin a day")
    return _Search(task).run()


class _Search:
    def __init__(self, task: SolverTask) -> None:
        self.task = task
        self.ways = np.frombuffer(task.ways, dtype="<u4").reshape(task.size, task.size)
        self.model = Model()
        self.points = [self.model.add_location(0, 0) for _ in range(task.size)]
        self.profiles: dict[tuple[int, ...], object] = {}

    def run(self) -> SolverAnswer:
        for job in self.task.jobs:
            opens, closes = job.windows[0] if job.windows else (0, 10**9)
            self.model.add_client(
                self.points[job.place],
                delivery=list(job.amounts),
                service_duration=job.service,
                tw_early=opens,
                tw_late=closes,
                prize=_UNSERVED * (1 + job.priority),
                required=False,
            )
        self._vehicles()
        best = self.model.solve(_stop(self.task), seed=self.task.seed, display=False).best
        ids = [job.id for job in self.task.jobs]
        rows: dict[int, tuple[int, ...]] = {vehicle.id: () for vehicle in self.task.vehicles}
        served = set()
        driven = 0
        for route in best.routes():
            visits = [activity.idx for activity in route.schedule() if activity.is_client()]
            rows[self.task.vehicles[route.vehicle_type()].id] = tuple(ids[at] for at in visits)
            served.update(visits)
            driven += int(route.distance())
        left = tuple(id for at, id in enumerate(ids) if at not in served)
        return SolverAnswer(rows=rows, unassigned=left, cost=driven)

    def _vehicles(self) -> None:
        depots: dict[int, object] = {}
        for vehicle in self.task.vehicles:
            for place in (vehicle.start, vehicle.start if vehicle.end is None else vehicle.end):
                if place not in depots:
                    depots[place] = self.model.add_depot(self.points[place])
            self.model.add_vehicle_type(
                1,
                start_depot=depots[vehicle.start],
                end_depot=depots[vehicle.start if vehicle.end is None else vehicle.end],
                capacity=list(vehicle.capacity),
                tw_early=vehicle.opens,
                tw_late=vehicle.closes,
                profile=self._profile(vehicle.skills),
            )

    def _profile(self, skills: tuple[int, ...]) -> object:
        profile = self.profiles.get(skills)
        if profile is None:
            profile = self.profiles[skills] = self.model.add_profile()
            shut = {job.place for job in self.task.jobs if not set(job.skills) <= set(skills)}
            for a, origin in enumerate(self.points):
                for b, goal in enumerate(self.points):
                    way = int(self.ways[a, b]) + (_FAR if a != b and (b in shut or a in shut) else 0)
                    self.model.add_edge(origin, goal, distance=way, duration=way, profile=profile)
        return profile


class _MaxProcessorTime:
    """Stops after seconds of processor time."""

    def __init__(self, limit_s: float) -> None:
        self._until = time.process_time() + limit_s

    def __call__(self, best_cost: float) -> bool:
        return time.process_time() >= self._until


def _stop(task: SolverTask) -> MaxRuntime | _MaxProcessorTime:
    return _MaxProcessorTime(task.limit_s) if task.by_cpu else MaxRuntime(task.limit_s)
