"""A replay grown event by event: at every instant what the folds say of all that had happened by then, at the cost of a step each."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from jobs.event import Event, EventName
from jobs.rules import past as pasts
from jobs.rules.job import state_of, view_of
from jobs.rules.replay import SHOWN, VisitThen, happened_at, replay_job
from jobs.rules.visit import Course, fold_visit, walk
from mobile_contract.schema.job import HoldReason, Job, JobState, Visit, VisitState

JOB, CREWS = UUID(int=1), (UUID(int=8), UUID(int=9))
VISITS = tuple(UUID(int=n) for n in (2, 3, 4))
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
END = NINE + timedelta(days=1)
A_JOB = Job(id=JOB, number="1", type="repair", type_version=1, state=JobState.READY, reported_at=NINE, opened_at=NINE)
BLANK = [Visit(id=id, job_id=JOB, state=VisitState.TENTATIVE) for id in VISITS]
_OF_JOB = {name for name in SHOWN if name.startswith("job_")}
_PLANS = (EventName.VISIT_PLANNED, EventName.VISIT_ASSIGNED, EventName.VISIT_CLAIMED, EventName.VISIT_FOUND)

names = st.sampled_from([*sorted(SHOWN), *[EventName.VISIT_CANCELLED] * 4])
stories = st.lists(
    st.tuples(names, st.sampled_from(VISITS), st.integers(0, 20), st.integers(0, 20), st.booleans()), max_size=14
)


def event(name: EventName, visit_id: UUID, happened_min: int, received_min: int, *, seq: int, other: bool) -> Event:
    detail: dict[str, Any] = {"crew_id": str(CREWS[seq % 2]), "reason": HoldReason.ACCESS.value, "follow_up": other}
    return Event(
        id=UUID(int=100 + seq),
        job_id=JOB,
        visit_id=None if name in _OF_JOB else visit_id,
        seq=seq,
        name=name,
        occurred_at=NINE + timedelta(minutes=happened_min),
        received_at=NINE + timedelta(minutes=received_min),
        command_id=UUID(int=200 + seq),
        detail={**detail, "plan_version": 1} if other else detail,
        hash=str(seq),
    )


def visit_of(visit: Visit, own: Sequence[Event]) -> Visit:
    """Fold a visit anew from all that had happened of it."""
    plan = max((e for e in own if e.name in _PLANS), key=lambda e: e.seq, default=own[0])
    return fold_visit(replace(visit, crew_id=UUID(plan.detail["crew_id"])), own)


def state_by(so_far: Sequence[Event], visits: Sequence[Visit]) -> JobState:
    """Fold the job anew from all that had happened."""
    said: dict[str, Any] = {"cancelled_at": None, "closed_at": None, "reopened_at": None, "held_for": None}
    for each in sorted(so_far, key=lambda e: e.seq):
        match each.name:
            case EventName.JOB_CANCELLED:
                said |= {"cancelled_at": each.received_at, "held_for": None}
            case EventName.JOB_CLOSED:
                said["closed_at"] = each.received_at
            case EventName.JOB_REOPENED:
                said = {**dict.fromkeys(said), "reopened_at": each.received_at}
            case EventName.JOB_HELD:
                said["held_for"] = HoldReason.ACCESS
            case EventName.JOB_RELEASED:
                said["held_for"] = None
    return state_of(view_of(replace(A_JOB, **said), visits))


@settings(max_examples=400, deadline=None)
@given(stories)
def test_each_step_is_the_fold_of_all_that_had_happened_by_then(story: list[tuple[Any, ...]]) -> None:
    events = [
        event(name, visit_id, happened_min, received_min, seq=seq, other=other)
        for seq, (name, visit_id, happened_min, received_min, other) in enumerate(story, start=1)
    ]
    course = replay_job(A_JOB, BLANK, events, from_at=NINE, to_at=END)
    assert len(course.steps) == len(events)
    in_order = sorted(events, key=lambda e: (happened_at(e), e.seq))
    for n, (step, happened) in enumerate(zip(course.steps, in_order, strict=True), start=1):
        so_far = in_order[:n]
        stood = {
            visit.id: visit_of(visit, own) for visit in BLANK if (own := [e for e in so_far if e.visit_id == visit.id])
        }
        about = None if happened.visit_id is None else VisitThen.of(stood[happened.visit_id])
        assert (step.event, step.job_state, step.visit) == (happened, state_by(so_far, [*stood.values()]), about)


def test_what_goes_behind_all_others_has_nothing_walked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    walks: list[int] = []

    def counted(own: Sequence[Event]) -> Course:
        walks.append(len(own))
        return walk(own)

    monkeypatch.setattr(pasts, "walk", counted)
    turns = (EventName.WORK_PAUSED, EventName.WORK_RESUMED)
    # All of them come late, the last one first.
    events = [event(turns[n % 2], VISITS[0], 1000 - n, 1100, seq=n, other=False) for n in range(1, 901)]
    course = replay_job(A_JOB, BLANK, events, from_at=NINE, to_at=END)
    assert (len(course.steps), walks) == (900, [])


def test_a_job_of_many_visits_is_looked_at_by_those_that_say_something(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    found = [replace(BLANK[0], id=UUID(int=1000 + n)) for n in range(300)]
    events = [
        event(name, visit.id, 3 * n + at, 3 * n + at, seq=3 * n + at, other=False)
        for n, visit in enumerate(found)
        for at, name in enumerate((EventName.VISIT_FOUND, EventName.ARRIVED, EventName.VISIT_COMPLETED), start=1)
    ]
    telling = pasts.Standing.telling

    def counted(standing: pasts.Standing) -> Sequence[Visit]:
        looked.append(len(told := telling(standing)))
        return told

    monkeypatch.setattr(pasts.Standing, "telling", counted)
    course = replay_job(A_JOB, found, events, from_at=NINE, to_at=END)
    assert len(course.steps) == 900
    assert max(looked) <= 3
