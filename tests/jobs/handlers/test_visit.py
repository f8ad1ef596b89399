"""What crews report about a visit: booked when it happened, flagged where the office should look, never refused."""

from datetime import timedelta

import pytest

from jobs.event import EventName
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Datum, LocalText, Position
from mobile_contract.schema.job import Flag, Guards, Job, JobState, JobType, Task, Visit, VisitState
from mobile_contract.schema.outcome import OutcomeStatus
from tests.arrange import NOW, Assigned, Org
from tests.jobs import stored
from tests.jobs.telling import fact, state, tell

MIN = timedelta(minutes=1)


async def test_a_visit_from_travel_to_the_end(org: Org) -> None:
    job = await org.assigned_job()
    steps: list[tuple[f.VisitFact, VisitState, JobState]] = [
        (fact(f.StartTravel, job), VisitState.EN_ROUTE, JobState.IN_PROGRESS),
        (fact(f.ArriveOnSite, job), VisitState.ON_SITE, JobState.IN_PROGRESS),
        (fact(f.StartWork, job), VisitState.WORKING, JobState.IN_PROGRESS),
        (fact(f.MakeSafe, job), VisitState.WORKING, JobState.IN_PROGRESS),
        (fact(f.PauseWork, job, reason="lunch"), VisitState.PAUSED, JobState.IN_PROGRESS),
        (fact(f.ResumeWork, job), VisitState.WORKING, JobState.IN_PROGRESS),
        (await _answer(org, job, "stopped", "yes"), VisitState.WORKING, JobState.IN_PROGRESS),
        (fact(f.CompleteVisit, job), VisitState.COMPLETED, JobState.COMPLETED),
    ]
    for minute, (command, visit_state, job_state) in enumerate(steps, start=1):
        (answer,) = await tell(org, command, at=NOW + 10 * minute * MIN)
        assert (answer.status, answer.code, answer.flags) == (OutcomeStatus.APPLIED, "ok", ())
        assert await state(org, job) == (job_state, visit_state)
    visit = await stored.one(org, Visit, job.visit_id)
    times = (visit.travel_started_at, visit.arrived_at, visit.work_started_at, visit.made_safe_at, visit.ended_at)
    assert times == tuple(NOW + 10 * m * MIN for m in (1, 2, 3, 4, 8))


async def _answer(org: Org, job: Assigned, code: str, answer: str) -> f.VisitFact:
    (task,) = [t for t in await stored.of_job(org, Task, job.job_id) if t.code == code]
    return fact(f.AnswerChecklist, job, task_id=task.id, answer=answer)


async def test_an_arrival_reported_late_is_booked_when_it_happened(org: Org) -> None:
    job = await org.assigned_job()
    await tell(org, fact(f.ArriveOnSite, job), at=NOW + 44 * MIN, received_at=NOW + 300 * MIN)
    known = await stored.one(org, Job, job.job_id)
    assert known.arrival_due_at == NOW + 45 * MIN
    assert (known.arrived_at, known.arrival_recorded_at) == (NOW + 44 * MIN, NOW + 300 * MIN)
    assert known.arrival_breached is False


async def test_an_arrival_after_the_limit_is_a_breach_until_an_earlier_one_comes_in(org: Org) -> None:
    job = await org.assigned_job()
    await tell(org, fact(f.ArriveOnSite, job), at=NOW + 46 * MIN)
    assert (await stored.one(org, Job, job.job_id)).arrival_breached is True
    await tell(org, fact(f.ArriveOnSite, job), by="ali", at=NOW + 40 * MIN, received_at=NOW + 90 * MIN)
    known = await stored.one(org, Job, job.job_id)
    assert (known.arrived_at, known.arrival_recorded_at) == (NOW + 40 * MIN, NOW + 90 * MIN)
    assert known.arrival_breached is False


