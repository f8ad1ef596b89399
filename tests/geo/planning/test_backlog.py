"""A backlog as a planning problem: who goes together, from where and when, and a plan of it that keeps all rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from geo.candidates import Candidate, DispatchPolicy, Need
from geo.coordinates import LonLat
from geo.planning.backlog import problem_of_backlog
from geo.planning.checker import check
from geo.planning.measure import planned_visits
from geo.planning.planners import InsertionPlanner
from geo.travel import GreatCircleTravel
from mobile_contract.schema.base import Priority, Skill

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
NORTH, SOUTH, FAR = (UUID(int=n) for n in (101, 102, 103))
CREW = UUID(int=50)
TRAVEL = GreatCircleTravel()


def person(number: int, **changes: object) -> Candidate:
    """Build somebody on shift for four more hours, numbered kilometres north."""
    fields: dict[str, object] = {
        "shift_from_at": NOW - timedelta(hours=4),
        "shift_to_at": NOW + timedelta(hours=4),
        "position": LonLat(-20.0, 45.0 + 0.009 * number),
        "position_at": NOW,
    }
    return Candidate(person_id=UUID(int=number), **{**fields, **changes})  # type: ignore[arg-type]


def need(number: int, **changes: object) -> Need:
    """Build an hour's job."""
    fields: dict[str, object] = {"point": LonLat(-20.0, 45.0)}
    return Need(job_id=UUID(int=1000 + number), **{**fields, **changes})  # type: ignore[arg-type]


def test_a_crew_goes_together_with_all_skills_while_all_are_on_shift_and_free() -> None:
    gas, pipe = Skill(code="gas"), Skill(code="pipe")
    members = [
        person(1, crew_id=CREW, skills=(gas,), open_work_s=1800.0),
        person(2, crew_id=CREW, skills=(pipe,), shift_to_at=NOW + timedelta(hours=2), district_ids=(NORTH,)),
        person(3),
    ]
    problem = problem_of_backlog([], members, TRAVEL, now=NOW)
    together, alone = problem.crews
    assert (together.crew_id, together.skills, together.district_ids) == (CREW, (gas, pipe), (NORTH,))
    assert (together.shift.to_s, together.ready_s) == (7200, 1800)
    assert (alone.crew_id, alone.ready_s) == (UUID(int=3), 0)


def test_who_cannot_go_and_what_has_no_place_is_left_out() -> None:
    people = [person(1, position=None), person(2, shift_to_at=NOW), person(3)]
    problem = problem_of_backlog([need(1, point=None), need(2)], people, TRAVEL, now=NOW)
    assert [crew.crew_id for crew in problem.crews] == [UUID(int=3)]
    assert [visit.job_id for visit in problem.visits] == [UUID(int=1002)]


def test_districts_bind_own_above_and_neighbours_unless_they_do_not_matter() -> None:
    wanted = need(1, district_id=NORTH, neighbour_ids=(SOUTH,))
    near, far = person(1, district_ids=(FAR,)), person(9, district_ids=(SOUTH,))
    problem = problem_of_backlog([wanted], [near, far], TRAVEL, now=NOW)
    (planned,) = planned_visits(InsertionPlanner().plan(problem, limit_s=1.0)).values()
    assert planned.crew_id == far.person_id
    anywhere = problem_of_backlog([wanted], [near, far], TRAVEL, now=NOW, policy=DispatchPolicy(any_district=True))
    (planned,) = planned_visits(InsertionPlanner().plan(anywhere, limit_s=1.0)).values()
    assert planned.crew_id == near.person_id


def test_a_plan_of_a_backlog_serves_the_urgent_in_time_and_keeps_every_rule() -> None:
    needs = [need(n, point=LonLat(-20.0, 45.0 + 0.01 * n)) for n in range(8)]
    burst = need(50, priority=Priority.EMERGENCY, due_at=NOW + timedelta(minutes=30))
    problem = problem_of_backlog([*needs, burst], [person(n) for n in range(1, 4)], TRAVEL, now=NOW)
    plan = InsertionPlanner().plan(problem, limit_s=1.0)
    assert check(problem, plan) == ()
    assert plan.late == ()
    assert planned_visits(plan)[burst.job_id].begin_s <= 1800
