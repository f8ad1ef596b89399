"""What happens to dispatchers in a day, one test each: leaks, illness, delays, parts, pairs, storms, closed depots and roads."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from msgspec.structs import replace

from geo.coordinates import LonLat
from geo.planning.checker import check
from geo.planning.explain import Ground, explain
from geo.planning.measure import MoveKind, changed, moves, planned_visits
from geo.planning.plan import StopKind
from geo.planning.planners import InsertionPlanner
from geo.planning.problem import Break, Lock, PartCount, Planned, Problem, Store, VisitNeed, Ways, Window
from geo.planning.proposal import propose, settle, version_of
from geo.planning.repair import repair
from geo.planning.rules import Rule
from geo.street_graph import StreetEdge, StreetGraph, StreetGraphTravel, StreetNode, edge_length_m
from geo.travel import RoadClass, TravelSource
from mobile_contract.schema.base import Priority, Skill
from mobile_contract.schema.job import LockKind
from tests.geo.planning.days import morning
from tests.geo.planning.scene import (
    HOUR,
    MIN,
    NOW,
    STEP,
    begin,
    crew,
    leak,
    planned,
    repaired,
    standing,
    street,
    visit,
    who,
)

VALVE = UUID(int=0x90)
NORTH, SOUTH = UUID(int=0xD1), UUID(int=0xD2)
GAS = Skill(code="gas", level=2)


def test_urgent_leak_now_goes_to_who_is_there_first_and_nothing_frozen_moves() -> None:
    day = standing(street([crew(0, 0), crew(1, 20)], [visit(n, 2 * n) for n in range(5)] + [visit(9, 21)]))
    burst = leak(50, 6, due_s=3 * HOUR)
    plan = repaired(replace(day, visits=(*day.visits, burst)))
    assert burst.id not in plan.late
    frozen = [p for p in day.current if p.begin_s < day.policy.freeze_s]
    assert frozen
    assert all(planned_visits(plan)[p.visit_id] == p for p in frozen)


def test_a_leak_that_was_due_before_now_is_still_put_in_and_told_as_late() -> None:
    day = standing(street([crew(0, 0), crew(1, 20)], [visit(n, 2 * n) for n in range(5)]))
    overdue = leak(50, 6, due_s=-HOUR)
    plan = repaired(replace(day, visits=(*day.visits, overdue)))
    assert plan.unassigned == ()
    assert who(plan, overdue) is not None
    assert overdue.id in plan.late


def test_technician_ill_the_others_take_over_what_they_can() -> None:
    day = standing(street([crew(0, 0), crew(1, 6)], [visit(0, 1), visit(1, 5), visit(2, 8), visit(3, 2)]))
    mine = [p for p in day.current if p.crew_id == day.crews[0].crew_id]
    assert mine
    plan = repaired(replace(day, crews=(replace(day.crews[0], present=False), day.crews[1])))
    assert plan.unassigned == ()
    assert {who(plan, v) for v in day.visits} == {1}


def test_visit_runs_long_and_the_next_customer_gets_somebody_else() -> None:
    appointment = visit(1, 2, windows=(Window(20 * MIN, HOUR),))
    day = street(
        [crew(0, 0, ready_s=2 * HOUR), crew(1, 4)],
        [appointment],
        current=[Planned(appointment.id, UUID(int=0xC0), 20 * MIN)],
    )
    plan = repaired(day)
    assert plan.released == (appointment.id,)
    assert who(plan, appointment) == 1


def test_no_access_rebooked_by_the_same_technician_at_the_new_time() -> None:
    again = visit(1, 3, windows=(Window(4 * HOUR, 5 * HOUR),), crew_id=UUID(int=0xC1))
    day = standing(street([crew(0, 3), crew(1, 9)], [visit(0, 4)]))
    plan = repaired(replace(day, visits=(*day.visits, again)))
    assert who(plan, again) == 1
    assert 4 * HOUR <= begin(plan, again) <= 5 * HOUR
    assert explain(day_with(day, again), plan, again.id).grounds[0] is Ground.SAME_TECHNICIAN


def test_customer_moves_the_window_and_only_that_visit_changes() -> None:
    day = standing(street([crew(0, 0)], [visit(n, n + 1) for n in range(4)]))
    last = max(day.current, key=lambda p: p.begin_s)
    later = tuple(replace(v, windows=(Window(7 * HOUR, 8 * HOUR),)) if v.id == last.visit_id else v for v in day.visits)
    moved = replace(day, visits=later)
    plan = repaired(moved)
    assert [m.visit_id for m in moves(moved, plan) if m.kind is not MoveKind.KEPT] == [last.visit_id]
    assert planned_visits(plan)[last.visit_id].begin_s >= 7 * HOUR


def test_part_missing_goes_to_the_van_that_has_it_or_by_way_of_the_store() -> None:
    wanted = visit(1, 2, parts=(PartCount(VALVE, Decimal(1)),))
    stocked = crew(1, 12, parts=(PartCount(VALVE, Decimal(1)),))
    day = street([crew(0, 1), stocked], [wanted])
    assert who(planned(day), wanted) == 1
    store = Store(id=UUID(int=0x5), place=4, part_ids=(VALVE,))
    alone = replace(day, crews=(crew(0, 1),))
    assert planned(alone).unassigned == (wanted.id,)
    assert explain(alone, planned(alone), wanted.id).hindrances == ((Rule.PARTS, 1),)
    fetched = planned(replace(alone, stores=(store,)))
    assert [s.kind for s in fetched.routes[0].stops] == [StopKind.STORE, StopKind.VISIT]


def test_two_person_job_begins_with_both_crews_at_once() -> None:
    first, second = visit(0, 5), visit(1, 5, together_with=UUID(int=0xA0))
    plan = planned(street([crew(0, 0), crew(1, 9), crew(2, 25)], [first, second, visit(2, 6)]))
    assert begin(plan, first) == begin(plan, second)
    assert {who(plan, first), who(plan, second)} == {0, 1}


def test_joint_visit_of_two_departments_takes_one_crew_of_each() -> None:
    water, gas = crew(0, 0, skills=(Skill(code="water"),)), crew(1, 20, skills=(GAS,))
    ours = visit(0, 5, skills=(Skill(code="water"),), windows=(Window(2 * HOUR, 6 * HOUR),))
    theirs = visit(1, 5, skills=(GAS,), together_with=ours.id)
    plan = planned(street([water, gas], [ours, theirs]))
    assert (who(plan, ours), who(plan, theirs)) == (0, 1)
    assert begin(plan, ours) == begin(plan, theirs) >= 15 * STEP
    alone = planned(street([water], [ours, theirs]))
    assert set(alone.unassigned) == {ours.id, theirs.id}


def test_wrong_owner_the_crew_waits_for_relief_before_it_goes_on() -> None:
    relief = leak(0, 3, skills=(GAS,))
    waiting = crew(0, 3, waits_for=relief.id)
    day = street([waiting, crew(1, 9, skills=(GAS,))], [relief, visit(1, 4, windows=(Window(0, 4 * HOUR),))])
    plan = planned(day)
    assert who(plan, relief) == 1
    assert who(plan, day.visits[1]) == 0
    assert begin(plan, day.visits[1]) >= begin(plan, relief)
    nobody = replace(day, crews=(waiting,))
    assert set(planned(nobody).unassigned) == {relief.id, day.visits[1].id}


def test_storm_of_200_requests_in_an_hour_serves_the_urgent_first() -> None:
    day = morning(5, visits=40, crews=12)
    day = replace(day, crews=tuple(replace(c, waits_for=None, district_ids=()) for c in day.crews))
    day = replace(day, current=tuple(planned_visits(InsertionPlanner().plan(day, limit_s=1.0)).values()))
    places = len(day.places)
    requests = [
        replace(
            visit(1000 + n, (n * 7) % places, service_s=1800),
            priority=Priority.EMERGENCY if n % 10 == 0 else Priority.NORMAL,
        )
        for n in range(200)
    ]
    storm = replace(day, visits=(*day.visits, *requests))
    plan = repair(storm)
    assert check(storm, plan) == ()
    left = set(plan.unassigned)
    assert not [v for v in requests if v.priority is Priority.EMERGENCY and v.id in left]
    assert any(v.id in left for v in requests), "two hundred more do not fit into this day"


def test_lunch_not_taken_by_half_past_one_is_taken_within_the_grace() -> None:
    overdue = Break(-2 * HOUR, -10 * MIN, 30 * MIN)
    day = street([crew(0, 0, breaks=(overdue,))], [visit(n, n) for n in range(5)])
    plan = planned(day)
    (lunch,) = [s for s in plan.routes[0].stops if s.kind is StopKind.BREAK]
    assert lunch.begin_s <= day.policy.break_grace_s
    assert plan.unassigned == ()


def test_last_job_past_the_shift_is_not_planned_and_says_why() -> None:
    day = street(
        [crew(0, 0, shift=Window(0, 3 * HOUR))], [visit(0, 1), visit(1, 2), visit(2, 3, priority=Priority.LOW)]
    )
    plan = planned(day)
    assert plan.unassigned == (day.visits[2].id,)
    assert explain(day, plan, day.visits[2].id).hindrances == ((Rule.SHIFT, 1),)


def test_certificate_expires_today_and_work_ends_before() -> None:
    expires_at = NOW + timedelta(hours=3)
    holder = crew(0, 0, skills=(Skill(code="gas", level=2, expires_at=expires_at),))
    early, late = (
        visit(0, 6, skills=(GAS,)),
        visit(1, 7, skills=(GAS,), windows=(Window(2 * HOUR + 30 * MIN, DAY_END),)),
    )
    day = street([holder], [visit(2, 1), early, late])
    plan = planned(day)
    assert begin(plan, early) + HOUR <= 3 * HOUR
    assert late.id in plan.unassigned
    assert explain(day, plan, late.id).hindrances == ((Rule.SKILL_EXPIRED, 1),)


def test_crew_offline_four_hours_comes_back_with_another_order_and_its_order_wins() -> None:
    day = standing(street([crew(0, 0)], [visit(n, n + 1) for n in range(5)]))
    day = replace(day, version=version_of(day.current))
    more = day_with(day, visit(9, 2))
    proposal = propose(more, repaired(more))
    # By now the crew has begun the third and done the second before the first.
    done = {day.visits[2].id, day.visits[1].id}
    now = [p for p in day.current if p.visit_id not in done]
    settled = settle(proposal, version=version_of(now), current=now, gone=done)
    assert not settled.holds
    after = replace(
        day,
        visits=tuple(v for v in day.visits if v.id not in done),
        current=tuple(Planned(p.visit_id, p.crew_id, p.begin_s) for p in now),
        crews=(crew(0, 3, ready_s=20 * MIN),),
    )
    assert repaired(after).unassigned == ()


def test_two_dispatchers_commit_at_once_and_only_the_first_proposal_holds() -> None:
    day = street([crew(0, 0), crew(1, 9)], [visit(0, 1), visit(1, 8)])
    version = version_of(day.current)
    first, second = (propose(replace(day, version=version), planned(day)) for _ in range(2))
    assert settle(first, version=version, current=()).holds
    committed = tuple(planned_visits(first.plan).values())
    lost = settle(second, version=version_of(committed), current=committed)
    assert not lost.holds
    assert {m.visit_id for m in lost.overtaken} == {v.id for v in day.visits}
    assert lost.valid == ()


def test_depot_closed_means_no_plan_by_way_of_it() -> None:
    wanted = visit(1, 2, parts=(PartCount(VALVE, Decimal(1)),))
    closed = Store(id=UUID(int=0x5), place=4, part_ids=(VALVE,), windows=(Window(-4 * HOUR, -HOUR),))
    day = street([crew(0, 1)], [wanted], stores=[closed])
    assert planned(day).unassigned == (wanted.id,)
    opens_later = replace(day, stores=(replace(closed, windows=(Window(5 * HOUR, 8 * HOUR),)),))
    assert begin(planned(opens_later), wanted) >= 5 * HOUR


def test_road_closed_sends_the_crew_that_is_on_the_right_side() -> None:
    nodes = (*(StreetNode(n, -20 + 0.01 * n, 45.0) for n in range(7)), StreetNode(7, -19.97, 45.2))
    pairs = [(a, a + 1) for a in range(6)] + [(0, 7), (7, 6)]
    edges = tuple(
        StreetEdge(a, b, edge_length_m(nodes[a], nodes[b]), RoadClass.ARTERIAL)
        for x, y in pairs
        for a, b in ((x, y), (y, x))
    )
    graph = StreetGraph(nodes, edges)
    bridge = {at for at, edge in enumerate(edges) if {edge.from_id, edge.to_id} == {2, 3}}
    places = tuple(LonLat(n.lon_deg, n.lat_deg) for n in nodes[:7])
    burst = leak(0, 3)
    day = street([crew(0, 2), crew(1, 5)], [burst])
    found = {}
    for name, roads in (("open", graph), ("closed", graph.without(bridge))):
        ways = Ways.between(StreetGraphTravel(roads), places, NOW)
        assert ways.sources == (TravelSource.STREET_GRAPH,)
        found[name] = who(planned(replace(day, places=places, ways=ways)), burst)
    assert found == {"open": 0, "closed": 1}


def test_ten_meters_in_one_building_are_set_up_for_once() -> None:
    meters = [visit(n, 4, service_s=10 * MIN, setup_s=30 * MIN) for n in range(10)]
    plan = planned(street([crew(0, 4, shift=Window(0, 3 * HOUR))], meters))
    assert plan.unassigned == ()
    assert plan.routes[0].stops[-1].end_s == 10 * 10 * MIN + (0 if meters[0].place == 4 else 30 * MIN)


def test_campaign_of_300_homes_over_five_days_gives_every_home_one_day() -> None:
    days = [
        crew(n, 3 * n, day=d, ready_s=d * 24 * HOUR, shift=Window(d * 24 * HOUR, d * 24 * HOUR + 8 * HOUR))
        for n in range(4)
        for d in range(5)
    ]
    homes = [visit(n, n % 12, service_s=15 * MIN) for n in range(300)]
    day = street(days, homes)
    plan = planned(day)
    assert plan.unassigned == ()
    assert len(planned_visits(plan)) == 300
    assert len({(r.crew_id, r.day) for r in plan.routes if r.stops}) > 10


def test_night_log_released_at_nine_is_not_begun_before() -> None:
    logged = [visit(n, n, released_s=HOUR) for n in range(3)]
    plan = planned(street([crew(0, 0)], [*logged, visit(9, 1)]))
    assert plan.unassigned == ()
    assert min(begin(plan, v) for v in logged) >= HOUR


def test_arrival_limits_by_district_are_kept_and_what_cannot_be_kept_is_said() -> None:
    town, village = leak(0, 4, due_s=45 * MIN), leak(1, 12, due_s=90 * MIN)
    remote = leak(2, 29, due_s=2 * HOUR)
    plan = planned(street([crew(0, 2), crew(1, 9)], [remote, village, town]))
    assert begin(plan, town) <= 45 * MIN
    assert begin(plan, village) <= 90 * MIN
    assert plan.late == (remote.id,)


def test_dispatchers_locks_hold_in_all_four_kinds() -> None:
    span = Window(4 * HOUR, 5 * HOUR)
    exact = Window(2 * HOUR, 2 * HOUR)
    locks = {
        0: Lock(kind=LockKind.TIME_RANGE, at=span),
        1: Lock(kind=LockKind.RESOURCE, crew_id=UUID(int=0xC1)),
        2: Lock(kind=LockKind.TIME, at=exact),
        3: Lock(kind=LockKind.BOTH, at=exact, crew_id=UUID(int=0xC1)),
    }
    day = street([crew(0, 1), crew(1, 9)], [visit(n, 2, lock=lock) for n, lock in locks.items()])
    plan = planned(day)
    assert plan.unassigned == ()
    assert span.from_s <= begin(plan, day.visits[0]) <= span.to_s
    assert who(plan, day.visits[1]) == who(plan, day.visits[3]) == 1
    assert begin(plan, day.visits[2]) == begin(plan, day.visits[3]) == 2 * HOUR


def test_urgent_job_into_a_full_day_puts_out_a_less_urgent_one() -> None:
    day = standing(street([crew(0, 0, shift=Window(0, 4 * HOUR))], [visit(n, n) for n in range(3)]))
    assert len(day.current) == 3
    burst = leak(50, 2)
    crowded = replace(day, visits=(*day.visits, burst))
    plan = repaired(crowded)
    assert who(plan, burst) == 0
    assert len(plan.unassigned) == 1
    assert changed(crowded, plan) <= 2


def day_with(day: Problem, extra: VisitNeed) -> Problem:
    """Add a visit to a day."""
    return replace(day, visits=(*day.visits, extra))


DAY_END = 9 * HOUR