async def test_the_same_fact_under_two_command_ids_is_one_fact(org: Org) -> None:
    job = await org.assigned_job()
    answers = await tell(org, *[fact(f.ArriveOnSite, job)] * 2, at=NOW + MIN)
    assert [a.code for a in answers] == ["ok", "unchanged"]
    assert [e.name for e in await stored.events(org, job.job_id)].count(EventName.ARRIVED) == 1


async def test_a_fact_of_an_unknown_visit_makes_an_unplanned_visit_of_the_reporter(org: Org) -> None:
    job = Assigned(await org.open_job("east"), org.new_id())
    (answer,) = await tell(org, fact(f.StartWork, job), by="bob")
    assert answer.flags == ("not_assigned",)
    visit = await stored.one(org, Visit, job.visit_id)
    assert (visit.person_id, visit.state, visit.flags) == (org.people["bob"], VisitState.WORKING, (Flag.NOT_ASSIGNED,))
    assert (await stored.one(org, Job, job.job_id)).flags == (Flag.NOT_ASSIGNED,)


async def test_a_fact_of_a_visit_of_another_job_has_no_effect(org: Org) -> None:
    job, other = await org.assigned_job(), await org.open_job()
    (answer,) = await tell(org, fact(f.ArriveOnSite, Assigned(other, job.visit_id)))
    assert (answer.took_effect, answer.code) == (False, "unknown_visit")


async def test_a_fact_of_an_unknown_job_has_no_effect(org: Org) -> None:
    (answer,) = await tell(org, fact(f.ArriveOnSite, Assigned(org.new_id(), org.new_id())))
    # Whether it exists is told to those alone who may report on any job.
    assert (answer.took_effect, answer.code) == (False, "out_of_scope")
    (answer,) = await tell(org, fact(f.ArriveOnSite, Assigned(org.new_id(), org.new_id())), by="ada")
    assert (answer.took_effect, answer.code) == (False, "unknown_job")


