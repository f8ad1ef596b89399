"""Ranking of candidates and dispatch of a backlog: who is left out and why, order, ties, load, speed."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.backlog import dispatch_backlog
from geo.candidates import EXCLUDING, Candidate, DispatchPolicy, Need, Reason, ReasonCount, Suggestion
from geo.coordinates import LonLat
from geo.ranking import rank_candidates
from geo.reason_texts import REASON_TEXTS
from geo.travel import GreatCircleTravel, TravelSource
from mobile_contract.schema.base import Priority, Skill

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
TRAVEL = GreatCircleTravel()
HERE = LonLat(-20.0, 45.0)
NORTH, SOUTH, FAR = UUID(int=101), UUID(int=102), UUID(int=103)


def candidate(number: int, **changes: object) -> Candidate:
    """Build someone on shift with a fresh position, numbered kilometres away from HERE."""
    plain = Candidate(
        person_id=UUID(int=number),
        shift_from_at=NOW - timedelta(hours=4),
        shift_to_at=NOW + timedelta(hours=4),
        position=LonLat(-20.0, 45.0 + 0.009 * number),
        position_at=NOW - timedelta(minutes=1),
        position_accuracy_m=10.0,
        district_ids=(NORTH,),
    )
    return msgspec.structs.replace(plain, **changes)


def need(number: int = 1, **changes: object) -> Need:
    """Build a job at HERE in the northern district."""
    plain = Need(job_id=UUID(int=1000 + number), point=HERE, district_id=NORTH, neighbour_ids=(SOUTH,))
    return msgspec.structs.replace(plain, **changes)


def rank(wanted: Need, *candidates: Candidate, policy: DispatchPolicy | None = None) -> list[Suggestion]:
    """Rank at NOW with the embedded estimate."""
    return rank_candidates(wanted, candidates, TRAVEL, now=NOW, policy=policy)


def numbers(suggestions: list[Suggestion]) -> list[int]:
    """Give the numbers of the persons in order."""
    return [s.person_id.int for s in suggestions]


def test_the_nearest_comes_first_with_travel_source_and_an_arrival_as_a_range() -> None:
    ranked = rank(need(), candidate(3), candidate(1), candidate(2))
    assert numbers(ranked) == [1, 2, 3]
    best = ranked[0]
    assert best.eligible
    assert best.reasons == (Reason.OWN_DISTRICT,)
    assert best.source is TravelSource.GREAT_CIRCLE
    assert best.distance_m == pytest.approx(1350, rel=0.01)
    assert best.arrival is not None
    assert best.arrival.earliest_at < best.arrival.expected_at < best.arrival.latest_at
    assert best.score_s == pytest.approx(sum(t.seconds for t in best.terms), abs=0.2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"skills": ()}, Reason.SKILL_MISSING, id="no such skill"),
        pytest.param({"skills": (Skill(code="gas", level=1),)}, Reason.SKILL_LEVEL_LOW, id="level too low"),
        pytest.param(
            {"skills": (Skill(code="gas", level=3, expires_at=NOW),)}, Reason.SKILL_EXPIRED, id="expires this moment"
        ),
        pytest.param({"shift_to_at": NOW}, Reason.OFF_SHIFT, id="shift just over"),
        pytest.param({"shift_from_at": NOW + timedelta(hours=2)}, Reason.OFF_SHIFT, id="shift far ahead"),
        pytest.param({"shift_from_at": None, "shift_to_at": None}, Reason.OFF_SHIFT, id="no shift"),
        pytest.param(
            {"shift_to_at": NOW + timedelta(minutes=30)}, Reason.SHIFT_TOO_SHORT, id="not done before the end"
        ),
        pytest.param({"district_ids": (FAR,)}, Reason.OTHER_DISTRICT, id="works elsewhere"),
        pytest.param({"position": None}, Reason.NO_POSITION, id="no position and no base"),
    ],
)
def test_those_left_out_come_last_with_the_reason(changes: dict[str, object], reason: Reason) -> None:
    skilled = (Skill(code="gas", level=2),)
    near = candidate(1, skills=skilled)
    ranked = rank(need(skills=skilled), msgspec.structs.replace(near, **changes), candidate(9, skills=skilled))
    assert numbers(ranked) == [9, 1]
    assert [s.eligible for s in ranked] == [True, False]
    assert reason in ranked[1].reasons
    assert reason in EXCLUDING


def test_a_higher_level_includes_the_lower_and_a_valid_one_beats_an_expired_one() -> None:
    expired, valid = Skill(code="gas", level=9, expires_at=NOW), Skill(code="gas", level=3)
    assert rank(need(skills=(Skill(code="gas", level=2),)), candidate(1, skills=(expired, valid)))[0].eligible


def test_all_lacking_skills_are_named_once_each() -> None:
    wanted = need(skills=(Skill(code="a"), Skill(code="b"), Skill(code="gas", level=4)))
    reasons = rank(wanted, candidate(1, skills=(Skill(code="gas"),)))[0].reasons
    assert reasons[:2] == (Reason.SKILL_MISSING, Reason.SKILL_LEVEL_LOW)


def test_a_neighbouring_district_is_told_and_costs() -> None:
    ranked = rank(need(), candidate(1, district_ids=(SOUTH,)), candidate(2))
    assert numbers(ranked) == [2, 1]
    assert Reason.NEIGHBOURING_DISTRICT in ranked[1].reasons
    assert ranked[1].eligible


def test_a_district_above_counts_as_ones_own_and_no_district_as_any() -> None:
    zone = UUID(int=200)
    ranked = rank(need(above_ids=(zone,)), candidate(1, district_ids=(zone,)), candidate(2, district_ids=()))
    assert [s.reasons for s in ranked] == [(Reason.OWN_DISTRICT,), (Reason.ANY_DISTRICT,)]
    outside = rank(need(district_id=None, neighbour_ids=()), candidate(1))
    assert outside[0].reasons == (Reason.ANY_DISTRICT,)


def test_the_policy_may_open_all_districts() -> None:
    ranked = rank(need(), candidate(1, district_ids=(FAR,)), policy=DispatchPolicy(any_district=True))
    assert (ranked[0].eligible, ranked[0].reasons) == (True, (Reason.ANY_DISTRICT,))


def test_a_stale_position_is_told_and_an_old_one_gives_way_to_the_base() -> None:
    base = LonLat(-20.0, 45.5)
    stale = candidate(1, position_at=NOW - timedelta(minutes=20), base=base)
    old = candidate(1, position_at=NOW - timedelta(hours=5), base=base)
    homeless = candidate(1, position_at=NOW - timedelta(hours=5))
    never = candidate(1, position=None, base=base)
    by = [rank(need(), c)[0] for c in (stale, old, homeless, never)]
    told = [[r for r in s.reasons if r is not Reason.OWN_DISTRICT] for s in by]
    assert told == [
        [Reason.POSITION_STALE],
        [Reason.POSITION_STALE, Reason.POSITION_FROM_BASE],
        [Reason.POSITION_STALE],
        [Reason.POSITION_FROM_BASE],
    ]
    distances = [s.distance_m for s in by]
    assert distances[0] == distances[2] == pytest.approx(1350, rel=0.01)
    assert distances[1] == distances[3] == pytest.approx(75_000, rel=0.01)


def test_a_phone_whose_clock_runs_ahead_is_not_stale() -> None:
    assert rank(need(), candidate(1, position_at=NOW + timedelta(minutes=3)))[0].reasons == (Reason.OWN_DISTRICT,)


def test_an_inaccurate_position_is_told_and_costs() -> None:
    ranked = rank(need(), candidate(1, position_accuracy_m=2000.0), candidate(2))
    assert numbers(ranked) == [2, 1]
    assert Reason.POSITION_INACCURATE in ranked[1].reasons


def test_the_busy_wait_until_they_are_free_and_later_starters_until_their_shift() -> None:
    busy = candidate(1, busy=True, busy_until_at=NOW + timedelta(hours=1))
    overdue = candidate(2, busy=True, busy_until_at=NOW - timedelta(hours=1))
    later = candidate(3, shift_from_at=NOW + timedelta(minutes=50))
    ranked = rank(need(), busy, overdue, later, candidate(9))
    assert numbers(ranked) == [9, 2, 3, 1]
    assert [s.reasons[-1] for s in ranked[1:]] == [Reason.BUSY, Reason.OWN_DISTRICT, Reason.BUSY]
    assert Reason.STARTS_LATER in ranked[2].reasons
    arrival = ranked[3].arrival
    assert arrival is not None
    assert arrival.earliest_at > NOW + timedelta(hours=1)


def test_work_already_given_counts_against_a_candidate() -> None:
    assert numbers(rank(need(), candidate(1, open_jobs=3, open_work_s=10_800.0), candidate(2))) == [2, 1]


def test_arriving_after_the_due_time_is_told_but_leaves_nobody_out() -> None:
    ranked = rank(need(due_at=NOW + timedelta(minutes=3)), candidate(1), candidate(5))
    assert [Reason.AFTER_DUE in s.reasons for s in ranked] == [False, True]
    assert all(s.eligible for s in ranked)


def test_a_job_without_a_point_has_no_candidates_and_nobody_is_lost() -> None:
    ranked = rank(need(point=None), candidate(2), candidate(1))
    assert [(s.eligible, s.reasons) for s in ranked] == [(False, (Reason.JOB_NOT_LOCATED,))] * 2
    assert rank(need()) == []


def test_equals_are_ordered_by_person() -> None:
    same = LonLat(-20.0, 45.01)
    assert numbers(rank(need(), *[candidate(n, position=same) for n in (3, 1, 2)])) == [1, 2, 3]


@given(st.permutations(list(range(1, 7))), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(order: list[int], rng: random.Random) -> None:
    people = {
        n: candidate(n, open_work_s=1000.0 * (n % 3), district_ids=((NORTH,), (SOUTH,), (FAR,))[n % 3]) for n in order
    }
    jobs = [need(n, point=LonLat(-20.0 + 0.001 * n, 45.0), priority=list(Priority)[n % 4]) for n in range(8)]
    shuffled = rng.sample(jobs, len(jobs))
    first = dispatch_backlog(jobs, [people[n] for n in sorted(order)], TRAVEL, now=NOW)
    assert dispatch_backlog(shuffled, [people[n] for n in order], TRAVEL, now=NOW) == first
    assert rank(jobs[0], *[people[n] for n in order]) == rank(jobs[0], *[people[n] for n in sorted(order)])


def test_the_backlog_goes_by_priority_then_due_time_then_report() -> None:
    jobs = [
        need(1, reported_at=NOW),
        need(2, reported_at=NOW - timedelta(hours=1)),
        need(3, due_at=NOW + timedelta(hours=2)),
        need(4, priority=Priority.LOW, due_at=NOW),
        need(5, priority=Priority.EMERGENCY),
        need(6, due_at=NOW + timedelta(hours=1)),
    ]
    outcome = dispatch_backlog(jobs, [candidate(n) for n in range(1, 7)], TRAVEL, now=NOW)
    assert [a.job_id.int - 1000 for a in outcome.assignments] == [5, 6, 3, 2, 1, 4]


def test_work_is_spread_and_each_choice_names_the_runner_up() -> None:
    jobs = [need(n) for n in range(6)]
    outcome = dispatch_backlog(jobs, [candidate(1), candidate(2), candidate(3)], TRAVEL, now=NOW)
    assert sorted(a.person_id.int for a in outcome.assignments) == [1, 1, 2, 2, 3, 3]
    first = outcome.assignments[0]
    assert (first.person_id.int, first.next_best_id) == (1, UUID(int=2))
    assert first.margin_s is not None
    assert first.margin_s > 0
    assert first.leave_at <= first.arrive_at < first.finish_at


def test_a_person_does_one_job_after_the_other_from_where_the_last_one_was() -> None:
    jobs = [need(n, point=LonLat(-20.0, 45.0 - 0.01 * n)) for n in range(3)]
    outcome = dispatch_backlog(jobs, [candidate(1)], TRAVEL, now=NOW)
    assert [a.leave_at for a in outcome.assignments[1:]] == [a.finish_at for a in outcome.assignments[:-1]]
    assert all(a.distance_m == pytest.approx(1500, rel=0.01) for a in outcome.assignments[1:])


def test_a_crew_moves_together() -> None:
    crew = UUID(int=500)
    pair = [candidate(1, crew_id=crew), candidate(2, crew_id=crew)]
    outcome = dispatch_backlog([need(1), need(2)], [*pair, candidate(5)], TRAVEL, now=NOW)
    assert [a.person_id.int for a in outcome.assignments] == [1, 5]
    assert [a.next_best_id for a in outcome.assignments] == [UUID(int=5), UUID(int=1)]


def test_new_work_comes_after_what_a_person_already_has() -> None:
    outcome = dispatch_backlog([need()], [candidate(1, open_work_s=3600.0)], TRAVEL, now=NOW)
    assert outcome.assignments[0].leave_at == NOW + timedelta(hours=1)


def test_what_cannot_be_assigned_says_why() -> None:
    gas = (Skill(code="gas"),)
    people = [
        candidate(1),
        candidate(2, district_ids=(FAR,)),
        candidate(3, skills=gas, shift_to_at=NOW + timedelta(minutes=9)),
    ]
    outcome = dispatch_backlog([need(1, skills=gas), need(2, point=None)], people, TRAVEL, now=NOW)
    assert outcome.assignments == ()
    assert [u.why for u in outcome.unassigned] == [
        (
            ReasonCount(Reason.SKILL_MISSING, 2),
            ReasonCount(Reason.OTHER_DISTRICT, 1),
            ReasonCount(Reason.SHIFT_TOO_SHORT, 1),
        ),
        (ReasonCount(Reason.JOB_NOT_LOCATED, 3),),
    ]
    assert dispatch_backlog([need()], [], TRAVEL, now=NOW).unassigned[0].why == ()


def test_the_shift_is_filled_and_not_overrun() -> None:
    jobs = [need(n) for n in range(10)]
    outcome = dispatch_backlog(jobs, [candidate(1)], TRAVEL, now=NOW)
    assert len(outcome.assignments) == 3
    assert all(a.finish_at <= NOW + timedelta(hours=4) for a in outcome.assignments)
    endless = dispatch_backlog(jobs, [candidate(1)], TRAVEL, now=NOW, policy=DispatchPolicy(within_shift=False))
    assert len(endless.assignments) == 10


def test_two_thousand_jobs_are_shared_out_evenly_among_sixty_candidates() -> None:
    rng = random.Random(7)
    people = [
        candidate(
            n, position=LonLat(-20 + rng.random() / 5, 45 + rng.random() / 5), district_ids=(UUID(int=100 + n % 8),)
        )
        for n in range(1, 61)
    ]
    jobs = [
        need(
            n,
            point=LonLat(-20 + rng.random() / 5, 45 + rng.random() / 5),
            district_id=UUID(int=100 + n % 8),
            neighbour_ids=(UUID(int=100 + (n + 1) % 8),),
            priority=rng.choice(list(Priority)),
        )
        for n in range(2000)
    ]
    outcome = dispatch_backlog(jobs, people, TRAVEL, now=NOW, policy=DispatchPolicy(within_shift=False))
    assert len(outcome.assignments) == 2000
    loads = [sum(a.person_id == c.person_id for a in outcome.assignments) for c in people]
    assert max(loads) - min(loads) <= 10, loads


def test_every_reason_has_words_in_both_languages() -> None:
    assert set(REASON_TEXTS) == set(Reason)
    assert all(text.en and text.zh for text in REASON_TEXTS.values())
