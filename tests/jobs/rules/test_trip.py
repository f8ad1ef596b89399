"""The fold that grows event by event: after every event, in whatever order things happened, the same as the fold of the whole history."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.event import Event, EventName
from jobs.rules import trip as trips
from jobs.rules.trip import Trip
from jobs.rules.visit import Course, fold_visit, walk
from mobile_contract.schema.job import Visit, VisitState

JOB, VISIT = UUID(int=1), UUID(int=2)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
BLANK = Visit(id=VISIT, job_id=JOB, state=VisitState.TENTATIVE)

# Cancellations often enough that a story goes on behind one.
names = st.sampled_from([*EventName, *[EventName.VISIT_CANCELLED] * 6])
steps = st.lists(st.tuples(names, st.integers(0, 30), st.integers(0, 30), st.sampled_from(["", "a"])), max_size=16)


def event(name: EventName, happened_min: int, received_min: int, *, seq: int, reason: str = "") -> Event:
    return Event(
        id=UUID(int=100 + seq),
        job_id=JOB,
        visit_id=VISIT,
        seq=seq,
        name=name,
        occurred_at=NINE + timedelta(minutes=happened_min),
        received_at=NINE + timedelta(minutes=received_min),
        command_id=UUID(int=200 + seq),
        detail={"crew_id": "c", "follow_up": True, "plan_version": 1, "reason": reason} if reason else {},
        hash=str(seq),
    )


@settings(max_examples=400, deadline=None)
@given(steps)
def test_after_every_event_the_trip_is_the_fold_of_all_of_them(story: list[tuple[EventName, int, int, str]]) -> None:
    trip, recorded = Trip(), []
    for seq, (name, happened_min, received_min, reason) in enumerate(story, start=1):
        recorded.append(event(name, happened_min, received_min, seq=seq, reason=reason))
        trip.add(recorded[-1])
        assert trip.tell(BLANK) == fold_visit(BLANK, recorded)
    assert Trip(recorded).tell(BLANK) == trip.tell(BLANK)


def test_random_histories_of_a_hundred_events(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(30):
        trip, recorded = Trip(), []
        for seq in range(1, 101):
            name = draw.choice(list(EventName))
            late_min = draw.choice([0, 0, 0, draw.randint(1, 200)])
            recorded.append(event(name, seq - late_min, seq - draw.choice([0, 0, 2]), seq=seq))
            trip.add(recorded[-1])
            if seq % 10 == 0:
                assert trip.tell(BLANK) == fold_visit(BLANK, recorded)


def test_only_what_comes_late_has_the_visit_walked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    walks: list[int] = []

    def counted(own: Sequence[Event]) -> Course:
        walks.append(len(own))
        return walk(own)

    monkeypatch.setattr(trips, "walk", counted)
    names = (EventName.WORK_PAUSED, EventName.NOTE_ADDED, EventName.WORK_RESUMED)
    trip = Trip(event(names[seq % 3], seq, seq, seq=seq) for seq in range(1, 501))
    assert walks == []
    trip.add(event(EventName.NOTE_ADDED, 2, 600, seq=501))
    assert walks == [], "a remark says nothing to the state, whenever it was made"
    trip.add(event(EventName.ARRIVED, 3, 600, seq=502))
    assert walks == [502]
    trip.add(event(EventName.WORK_STARTED, 700, 700, seq=503))
    assert walks == [502]
