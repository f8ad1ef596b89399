"""The state of a job: every row of its decision table, and what visits, holds and reopening make of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobs.rules.job import TABLE, LastTrip, View, fold_job, state_of, view_of
from mobile_contract.schema.job import Flag, HoldReason, Job, JobState, Visit, VisitState

S, V = JobState, VisitState
JOB = UUID(int=1)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NINE + timedelta(minutes=minute)


def job(**known: Any) -> Job:
    said: dict[str, Any] = {"triaged_at": NINE, "state": S.READY, **known}
    return Job(id=JOB, number="260302-AAAAAA", type="repair", type_version=1, reported_at=NINE, opened_at=NINE, **said)


def visit(state: VisitState, n: int = 1, *, ended_min: int | None = None, **known: Any) -> Visit:
    ended = at(ended_min) if ended_min is not None else None
    return Visit(id=UUID(int=10 + n), job_id=JOB, state=state, ended_at=ended, **known)


DONE = visit(V.COMPLETED, 1, ended_min=60)
NOT_OURS = replace(DONE, flags=(Flag.NOT_OURS,))

ROWS: list[tuple[str, Job, list[Visit], JobState]] = [
    ("no visit, triaged", job(), [], S.READY),
    ("no visit, not triaged", job(triaged_at=None), [], S.AWAITING_TRIAGE),
    ("a draft", job(state=S.DRAFT, triaged_at=None), [], S.DRAFT),
    ("a draft that was triaged", job(state=S.DRAFT), [], S.READY),
    ("planned for nobody", job(), [visit(V.TENTATIVE)], S.READY),
    ("scheduled", job(), [visit(V.SCHEDULED)], S.SCHEDULED),
    ("dispatched", job(), [visit(V.DISPATCHED)], S.SCHEDULED),
    ("accepted", job(), [visit(V.ACCEPTED)], S.SCHEDULED),
    ("declined", job(), [visit(V.DECLINED)], S.READY),
    ("declined, then somebody else", job(), [visit(V.DECLINED), visit(V.DISPATCHED, 2)], S.SCHEDULED),
    ("en route", job(), [visit(V.EN_ROUTE)], S.IN_PROGRESS),
    ("on site", job(), [visit(V.ON_SITE)], S.IN_PROGRESS),
    ("working", job(), [visit(V.WORKING)], S.IN_PROGRESS),
    ("paused", job(), [visit(V.PAUSED)], S.IN_PROGRESS),
    ("one works, one is still to come", job(), [visit(V.WORKING), visit(V.DISPATCHED, 2)], S.IN_PROGRESS),
    ("found on site and worked on before triage", job(triaged_at=None), [visit(V.WORKING)], S.IN_PROGRESS),
    ("found on site and done before triage", job(triaged_at=None), [DONE], S.COMPLETED),
    ("done", job(), [DONE], S.COMPLETED),
    ("done, a thought of another visit", job(), [DONE, visit(V.TENTATIVE, 2)], S.COMPLETED),
    ("done, another visit booked", job(), [DONE, visit(V.SCHEDULED, 2)], S.SCHEDULED),
    ("done, another crew works", job(), [DONE, visit(V.WORKING, 2)], S.IN_PROGRESS),
    ("done, another visit cancelled", job(), [DONE, visit(V.CANCELLED, 2, ended_min=70)], S.COMPLETED),
    ("no access", job(), [visit(V.NO_ACCESS, ended_min=60)], S.READY),
    ("no access, not triaged", job(triaged_at=None), [visit(V.NO_ACCESS, ended_min=60)], S.AWAITING_TRIAGE),
    ("no access, then done", job(), [visit(V.NO_ACCESS, ended_min=30), replace(DONE, id=UUID(int=12))], S.COMPLETED),
    ("done, then nobody let the second crew in", job(), [DONE, visit(V.NO_ACCESS, 2, ended_min=90)], S.READY),
    ("follow-up needed", job(), [visit(V.FOLLOW_UP_NEEDED, ended_min=60)], S.READY),
    (
        "follow-up booked",
        job(),
        [visit(V.FOLLOW_UP_NEEDED, ended_min=60), visit(V.DISPATCHED, 2)],
        S.SCHEDULED,
    ),
    ("follow-up done", job(), [visit(V.FOLLOW_UP_NEEDED, 2, ended_min=30), DONE], S.COMPLETED),
    ("not ours", job(), [NOT_OURS], S.CANNOT_COMPLETE),
    (
        "not ours, the crew still waits for the right one",
        job(),
        [visit(V.ON_SITE, flags=(Flag.NOT_OURS,))],
        S.IN_PROGRESS,
    ),
    ("not ours, the right crew is booked", job(), [NOT_OURS, visit(V.DISPATCHED, 2)], S.SCHEDULED),
    ("not ours, the right crew did it", job(), [NOT_OURS, visit(V.COMPLETED, 2, ended_min=90)], S.COMPLETED),
    ("cannot be done", job(), [replace(DONE, reason="cannot_complete")], S.CANNOT_COMPLETE),
    ("held, no visit", job(held_for=HoldReason.PARTS), [], S.ON_HOLD),
    ("held, crew paused", job(held_for=HoldReason.PARTS), [visit(V.PAUSED)], S.ON_HOLD),
    ("held, visit booked", job(held_for=HoldReason.ACCESS), [visit(V.SCHEDULED)], S.ON_HOLD),
    ("held, not triaged", job(held_for=HoldReason.CUSTOMER, triaged_at=None), [], S.ON_HOLD),
    ("held, but done all the same", job(held_for=HoldReason.PARTS), [DONE], S.COMPLETED),
    ("held after no access", job(held_for=HoldReason.ACCESS), [visit(V.NO_ACCESS, ended_min=60)], S.ON_HOLD),
    ("closed", job(closed_at=at(90)), [DONE], S.CLOSED),
    ("closed, a late fact of a second crew", job(closed_at=at(90)), [DONE, visit(V.WORKING, 2)], S.CLOSED),
    ("cancelled", job(cancelled_at=at(90)), [visit(V.CANCELLED, ended_min=90)], S.CANCELLED),
    ("cancelled, done all the same", job(cancelled_at=at(90)), [DONE], S.CANCELLED),
    ("reopened after done", job(reopened_at=at(90)), [DONE], S.READY),
    ("reopened, next visit booked", job(reopened_at=at(90)), [DONE, visit(V.DISPATCHED, 2)], S.SCHEDULED),
    ("reopened, done again", job(reopened_at=at(90)), [DONE, visit(V.COMPLETED, 2, ended_min=120)], S.COMPLETED),
    ("reopened, then no access", job(reopened_at=at(90)), [DONE, visit(V.NO_ACCESS, 2, ended_min=120)], S.READY),
    ("reopened after not ours", job(reopened_at=at(90)), [NOT_OURS], S.READY),
    ("reopened and held", job(reopened_at=at(90), held_for=HoldReason.WEATHER), [DONE], S.ON_HOLD),
]


@pytest.mark.parametrize(("known", "visits", "state"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_state_of_a_job(known: Job, visits: list[Visit], state: JobState) -> None:
    assert fold_job(known, visits).state is state


def test_every_row_of_the_table_is_reached_by_a_row_of_this_test() -> None:
    first = [
        next(i for i, row in enumerate(TABLE) if row.holds(view_of(known, visits))) for _, known, visits, _ in ROWS
    ]
    assert set(first) == set(range(len(TABLE)))


def test_the_table_can_be_printed() -> None:
    assert len({row.when for row in TABLE}) == len(TABLE)


@given(
    st.builds(
        View,
        cancelled=st.booleans(), closed=st.booleans(), held=st.booleans(), draft=st.booleans(), triaged=st.booleans(),
        under_way=st.booleans(), booked=st.booleans(), last=st.sampled_from(LastTrip),
    )
)  # fmt: skip
def test_on_hold_only_while_held_and_completed_only_after_the_work(view: View) -> None:
    state = state_of(view)
    if state is S.ON_HOLD:
        assert view.held
    if state is S.COMPLETED:
        assert view.last is LastTrip.DONE
        assert not view.under_way
    if view.cancelled:
        assert state is S.CANCELLED


def test_the_first_arrival_of_any_visit_stops_the_clock_and_both_times_are_kept() -> None:
    late = visit(V.WORKING, 1, arrived_at=at(50), arrival_recorded_at=at(51))
    first = visit(V.CANCELLED, 2, ended_min=55, arrived_at=at(40), arrival_recorded_at=at(200))
    folded = fold_job(job(arrival_due_at=at(45)), [late, first])
    assert (folded.arrived_at, folded.arrival_recorded_at) == (at(40), at(200))
    assert folded.arrival_breached is False
    assert fold_job(job(arrival_due_at=at(45)), [late]).arrival_breached is True


def test_an_arrival_at_the_last_moment_is_in_time() -> None:
    there = visit(V.ON_SITE, arrived_at=at(45), arrival_recorded_at=at(45))
    assert fold_job(job(arrival_due_at=at(45)), [there]).arrival_breached is False


def test_a_type_without_a_limit_is_never_breached() -> None:
    assert fold_job(job(), [visit(V.ON_SITE, arrived_at=at(4500))]).arrival_breached is False


def test_flags_computed_from_visits_go_with_them_and_the_others_stay() -> None:
    known = job(flags=(Flag.CLOCK_SUSPECT, Flag.INCOMPLETE, Flag.OUT_OF_ORDER))
    folded = fold_job(known, [replace(DONE, flags=(Flag.NOT_ASSIGNED,))])
    assert folded.flags == (Flag.CLOCK_SUSPECT, Flag.NOT_ASSIGNED)


def test_the_order_of_visits_does_not_matter() -> None:
    visits = [DONE, visit(V.NO_ACCESS, 2, ended_min=60), visit(V.DECLINED, 3)]
    assert fold_job(job(), visits) == fold_job(job(), visits[::-1])


def test_made_safe_by_the_first_who_did_it() -> None:
    visits = [visit(V.WORKING, 1, made_safe_at=at(30)), visit(V.WORKING, 2, made_safe_at=at(20))]
    assert fold_job(job(), visits).made_safe_at == at(20)
