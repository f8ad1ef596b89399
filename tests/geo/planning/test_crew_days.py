"""The days of crews whose people have several shifts: all of them count, and between two the crew pauses."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from geo.coordinates import LonLat
from geo.planning.checker import check
from geo.planning.ground import Ground, JobRow, ShiftRow, VisitRow
from geo.planning.laying import Scope, lay_out
from geo.planning.measure import planned_visits
from geo.planning.problem import Problem
from geo.planning.repair import repair
from geo.travel import GreatCircleTravel, SpeedTable
from mobile_contract.schema.job import JobState, VisitState
from mobile_contract.schema.planning import PlanningRules

ZONE = "Asia/Shanghai"
MIDNIGHT = datetime(2026, 3, 2, tzinfo=ZoneInfo(ZONE))
HOUR = timedelta(hours=1)
H = 3600
ANN, BEN, CREW = UUID(int=1), UUID(int=2), UUID(int=3)
HERE = LonLat(116.4, 39.9)


def shift(begins_h: float, ends_h: float, person: UUID = ANN, crew: UUID | None = None) -> ShiftRow:
    return ShiftRow(
        person_id=person, crew_id=crew, from_at=MIDNIGHT + begins_h * HOUR, to_at=MIDNIGHT + ends_h * HOUR, base=HERE
    )


def problem_of(now_h: float, *shifts: ShiftRow, visits: tuple[VisitRow, ...] = ()) -> Problem:
    now = MIDNIGHT + now_h * HOUR
    ground = Ground(zone=ZONE, visits=visits, jobs=(), shifts=shifts)
    travel = GreatCircleTravel(SpeedTable(zone=ZONE))
    scope = Scope(plan_id=UUID(int=9), until=MIDNIGHT + 30 * HOUR)
    return lay_out(ground, travel, PlanningRules(id=UUID(int=8)), scope, now=now).problem


def told(problem: Problem) -> list[tuple[int, int, list[tuple[int, int]]]]:
    """Tell each day: its shift, and its fixed pauses, in seconds from now; breaks of the rules aside."""
    return [
        (
            day.shift.from_s,
            day.shift.to_s,
            [(b.from_s, b.from_s + b.duration_s) for b in day.breaks if b.from_s == b.to_s],
        )
        for day in problem.crews
    ]


def test_a_morning_and_an_afternoon_are_one_day_with_a_pause() -> None:
    problem = problem_of(9, shift(8, 12), shift(14, 18))
    assert told(problem) == [(0, 9 * H, [(3 * H, 5 * H)])]
    assert len(problem.crews[0].breaks) == 1, "lunch lies in the pause"


def test_tonights_shift_counts_while_last_nights_runs() -> None:
    assert told(problem_of(5, shift(-2, 6), shift(22, 30))) == [(0, 25 * H, [(1 * H, 17 * H)])]


def test_a_crew_pauses_when_anybody_of_it_does() -> None:
    problem = problem_of(7, shift(8, 12, ANN, CREW), shift(13, 18, ANN, CREW), shift(8, 18, BEN, CREW))
    assert told(problem) == [(1 * H, 11 * H, [(5 * H, 6 * H)])]


def test_a_pause_at_either_end_shortens_the_day() -> None:
    late = problem_of(7, shift(8, 9, ANN, CREW), shift(11, 18, ANN, CREW), shift(9, 18, BEN, CREW))
    assert told(late) == [(4 * H, 11 * H, [])]
    early = problem_of(7, shift(8, 15, ANN, CREW), shift(17, 20, ANN, CREW), shift(8, 16, BEN, CREW))
    assert told(early) == [(1 * H, 8 * H, [])]


def test_a_visit_in_the_afternoon_stays_while_the_morning_runs() -> None:
    job = JobRow(id=UUID(int=4), number="R-1", state=JobState.SCHEDULED, point=HERE)
    begins = MIDNIGHT + 15 * HOUR
    standing = VisitRow(
        id=UUID(int=5),
        job=job,
        state=VisitState.DISPATCHED,
        person_id=ANN,
        planned_start_at=begins,
        planned_end_at=begins + HOUR,
    )
    problem = problem_of(9, shift(8, 12), shift(14, 18), visits=(standing,))
    plan = repair(problem)
    (kept,) = planned_visits(plan).values()
    assert kept.crew_id == ANN
    assert abs(kept.begin_s - 6 * H) <= problem.policy.told_shift_s
    assert check(problem, plan) == ()
