"""What dispatchers do to a plan by hand: moves in time, locks, withdrawals, swaps; and the rules of planning."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from jobs.planning_rules import planning_rules_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import planning as p
from mobile_contract.schema.base import Document
from mobile_contract.schema.job import JobState, LockKind, Visit, VisitLock, VisitState
from mobile_contract.schema.people import Crew
from tests.arrange import NOW, Assigned, Org
from tests.jobs import stored
from tests.jobs.telling import fact, state, tell

HOUR = timedelta(hours=1)
TEN, NOON = NOW + HOUR, NOW + 3 * HOUR


async def timed(org: Org, crew: str = "alpha", at: datetime = TEN, span: timedelta = HOUR) -> Assigned:
    """Send a crew to a new job at a time."""
    job = Assigned(await org.open_job("east"), org.new_id())
    command = d.AssignVisit(
        job_id=job.job_id,
        visit_id=job.visit_id,
        crew_id=org.crews[crew],
        planned_start_at=at,
        planned_end_at=at + span,
    )
    await org.ok(command, by="dan")
    return job


def moved(job: Assigned, crew_id: UUID, at: datetime, *, version: int = 1) -> d.ReassignVisit:
    return d.ReassignVisit(
        job_id=job.job_id,
        visit_id=job.visit_id,
        plan_version=version,
        crew_id=crew_id,
        planned_start_at=at,
        planned_end_at=at + HOUR,
    )


def lock(job: Assigned, kind: LockKind | None, *, version: int = 1, **at: datetime) -> p.LockVisit:
    held = None if kind is None else VisitLock(kind=kind, **at)
    return p.LockVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=version, lock=held)


def withdrawal(job: Assigned, *, version: int = 1) -> p.WithdrawVisit:
    return p.WithdrawVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=version, reason="planned anew")


def swap(one: Assigned, other: Assigned, *, version: int = 1) -> p.SwapVisits:
    return p.SwapVisits(
        job_id=one.job_id,
        visit_id=one.visit_id,
        plan_version=version,
        other_job_id=other.job_id,
        other_visit_id=other.visit_id,
        other_plan_version=1,
    )


async def visit(org: Org, job: Assigned) -> Visit:
    return await stored.one(org, Visit, job.visit_id)


async def codes(org: Org, *commands: Any) -> list[str]:
    return [answer.code for answer in await org.as_dispatcher(*commands)]


async def test_a_visit_is_moved_in_time_with_or_without_its_crew(org: Org) -> None:
    job = await timed(org)
    assert await codes(org, moved(job, org.crews["alpha"], NOON), moved(job, org.crews["alpha"], NOON)) == [
        "ok",
        "unchanged",
    ]
    later = await visit(org, job)
    assert (later.planned_start_at, later.crew_id, later.plan_version) == (NOON, org.crews["alpha"], 2)
    assert later.state is VisitState.DISPATCHED
    assert await codes(org, moved(job, org.crews["beta"], TEN, version=2)) == ["ok"]
    other = await visit(org, job)
    assert (other.planned_start_at, other.crew_id) == (TEN, org.crews["beta"])


async def test_a_move_in_time_alone_sends_nobody_who_was_not_sent(org: Org) -> None:
    job = Assigned(await org.open_job("east"), org.new_id())
    planned = d.PlanVisit(
        job_id=job.job_id,
        visit_id=job.visit_id,
        crew_id=org.crews["alpha"],
        planned_start_at=TEN,
        planned_end_at=NOON,
    )
    await org.ok(planned, moved(job, org.crews["alpha"], NOON), by="dan")
    assert (await visit(org, job)).state is VisitState.SCHEDULED
    await org.ok(moved(job, org.crews["beta"], NOON, version=2), by="dan")
    assert (await visit(org, job)).state is VisitState.DISPATCHED


@pytest.mark.parametrize("span", [timedelta(0), -HOUR, None])
async def test_a_move_names_both_ends_of_a_span_or_neither(org: Org, span: timedelta | None) -> None:
    job = await timed(org)
    command = d.ReassignVisit(
        job_id=job.job_id,
        visit_id=job.visit_id,
        plan_version=1,
        crew_id=org.crews["alpha"],
        planned_start_at=NOON,
        planned_end_at=None if span is None else NOON + span,
    )
    assert await codes(org, command) == ["invalid"]


async def test_a_move_from_an_older_plan_is_refused_though_the_crew_is_the_same(org: Org) -> None:
    job = await timed(org)
    assert await codes(org, moved(job, org.crews["alpha"], NOON), moved(job, org.crews["alpha"], TEN)) == [
        "ok",
        "plan_changed",
    ]


@pytest.mark.parametrize(
    ("kind", "another_crew", "another_time"),
    [
        (LockKind.RESOURCE, "visit_locked", "ok"),
        (LockKind.TIME, "ok", "visit_locked"),
        (LockKind.BOTH, "visit_locked", "visit_locked"),
    ],
)
async def test_a_lock_keeps_who_when_or_both_until_it_is_taken_away(
    org: Org, kind: LockKind, another_crew: str, another_time: str
) -> None:
    job = await timed(org)
    assert await codes(org, lock(job, kind), lock(job, kind)) == ["ok", "unchanged"]
    locked = await visit(org, job)
    assert locked.lock == VisitLock(kind=kind, **({} if kind is LockKind.RESOURCE else {"from_at": TEN, "to_at": TEN}))
    assert await codes(org, moved(job, org.crews["beta"], TEN)) == [another_crew]
    now = await visit(org, job)
    assert now.crew_id is not None
    assert await codes(org, moved(job, now.crew_id, NOON, version=now.plan_version)) == [another_time]
    version = (await visit(org, job)).plan_version
    unlocked = (lock(job, None, version=version), moved(job, org.crews["alpha"], NOON + HOUR, version=version))
    assert await codes(org, *unlocked) == ["ok", "ok"]
    assert (await visit(org, job)).lock is None


async def test_a_locked_span_lets_the_visit_move_within_it(org: Org) -> None:
    job = await timed(org)
    assert await codes(org, lock(job, LockKind.TIME_RANGE, from_at=TEN, to_at=NOON)) == ["ok"]
    alpha = org.crews["alpha"]
    assert await codes(
        org,
        moved(job, alpha, NOON),
        moved(job, alpha, NOON + timedelta(minutes=1), version=2),
        moved(job, org.crews["beta"], TEN, version=2),
    ) == ["ok", "visit_locked", "ok"]


async def test_a_lock_leaves_the_plan_and_an_acceptance_as_they_are(org: Org) -> None:
    job = await timed(org)
    await org.ok(d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1), by="amy")
    await org.ok(lock(job, LockKind.BOTH), by="dan")
    locked = await visit(org, job)
    assert (locked.state, locked.plan_version) == (VisitState.ACCEPTED, 1)


async def test_a_lock_that_fixes_nothing_or_not_this_visit_is_refused(org: Org) -> None:
    job, untimed = await timed(org), await org.assigned_job()
    nobody = Assigned(await org.open_job(), org.new_id())
    await org.ok(
        d.PlanVisit(job_id=nobody.job_id, visit_id=nobody.visit_id, planned_start_at=TEN, planned_end_at=NOON), by="dan"
    )
    assert await codes(
        org,
        lock(untimed, LockKind.TIME),
        lock(job, LockKind.TIME, from_at=NOON),
        lock(job, LockKind.TIME_RANGE, from_at=TEN),
        lock(job, LockKind.TIME_RANGE, from_at=NOON, to_at=NOON + HOUR),
        lock(nobody, LockKind.RESOURCE),
        lock(job, LockKind.TIME, version=7),
        lock(Assigned(job.job_id, org.new_id()), LockKind.TIME),
    ) == ["lock_invalid"] * 5 + ["plan_changed", "unknown_visit"]


async def test_what_a_crew_already_does_is_not_locked_withdrawn_or_swapped(org: Org) -> None:
    job, other = await timed(org), await timed(org, "beta", NOON)
    await tell(org, fact(f.StartTravel, job))
    assert (
        await codes(org, lock(job, LockKind.BOTH), withdrawal(job), swap(job, other), swap(other, job))
        == ["visit_under_way"] * 4
    )
    assert (await visit(org, other)).plan_version == 1


async def test_a_withdrawn_visit_leaves_the_job_ready_for_another(org: Org) -> None:
    job = await timed(org)
    await org.ok(d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1), by="amy")
    assert await codes(org, withdrawal(job, version=3)) == ["plan_changed"]
    assert await codes(org, withdrawal(job), withdrawal(job)) == ["ok", "unchanged"]
    assert await state(org, job) == (JobState.READY, VisitState.CANCELLED)
    assert (await visit(org, job)).reason == "planned anew"
    await org.assign(job.job_id, "beta")


async def test_what_is_reported_from_a_withdrawn_visit_is_kept_and_flagged(org: Org) -> None:
    job = await timed(org)
    await org.ok(withdrawal(job), by="dan")
    (answer,) = await tell(org, fact(f.StartTravel, job))
    assert answer.took_effect
    assert "after_cancel" in answer.flags


async def test_a_crew_that_set_out_before_it_could_hear_of_a_withdrawal_has_the_job(org: Org) -> None:
    job = await timed(org)
    await org.ok(withdrawal(job), by="dan")
    late = NOW + HOUR / 2
    await tell(org, fact(f.StartTravel, job), at=NOW - HOUR / 12, received_at=late)
    assert await state(org, job) == (JobState.IN_PROGRESS, VisitState.EN_ROUTE)
    found = await visit(org, job)
    assert (found.crew_id, found.ended_at, found.reason) == (org.crews["alpha"], None, "")
    await tell(org, fact(f.CompleteVisit, job, result="done"), at=late, received_at=late)
    assert await state(org, job) == (JobState.COMPLETED, VisitState.COMPLETED)


async def test_a_withdrawn_visit_of_a_cancelled_job_stays_so_whatever_is_reported(org: Org) -> None:
    job = await timed(org)
    await org.ok(withdrawal(job), d.CancelJob(job_id=job.job_id, reason="wrong address"), by="dan")
    (answer,) = await tell(org, fact(f.StartTravel, job))
    assert answer.took_effect
    assert await state(org, job) == (JobState.CANCELLED, VisitState.CANCELLED)


async def test_swapped_visits_change_crews_and_begins_and_keep_how_long_they_take(org: Org) -> None:
    one, other = await timed(org, span=2 * HOUR), await timed(org, "beta", NOON)
    assert await codes(org, swap(one, other)) == ["ok"]
    first, second = await visit(org, one), await visit(org, other)
    assert (first.crew_id, first.planned_start_at, first.planned_end_at) == (org.crews["beta"], NOON, NOON + 2 * HOUR)
    assert (second.crew_id, second.planned_start_at, second.planned_end_at) == (org.crews["alpha"], TEN, TEN + HOUR)
    assert (first.plan_version, second.plan_version) == (2, 2)


async def test_a_swap_changes_both_or_neither(org: Org) -> None:
    one, other = await timed(org), await timed(org, "beta", NOON)
    await org.ok(lock(other, LockKind.RESOURCE), by="dan")
    assert await codes(org, swap(one, other), swap(one, one), swap(one, other, version=4)) == [
        "visit_locked",
        "invalid",
        "plan_changed",
    ]
    assert ((await visit(org, one)).plan_version, (await visit(org, other)).plan_version) == (1, 1)


async def test_a_swap_gives_nothing_to_a_crew_that_is_no_more(org: Org) -> None:
    one, other = await timed(org), await timed(org, "beta", NOON)
    beta = await stored.one(org, Crew, org.crews["beta"])
    await org.ok(d.SaveCrew(crew=replace(beta, active=False)), by="ada")
    assert await codes(org, swap(one, other), swap(other, one)) == ["unknown_reference"] * 2
    assert ((await visit(org, one)).plan_version, (await visit(org, other)).plan_version) == (1, 1)


async def test_there_is_one_set_of_planning_rules_whatever_id_is_named(org: Org) -> None:
    rules = p.PlanningRules(id=org.new_id(), freeze_min=30)
    again = p.PlanningRules(id=org.new_id(), freeze_min=60)
    upside_down = p.PlanningRules(id=org.new_id(), store_hours=(p.OpenHours(from_min=600, to_min=60),))
    answers = await org.send(*(p.SavePlanningRules(rules=r) for r in (rules, again, again, upside_down)), by="max")
    assert [answer.code for answer in answers] == ["ok", "ok", "unchanged", "rules_invalid"]
    saved: Document = await stored.one(org, p.PlanningRules, planning_rules_id(org.id))
    assert isinstance(saved, p.PlanningRules)
    assert saved.freeze_min == 60
