"""The fold of a visit: every cell of its decision table, the times, and that the order of arrival does not matter."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.event import Event, EventName
from jobs.rules import visit as rules
from jobs.rules.visit import ENDED, TABLE, Signal, fold_visit, step
from mobile_contract.schema.job import Flag, Visit, VisitState

S = VisitState
JOB, VISIT = UUID(int=1), UUID(int=2)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)

PLAN = (S.TENTATIVE, S.SCHEDULED, S.DISPATCHED, S.ACCEPTED, S.DECLINED)
DURING = (S.EN_ROUTE, S.ON_SITE, S.WORKING, S.PAUSED)
AFTER = (S.COMPLETED, S.FOLLOW_UP_NEEDED, S.NO_ACCESS, S.CANCELLED)

# The table once more, written by hand: state by state, what each signal makes of it. "-": ignored. "!": ignored or taken, but flagged.
EXPECTED: dict[Signal, tuple[tuple[VisitState | None, bool], ...]] = {
    Signal.UNASSIGNED: tuple((S.TENTATIVE, False) for _ in PLAN) + tuple((None, False) for _ in (*DURING, *AFTER)),
    Signal.PLANNED: (
        (S.SCHEDULED, False), (S.SCHEDULED, False), (S.DISPATCHED, False), (S.DISPATCHED, False), (S.SCHEDULED, False),
        *((None, False) for _ in (*DURING, *AFTER)),
    ),
    Signal.ASSIGNED: tuple((S.DISPATCHED, False) for _ in PLAN) + tuple((None, False) for _ in (*DURING, *AFTER)),
    Signal.CLAIMED: tuple((S.ACCEPTED, False) for _ in PLAN) + tuple((None, False) for _ in (*DURING, *AFTER)),
    Signal.ACCEPTED: tuple((S.ACCEPTED, False) for _ in PLAN) + tuple((None, False) for _ in (*DURING, *AFTER)),
    Signal.DECLINED: tuple((S.DECLINED, False) for _ in PLAN) + tuple((None, True) for _ in (*DURING, *AFTER)),
    Signal.CANCELLED: tuple((S.CANCELLED, False) for _ in (*PLAN, *DURING)) + tuple((None, False) for _ in AFTER),
    Signal.WITHDRAWN: tuple((S.CANCELLED, False) for _ in PLAN) + tuple((None, False) for _ in (*DURING, *AFTER)),
    Signal.TRAVEL: (
        *((S.EN_ROUTE, False) for _ in PLAN),
        (S.EN_ROUTE, False), (None, True), (None, True), (S.EN_ROUTE, False),
        (None, True), (None, True), (None, True), (None, False),
    ),
    Signal.ARRIVAL: (
        *((S.ON_SITE, False) for _ in PLAN),
        (S.ON_SITE, False), (S.ON_SITE, False), (None, False), (None, False),
        (None, True), (None, True), (None, True), (None, False),
    ),
    Signal.PRESENCE: (
        *((S.ON_SITE, False) for _ in PLAN),
        (S.ON_SITE, False), (None, False), (None, False), (None, False),
        (None, False), (None, False), (None, False), (None, False),
    ),
    Signal.WORK: (
        *((S.WORKING, False) for _ in (*PLAN, *DURING)),
        (None, True), (None, True), (None, True), (None, False),
    ),
    Signal.PAUSE: (
        *((None, True) for _ in PLAN),
        (None, True), (None, True), (S.PAUSED, False), (S.PAUSED, False),
        (None, True), (None, True), (None, True), (None, False),
    ),
    Signal.RESUME: (
        *((None, True) for _ in PLAN),
        *((S.WORKING, False) for _ in DURING),
        (None, True), (None, True), (None, True), (None, False),
    ),
    Signal.NO_ACCESS: (
        *((S.NO_ACCESS, False) for _ in (*PLAN, *DURING)),
        (None, True), (None, True), (S.NO_ACCESS, False), (None, False),
    ),
    Signal.COMPLETED: (
        *((S.COMPLETED, False) for _ in (*PLAN, *DURING)),
        (S.COMPLETED, False), (S.COMPLETED, False), (S.COMPLETED, True), (None, False),
    ),
    Signal.FOLLOW_UP: (
        *((S.FOLLOW_UP_NEEDED, False) for _ in (*PLAN, *DURING)),
        (S.FOLLOW_UP_NEEDED, False), (S.FOLLOW_UP_NEEDED, False), (S.FOLLOW_UP_NEEDED, True), (None, False),
    ),
}  # fmt: skip


def happened(
    name: EventName, at_min: int = 0, *, seq: int = 1, received_min: int | None = None, **detail: Any
) -> Event:
    return Event(
        id=UUID(int=1000 + seq),
        job_id=JOB,
        visit_id=VISIT,
        seq=seq,
        name=name,
        occurred_at=NINE + timedelta(minutes=at_min),
        received_at=NINE + timedelta(minutes=at_min if received_min is None else received_min),
        command_id=UUID(int=2000 + seq),
        detail=detail,
    )


def blank(*flags: Flag) -> Visit:
    return Visit(id=VISIT, job_id=JOB, state=S.TENTATIVE, flags=flags)


def fold(*events: Event, flags: Sequence[Flag] = ()) -> Visit:
    return fold_visit(blank(*flags), events)


def story(*names: EventName) -> Visit:
    return fold(*(happened(name, at_min=10 * i, seq=i) for i, name in enumerate(names, start=1)))


@pytest.mark.parametrize(
    ("signal", "state", "then", "flagged"),
    [
        pytest.param(signal, state, *cell, id=f"{state}: {signal}")
        for signal, cells in EXPECTED.items()
        for state, cell in zip((*PLAN, *DURING, *AFTER), cells, strict=True)
    ],
)
def test_row_of_the_table(signal: Signal, state: VisitState, then: VisitState | None, flagged: bool) -> None:
    row = step(state, signal)
    assert (row.then, row.flagged) == (then, flagged)


def test_every_signal_has_exactly_one_row_in_every_state() -> None:
    cells = [(row.signal, state) for row in TABLE for state in row.states]
    assert sorted(cells) == sorted(product(Signal, VisitState))


def test_arrival_and_start_of_work_are_two_events() -> None:
    arrived = story(EventName.VISIT_ASSIGNED, EventName.TRAVEL_STARTED, EventName.ARRIVED)
    assert arrived.state is S.ON_SITE
    assert arrived.work_started_at is None
    working = story(EventName.VISIT_ASSIGNED, EventName.TRAVEL_STARTED, EventName.ARRIVED, EventName.WORK_STARTED)
    assert working.state is S.WORKING
    assert (working.arrived_at, working.work_started_at) == (NINE + timedelta(minutes=30), NINE + timedelta(minutes=40))


def test_made_safe_is_a_fact_and_not_an_end() -> None:
    safe = story(EventName.VISIT_ASSIGNED, EventName.ARRIVED, EventName.WORK_STARTED, EventName.MADE_SAFE)
    assert safe.state is S.WORKING
    assert safe.made_safe_at == NINE + timedelta(minutes=40)
    assert safe.ended_at is None


def test_a_crew_that_finds_it_not_ours_stays_until_relieved() -> None:
    found = story(EventName.VISIT_ASSIGNED, EventName.ARRIVED, EventName.FOUND_NOT_OURS)
    assert found.state is S.ON_SITE
    assert found.flags == (Flag.NOT_OURS,)


def test_a_late_arrival_is_booked_when_it_happened_and_the_office_learned_of_it_later() -> None:
    visit = fold(
        happened(EventName.VISIT_ASSIGNED, 0, seq=1),
        happened(EventName.WORK_STARTED, 40, seq=2),
        happened(EventName.ARRIVED, 30, seq=3, received_min=300),
    )
    assert visit.state is S.WORKING
    assert visit.arrived_at == NINE + timedelta(minutes=30)
    assert visit.arrival_recorded_at == NINE + timedelta(minutes=300)
    assert visit.flags == ()


def test_the_first_of_two_arrivals_counts_whichever_was_reported_first() -> None:
    visit = fold(
        happened(EventName.ARRIVED, 35, seq=1, received_min=36), happened(EventName.ARRIVED, 30, seq=2, received_min=90)
    )
    assert visit.arrived_at == NINE + timedelta(minutes=30)
    assert visit.arrival_recorded_at == NINE + timedelta(minutes=90)
    assert visit.flags == ()


def test_an_event_that_does_not_fit_is_ignored_and_flagged() -> None:
    visit = story(EventName.ARRIVED, EventName.VISIT_COMPLETED, EventName.TRAVEL_STARTED)
    assert visit.state is S.COMPLETED
    assert visit.flags == (Flag.OUT_OF_ORDER,)


def test_the_flag_goes_when_the_missing_event_arrives() -> None:
    start, pause, resume = (
        happened(EventName.WORK_STARTED, 10, seq=3),
        happened(EventName.WORK_PAUSED, 20, seq=1),
        happened(EventName.WORK_RESUMED, 30, seq=2),
    )
    assert fold(pause, resume).flags == (Flag.OUT_OF_ORDER,)
    assert fold(pause, resume, start).flags == ()
    assert fold(pause, resume, start).state is S.WORKING


def test_a_crew_may_leave_for_a_part_while_paused_and_come_back() -> None:
    names = (
        EventName.ARRIVED, EventName.WORK_STARTED, EventName.WORK_PAUSED,
        EventName.TRAVEL_STARTED, EventName.ARRIVED, EventName.WORK_RESUMED,
    )  # fmt: skip
    visit = story(*names)
    assert visit.state is S.WORKING
    assert visit.arrived_at == NINE + timedelta(minutes=10)
    assert visit.flags == ()


def test_work_reported_after_a_cancellation_does_not_bring_the_visit_back() -> None:
    visit = fold(
        happened(EventName.VISIT_ASSIGNED, 0, seq=1),
        happened(EventName.VISIT_CANCELLED, 60, seq=2, reason="wrong address"),
        happened(EventName.ARRIVED, 30, seq=3, received_min=90),
        happened(EventName.VISIT_COMPLETED, 50, seq=4, received_min=90),
    )
    assert visit.state is S.CANCELLED
    assert visit.reason == "wrong address"
    assert visit.ended_at == NINE + timedelta(minutes=60)
    assert visit.arrived_at == NINE + timedelta(minutes=30)
    assert visit.flags == ()


@pytest.mark.parametrize("set_out_min", [30, 70])
def test_what_is_reported_late_revives_a_withdrawn_visit_whenever_it_happened(set_out_min: int) -> None:
    withdrawn = (
        happened(EventName.VISIT_ASSIGNED, 0, seq=1),
        happened(EventName.VISIT_CANCELLED, 60, seq=2, reason="planned anew", plan_version=1),
    )
    assert (fold(*withdrawn).state, fold(*withdrawn).reason) == (S.CANCELLED, "planned anew")
    set_out = happened(EventName.TRAVEL_STARTED, set_out_min, seq=3, received_min=90)
    visit = fold(*withdrawn, set_out)
    assert (visit.state, visit.ended_at, visit.reason, visit.flags) == (S.EN_ROUTE, None, "", ())
    done = happened(EventName.VISIT_COMPLETED, 80, seq=4, received_min=90)
    assert fold(*withdrawn, set_out, done).state is S.COMPLETED


def test_a_withdrawn_visit_that_is_cancelled_afterwards_does_not_come_back() -> None:
    visit = fold(
        happened(EventName.VISIT_ASSIGNED, 0, seq=1),
        happened(EventName.VISIT_CANCELLED, 60, seq=2, reason="planned anew", plan_version=1),
        happened(EventName.VISIT_CANCELLED, 70, seq=3, reason="wrong address"),
        happened(EventName.TRAVEL_STARTED, 30, seq=4, received_min=90),
    )
    assert (visit.state, visit.reason) == (S.CANCELLED, "wrong address")


def test_a_cancellation_of_what_had_ended_changes_nothing() -> None:
    visit = story(EventName.ARRIVED, EventName.VISIT_COMPLETED, EventName.VISIT_CANCELLED)
    assert visit.state is S.COMPLETED


def test_a_plan_made_without_knowing_does_not_move_a_crew_that_was_already_there() -> None:
    visit = fold(
        happened(EventName.VISIT_ASSIGNED, 0, seq=1),
        happened(EventName.VISIT_ASSIGNED, 60, seq=2),
        happened(EventName.ARRIVED, 30, seq=3, received_min=90),
    )
    assert visit.state is S.ON_SITE
    assert visit.dispatched_at == NINE


def test_an_acceptance_given_offline_counts_when_the_server_took_it() -> None:
    accepted_early = happened(EventName.VISIT_ACCEPTED, 5, seq=2, received_min=50)
    visit = fold(happened(EventName.VISIT_ASSIGNED, 0, seq=1), accepted_early)
    assert visit.state is S.ACCEPTED
    under_way = fold(
        happened(EventName.VISIT_ASSIGNED, 0, seq=1),
        accepted_early,
        happened(EventName.TRAVEL_STARTED, 6, seq=3, received_min=50),
    )
    assert under_way.state is S.EN_ROUTE
    assert under_way.flags == ()


def test_decisions_keep_their_order_though_their_clocks_cross() -> None:
    visit = fold(
        happened(EventName.VISIT_ASSIGNED, 0, seq=1, received_min=1), happened(EventName.VISIT_DECLINED, 0, seq=2)
    )
    assert visit.state is S.DECLINED


def test_a_plan_without_anybody_is_tentative_and_with_somebody_scheduled() -> None:
    assert fold(happened(EventName.VISIT_PLANNED)).state is S.TENTATIVE
    assert fold(happened(EventName.VISIT_PLANNED, crew_id=str(JOB))).state is S.SCHEDULED


def test_a_completion_tells_done_from_follow_up_and_keeps_another_result_as_reason() -> None:
    assert fold(happened(EventName.VISIT_COMPLETED, result="done")).reason == ""
    assert fold(happened(EventName.VISIT_COMPLETED, result="done", follow_up=True)).state is S.FOLLOW_UP_NEEDED
    assert fold(happened(EventName.VISIT_COMPLETED, result="cannot_complete")).reason == "cannot_complete"


def test_flags_of_others_stay_and_events_of_other_visits_do_not_count() -> None:
    foreign = Event(
        id=UUID(int=9), job_id=JOB, visit_id=UUID(int=3), seq=1, name=EventName.ARRIVED, occurred_at=NINE,
        received_at=NINE, command_id=UUID(int=8),
    )  # fmt: skip
    visit = fold(foreign, flags=[Flag.NOT_ASSIGNED])
    assert visit.state is S.TENTATIVE
    assert visit.flags == (Flag.NOT_ASSIGNED,)


FACTS = [name for name in rules._SIGNALS if name not in rules.DECIDED]
FACTS += [EventName.VISIT_COMPLETED, EventName.NOTE_ADDED]


@given(st.lists(st.sampled_from(FACTS), max_size=9), st.randoms(use_true_random=False))
def test_the_order_in_which_facts_arrive_does_not_matter(names: list[EventName], random: Any) -> None:
    in_order = [happened(name, 10 * i, seq=i, received_min=1000) for i, name in enumerate(names, start=1)]
    seqs = list(range(1, len(names) + 1))
    random.shuffle(seqs)
    shuffled = [
        happened(name, 10 * i, seq=seq, received_min=1000)
        for i, (name, seq) in enumerate(zip(names, seqs, strict=True), start=1)
    ]
    assert fold(*shuffled) == fold(*in_order)


@given(st.lists(st.tuples(st.sampled_from(EventName), st.integers(0, 90)), max_size=12))
def test_any_events_at_all_fold_without_error_and_a_cancelled_visit_stays_so(
    story: list[tuple[EventName, int]],
) -> None:
    events = [happened(name, minute, seq=i, received_min=100 + i) for i, (name, minute) in enumerate(story, start=1)]
    states = [fold(*events[:n]).state for n in range(len(events) + 1)]
    if S.CANCELLED in states:
        assert set(states[states.index(S.CANCELLED) :]) == {S.CANCELLED}
    assert (states[-1] in ENDED) == (fold(*events).ended_at is not None)


def test_folding_again_changes_nothing() -> None:
    once = story(EventName.VISIT_ASSIGNED, EventName.ARRIVED, EventName.TRAVEL_STARTED)
    events = [
        happened(name, 10 * i, seq=i)
        for i, name in enumerate((EventName.VISIT_ASSIGNED, EventName.ARRIVED, EventName.TRAVEL_STARTED), start=1)
    ]
    assert fold_visit(once, events) == once
