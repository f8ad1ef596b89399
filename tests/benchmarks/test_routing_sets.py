"""Published instances: what is read of them, how plans are scored in their units, how figures are written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace

from benchmarks.planning import OURS, Case, Figures, Found, cases
from benchmarks.planning_page import sections
from benchmarks.routing_sets import DATA, UNIT, Score, score, solomon, technicians
from geo.planning.checker import check
from geo.planning.plan import Plan, Route, Stop, StopKind
from geo.planning.planners import InsertionPlanner

SOLOMON = """TINY

VEHICLE
NUMBER     CAPACITY
  2         10

CUSTOMER
CUST NO.   XCOORD.   YCOORD.    DEMAND   READY TIME   DUE DATE   SERVICE TIME

    0          0         0           0       0         100           0
    1          3         4          10      20          30          10
    2          6         8          10       0         100          10
"""
TECHNICIANS = """TINY

INFO
CREW COUNT  SKILLS  TOOLS   SPARE PARTS
25      5       5       5

ID   X     Y     TWS    TWE    Serv   SKILLS   TOOLS    SPARE PARTS
0    0     0     0      100    0      [] 	[] 	[]
1    0     10    0      100    0      [0,1] 	[] 	[1,0,0,0,0]
26   0     20    10     90     10     [1] 	[2] 	[2,0,0,0,0]
"""


def tiny(folder: Path, text: str, head: str) -> Path:
    """Write an instance with its best known figures."""
    (folder / "TINY.txt").write_text(text)
    (folder / "best_known.csv").write_text(f"{head}\n")
    return folder


def test_a_routing_instance_becomes_a_problem_and_its_plan_is_scored_exactly(tmp_path: Path) -> None:
    (instance,) = solomon(tiny(tmp_path, SOLOMON, "instance,distance,vehicles\nTINY,20.0,2"))
    problem = instance.problem
    assert (len(problem.crews), len(problem.visits)) == (2, 2)
    plan = InsertionPlanner().plan(problem, limit_s=1.0)
    assert check(problem, plan) == ()
    assert plan.unassigned == (), "each vehicle carries one of the two loads"
    # Leaving at 15 to be at the first at 20: nobody waits.
    assert score(instance, plan) == Score(distance=30.0, duration=50.0, vehicles=2, unserved=0, depot_trips=0)


def test_waiting_that_cannot_be_avoided_counts(tmp_path: Path) -> None:
    (instance,) = solomon(tiny(tmp_path, SOLOMON, "instance,distance,vehicles\nTINY,20.0,2"))
    late, soon = instance.problem.visits
    first = replace(soon, windows=(replace(soon.windows[0], to_s=12 * UNIT),))
    problem = replace(instance.problem, visits=(late, first), crews=instance.problem.crews[:1])
    stops = tuple(Stop(kind=StopKind.VISIT, begin_s=0, end_s=0, visit_id=v.id) for v in (first, late))
    scored = score(replace(instance, problem=problem), Plan(routes=(Route(UUID(int=0xC0), 0, stops),)))
    # Leave at 2, work 12 to 22, drive 5, there at 27 within the window: 10 + 10 + 5 + 10 + 5.
    assert scored.duration == pytest.approx(40.0)
    early = replace(late, windows=(replace(late.windows[0], from_s=29 * UNIT, to_s=30 * UNIT),))
    problem = replace(problem, visits=(early, first))
    scored = score(replace(instance, problem=problem), Plan(routes=(Route(UUID(int=0xC0), 0, stops),)))
    assert scored.duration == pytest.approx(42.0)


def test_technicians_fetch_tools_and_parts_at_the_depot(tmp_path: Path) -> None:
    (instance,) = technicians(tiny(tmp_path, TECHNICIANS, "instance,duration,distance\nTINY,50.0,40.0"))
    plan = InsertionPlanner().plan(instance.problem, limit_s=1.0)
    assert check(instance.problem, plan) == ()
    assert score(instance, plan) == Score(distance=40.0, duration=50.0, vehicles=1, unserved=0, depot_trips=1)
    without = replace(instance.problem, stores=())
    assert len(InsertionPlanner().plan(without, limit_s=1.0).unassigned) == 1


def test_the_real_instances_are_read_whole() -> None:
    if not DATA.is_dir():
        pytest.skip(f"THE PUBLISHED INSTANCES ARE NOT THERE: put solomon/ and trsp/ into {DATA}")
    routes, days = solomon(), technicians()
    assert {len(i.problem.visits) for i in routes} == {100}
    assert {(len(i.problem.crews), len(i.problem.visits)) for i in days} == {(25, 100)}
    assert all(i.best_duration for i in days)


def test_without_instances_nothing_is_read(tmp_path: Path) -> None:
    assert solomon(tmp_path / "absent") == technicians(tmp_path / "absent") == []


def test_what_is_measured_is_told_with_what_could_not_be_reached() -> None:
    def found(limit_s: float, distance: float, unserved: int = 0) -> Found:
        return Found(
            case=Case("R1", "solomon", OURS, limit_s),
            best_distance=100.0,
            best_duration=None,
            distance=distance,
            duration=1.0,
            vehicles=3,
            unserved=unserved,
            depot_trips=0,
            broken=0,
        )

    figures = Figures(at=datetime(2026, 1, 1, tzinfo=UTC), machine="one", found=(found(1, 110.0), found(5, 90.0, 2)))
    told = sections(figures)
    assert "+10.00 %" in told["planning: summary"]
    assert "**2 not reached**" in told["planning: solomon"]
    assert told["planning: technicians"] == told["planning: urgent"] == "Not measured."


def test_the_short_runs_come_first_and_pyvrp_last() -> None:
    if not DATA.is_dir():
        pytest.skip(f"THE PUBLISHED INSTANCES ARE NOT THERE: put solomon/ and trsp/ into {DATA}")
    wanted = list(cases([*solomon()[:1], *technicians()[:1]], (1.0, 20.0), pyvrp=True))
    assert [(c.planner, c.limit_s, c.depot) for c in wanted] == [
        ("Onsite", 1.0, True),
        ("Onsite", 1.0, True),
        ("Onsite", 20.0, True),
        ("Onsite", 20.0, True),
        ("Onsite", 20.0, False),
        ("PyVRP", 60.0, True),
        ("PyVRP", 60.0, False),
    ]