async def test_a_fact_of_somebody_elses_visit_is_booked_and_flagged(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    (answer,) = await tell(org, fact(f.ArriveOnSite, job), by="bob")
    assert answer.flags == ("not_assigned",)
    assert await state(org, job) == (JobState.IN_PROGRESS, VisitState.ON_SITE)
    (own,) = await tell(org, fact(f.StartWork, job), by="amy", at=NOW + MIN)
    assert own.flags == ()


async def test_work_reported_after_a_cancellation_is_kept_and_flagged_and_stays_cancelled(org: Org) -> None:
    job = await org.assigned_job()
    await org.ok(d.CancelJob(job_id=job.job_id, reason="wrong address"), by="dan", now=NOW + 30 * MIN)
    answers = await tell(
        org, fact(f.ArriveOnSite, job), fact(f.CompleteVisit, job), at=NOW + 20 * MIN, received_at=NOW + 60 * MIN
    )
    assert [a.flags for a in answers] == [("after_cancel",)] * 2
    assert await state(org, job) == (JobState.CANCELLED, VisitState.CANCELLED)
    known = await stored.one(org, Job, job.job_id)
    assert known.arrived_at == NOW + 20 * MIN
    assert known.flags == (Flag.AFTER_CANCEL,)
    names = [e.name for e in await stored.events(org, job.job_id)]
    assert names[-2:] == [EventName.ARRIVED, EventName.VISIT_COMPLETED]


async def test_flags_of_clock_and_of_an_unresolved_predecessor(org: Org) -> None:
    job = await org.assigned_job()
    (answer,) = await tell(org, fact(f.ArriveOnSite, job), suspect=True, after=(org.new_id(),))
    assert answer.flags == ("after_unresolved", "clock_suspect")
    assert (await stored.one(org, Visit, job.visit_id)).flags == (Flag.AFTER_UNRESOLVED, Flag.CLOCK_SUSPECT)


async def test_a_fact_out_of_order_is_kept_ignored_and_flagged(org: Org) -> None:
    job = await org.assigned_job()
    await tell(org, fact(f.ReportNoAccess, job, reason="nobody home"), at=NOW + 10 * MIN)
    (answer,) = await tell(org, fact(f.PauseWork, job), at=NOW + 20 * MIN)
    assert answer.flags == ("out_of_order",)
    assert await state(org, job) == (JobState.READY, VisitState.NO_ACCESS)
    assert (await stored.events(org, job.job_id))[-1].name is EventName.WORK_PAUSED


async def test_a_completion_without_the_mandatory_answer_is_flagged_until_the_answer_comes(org: Org) -> None:
    job = await org.assigned_job()
    (answer,) = await tell(org, fact(f.CompleteVisit, job), at=NOW + 30 * MIN)
    assert (answer.status, answer.flags) == (OutcomeStatus.APPLIED, ("incomplete",))
    assert await state(org, job) == (JobState.COMPLETED, VisitState.COMPLETED)
    assert (await stored.one(org, Job, job.job_id)).flags == (Flag.INCOMPLETE,)
    late = await _answer(org, job, "stopped", "yes")
    await tell(org, late, by="ali", at=NOW + 20 * MIN, received_at=NOW + 60 * MIN)
    assert (await stored.one(org, Visit, job.visit_id)).flags == ()
    assert (await stored.one(org, Job, job.job_id)).flags == ()


async def test_guards_of_the_job_type_are_asked_on_completion(org: Org) -> None:
    guarded = JobType(
        id=org.new_id(), code="guarded", version=1, name=LocalText(en="Guarded"),
        guards=Guards(photos=("after",), parts_declared=True),
    )  # fmt: skip
    lon, lat = org.point("east")
    opened = d.OpenJob(job_id=org.new_id(), job_type="guarded", lon_deg=lon, lat_deg=lat)
    await org.ok(d.LoadJobType(job_type=guarded), opened)
    job = Assigned(opened.job_id, await org.assign(opened.job_id))
    photo = fact(
        f.AddPhoto, job, photo_id=org.new_id(), purpose="after", sha256="0" * 64, size_bytes=9, media_type="image/jpeg"
    )
    answers = await tell(org, photo, fact(f.CompleteVisit, job, no_parts_used=True), at=NOW + MIN)
    assert [a.flags for a in answers] == [(), ()]


@pytest.mark.parametrize(
    ("said", "job_state", "visit_state"),
    [
        ({"follow_up": True}, JobState.READY, VisitState.FOLLOW_UP_NEEDED),
        ({"result": "cannot_complete"}, JobState.CANNOT_COMPLETE, VisitState.COMPLETED),
    ],
)
async def test_a_visit_that_did_not_finish_the_job_needs_no_complete_papers(
    org: Org, said: dict[str, object], job_state: JobState, visit_state: VisitState
) -> None:
    job = await org.assigned_job()
    (answer,) = await tell(org, fact(f.CompleteVisit, job, **said))
    assert answer.flags == ()
    assert await state(org, job) == (job_state, visit_state)


async def test_a_crew_that_finds_it_not_ours_stays_until_the_right_crew_comes(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    (found,) = await tell(org, fact(f.ReportNotOurs, job, owner="gas works"), at=NOW + 10 * MIN)
    assert found.flags == ("not_ours",)
    assert (await stored.one(org, Job, job.job_id)).state is JobState.IN_PROGRESS
    await tell(org, fact(f.CompleteVisit, job), at=NOW + 60 * MIN)
    assert (await stored.one(org, Job, job.job_id)).state is JobState.CANNOT_COMPLETE


async def test_a_position_is_kept_in_wgs_84_with_its_source(org: Org) -> None:
    job = await org.assigned_job()
    here = Position(lon_deg=116.45, lat_deg=39.95, accuracy_m=8, datum=Datum.GCJ02, mock=True)
    await tell(org, fact(f.ArriveOnSite, job, position=here))
    event = (await stored.events(org, job.job_id))[-1]
    assert event.lon_deg is not None and 116.43 < event.lon_deg < 116.4499
    assert (event.accuracy_m, event.detail["datum"], event.detail["mock"]) == (8, "gcj02", True)
