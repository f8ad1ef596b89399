"""Solvers in their own process: answers, hard limits, faults, and planning that goes on without them."""

from __future__ import annotations

import sys

import numpy as np
import psutil
import pytest
from msgspec.structs import replace

from geo.planning.checker import check
from geo.planning.planners import RoutingPlanner, pyvrp_is_there
from geo.planning.solver_process import SolverProcess
from geo.planning.solver_task import Method, SolverBreak, SolverJob, SolverTask, SolverVehicle
from tests.geo.planning.days import morning
from tests.geo.planning.scene import HOUR, crew, leak, planned, street, visit


def task(jobs: int = 6, **changes: object) -> SolverTask:
    """Build a street of jobs with a vehicle at either end."""
    ways = np.array([[abs(a - b) * 600 for b in range(jobs + 2)] for a in range(jobs + 2)], dtype="<u4")
    plain = SolverTask(
        jobs=tuple(SolverJob(id=n, place=n + 1, service=600) for n in range(jobs)),
        vehicles=tuple(
            SolverVehicle(id=n, crew=n, start=(0, jobs + 1)[n], end=(0, jobs + 1)[n], opens=0, closes=10 * HOUR)
            for n in range(2)
        ),
        ways=ways.tobytes(),
        size=jobs + 2,
        limit_s=2.0,
    )
    return replace(plain, **changes)


def test_vroom_answers_from_a_process_of_its_own_which_ends_when_it_is_closed() -> None:
    with SolverProcess() as solver:
        answer = solver.solve(task())
        pid = solver.pid
        assert pid is not None
        assert psutil.Process(pid).children() == []
        assert "vroom" not in sys.modules
    assert answer.fault is None
    assert sorted(job for row in answer.rows.values() for job in row) == list(range(6))
    assert not psutil.pid_exists(pid)


def test_a_solver_is_told_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONSITE_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("PGPASSWORD", "secret")
    with SolverProcess() as solver:
        assert solver.solve(task()).fault is None
        environ = psutil.Process(solver.pid).environ()
    assert not {"ONSITE_DATABASE_URL", "PGPASSWORD"} & set(environ)


def test_polish_is_never_worse_and_keeps_every_job() -> None:
    with SolverProcess() as solver:
        plain, polished = solver.solve(task(20)), solver.solve(task(20, polish=True, limit_s=1.0))
    assert polished.cost <= plain.cost
    assert sorted(job for row in polished.rows.values() for job in row) == list(range(20))


def test_breaks_and_the_rows_to_begin_with_come_back() -> None:
    asked = task()
    breaks = (SolverBreak(0, 1800, 3600, 600),)
    warm = tuple(replace(v, breaks=breaks, steps=((0, 1, 2), (5, 4, 3))[v.id]) for v in asked.vehicles)
    with SolverProcess() as solver:
        answer = solver.solve(replace(asked, vehicles=warm))
    assert answer.fault is None
    assert all(-1 in row for row in answer.rows.values())


def test_who_does_not_answer_in_time_is_killed_and_the_next_task_has_a_new_process() -> None:
    with SolverProcess(start_s=0.0, grace_s=0.0) as solver:
        stuck = solver.solve(task(limit_s=0.01))
        assert stuck.fault is not None
        assert "was stopped" in stuck.fault
        assert solver.pid is None
    with SolverProcess() as solver:
        first = solver.solve(task())
        pid = solver.pid
        assert pid is not None
        psutil.Process(pid).kill()
        second = solver.solve(task())
        third = solver.solve(task())
    assert first.fault is None
    assert second.fault is None or "ended" in second.fault
    assert third.fault is None


def test_a_task_that_cannot_be_read_is_a_fault_and_no_end() -> None:
    broken = replace(task(), ways=b"\0\0\0\0", size=1)
    with SolverProcess() as solver:
        assert solver.solve(broken).fault is not None
        assert solver.solve(task()).fault is None


def test_without_an_answer_the_day_is_planned_by_insertion_and_says_so() -> None:
    day = morning(3)
    with SolverProcess(start_s=0.0, grace_s=0.0) as solver:
        plan = RoutingPlanner(solver).plan(day, limit_s=0.01)
    assert check(day, plan) == ()
    assert any("was stopped" in note for note in plan.notes)


def test_urgent_visits_are_planned_first_and_pinned() -> None:
    burst = leak(50, 7)
    day = street([crew(0, 0), crew(1, 20)], [*(visit(n, n) for n in range(12)), burst])
    with SolverProcess() as solver:
        plan = RoutingPlanner(solver, polish=False).plan(day, limit_s=4.0)
    assert check(day, plan) == ()
    assert plan.notes == ()
    stops = {stop.visit_id: stop for route in plan.routes for stop in route.stops}
    assert stops[burst.id].begin_s == 7 * 600


def test_territories_are_planned_one_by_one_and_leave_nobody_out() -> None:
    day = street([crew(n, 7 * n) for n in range(4)], [visit(n, n, service_s=600) for n in range(28)])
    small = replace(day, policy=replace(day.policy, territory_visits=10))
    with SolverProcess() as solver:
        plan = RoutingPlanner(solver, polish=False).plan(small, limit_s=8.0)
    assert check(small, plan) == ()
    assert plan.unassigned == planned(day).unassigned == ()


def test_pyvrp_plans_routes_where_it_is_installed() -> None:
    if not pyvrp_is_there():
        pytest.skip("PyVRP IS NOT INSTALLED: its adapter is not tested; pip install 'onsite[night]' brings it")
    jobs = [visit(n, 2 * n) for n in range(8)]
    day = street([crew(0, 0, end=0), crew(1, 20, end=20)], jobs)
    with SolverProcess() as solver:
        plan = RoutingPlanner(solver, method=Method.PYVRP).plan(day, limit_s=1.0)
    assert check(day, plan) == ()
    assert plan.notes == ()
    assert plan.unassigned == ()


def test_pyvrp_says_what_it_has_no_notion_of() -> None:
    if not pyvrp_is_there():
        pytest.skip("PyVRP IS NOT INSTALLED: its adapter is not tested; pip install 'onsite[night]' brings it")
    asked = task(method=Method.PYVRP)
    with_break = replace(asked.vehicles[0], breaks=(SolverBreak(0, 0, 10, 10),))
    with SolverProcess() as solver:
        answer = solver.solve(replace(asked, vehicles=(with_break,)))
    assert answer.fault is not None
    assert "neither breaks" in answer.fault
