"""Repair of a running day of 200 visits and 25 crews: speed of an urgent insertion, how little changes, what never moves."""

from __future__ import annotations

from msgspec.structs import replace

from benchmarks.running_day import running_day, with_leak
from geo.planning.checker import check
from geo.planning.measure import changed, planned_visits
from geo.planning.repair import insert_urgently, repair, stand
from geo.planning.solver_process import SolverProcess
from tests.geo.planning.scene import HOUR, crew, leak, standing, street, visit, who


def test_an_urgent_insertion_alone_finds_somebody_for_every_leak() -> None:
    day = running_day()
    for number in range(8):
        problem, _ = with_leak(day, number)
        assert insert_urgently(stand(problem), [len(problem.visits) - 1]) == []


def test_after_an_urgent_visit_few_others_change_and_nothing_frozen_moves() -> None:
    day = running_day(seed=2)
    with SolverProcess() as solver:
        for number in range(2):
            problem, burst = with_leak(day, number)
            plan = repair(problem, solver, limit_s=2.0)
            assert check(problem, plan) == ()
            assert burst.id not in plan.unassigned
            assert changed(problem, plan) <= 0.15 * len(problem.current)
            after = planned_visits(plan)
            frozen = [p for p in problem.current if p.begin_s < problem.policy.freeze_s]
            assert frozen
            assert all(after[p.visit_id] == p for p in frozen)


def test_laying_out_the_standing_day_changes_nothing() -> None:
    day = running_day(seed=3)
    plan = stand(day).to_plan(planners=["insertion"])
    assert changed(day, plan) == 0
    assert plan.unassigned == ()


def test_a_later_stage_is_taken_only_where_it_is_better() -> None:
    day = standing(street([crew(0, 0), crew(1, 20)], [visit(n, 2 * n) for n in range(8)]))
    problem = replace(day, visits=(*day.visits, leak(50, 19)))
    alone = repair(problem)
    with SolverProcess() as solver:
        helped = repair(problem, solver, limit_s=4.0)
    assert check(problem, helped) == ()
    assert who(helped, problem.visits[-1]) == who(alone, problem.visits[-1]) == 1
    assert changed(problem, helped) <= max(changed(problem, alone), int(0.15 * len(day.current)))


def test_a_day_without_news_stays_as_it_is() -> None:
    day = standing(street([crew(0, 0), crew(1, 20)], [visit(n, 2 * n, due_s=9 * HOUR) for n in range(8)]))
    with SolverProcess() as solver:
        plan = repair(day, solver, limit_s=4.0)
    assert changed(day, plan) == 0
