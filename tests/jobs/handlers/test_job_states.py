"""Decisions on a job as a whole: hold, release, cancel, close, reopen. A repeat changes nothing, what is illegal says the state now."""

from datetime import timedelta

import pytest

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command
from mobile_contract.schema.job import HoldReason, Job, JobState, VisitState
from mobile_contract.schema.outcome import OutcomeStatus
from tests.arrange import NOW, Assigned, Org
from tests.jobs import stored
from tests.jobs.telling import fact, state, tell

LATER = NOW + timedelta(hours=2)


async def done(org: Org) -> Assigned:
    job = await org.assigned_job()
    await tell(org, fact(f.CompleteVisit, job), at=NOW + timedelta(hours=1))
    return job


def all_decisions(job: Assigned) -> dict[str, Command]:
    return {
        "hold": d.HoldJob(job_id=job.job_id, reason=HoldReason.PARTS),
        "release": d.ReleaseJob(job_id=job.job_id),
        "cancel": d.CancelJob(job_id=job.job_id, reason="mistake"),
        "close": d.CloseJob(job_id=job.job_id),
        "reopen": d.ReopenJob(job_id=job.job_id, reason="leaks again"),
    }


async def test_a_held_job_waits_and_goes_on_where_it_was(org: Org) -> None:
    job = await org.assigned_job()
    hold = d.HoldJob(job_id=job.job_id, reason=HoldReason.PARTS, until=LATER)
    assert [a.code for a in await org.as_dispatcher(hold, hold)] == ["ok", "unchanged"]
    known = await stored.one(org, Job, job.job_id)
    assert (known.state, known.held_for, known.held_until) == (JobState.ON_HOLD, HoldReason.PARTS, LATER)
    release = d.ReleaseJob(job_id=job.job_id)
    assert [a.code for a in await org.as_dispatcher(release, release)] == ["ok", "unchanged"]
    assert await state(org, job) == (JobState.SCHEDULED, VisitState.DISPATCHED)


async def test_a_crew_may_hold_its_own_job_and_no_other(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    hold = d.HoldJob(job_id=job.job_id, reason=HoldReason.ACCESS)
    (stranger,) = await org.send(hold, by="bob")
    assert (stranger.status, stranger.code) == (OutcomeStatus.REJECTED, "not_assigned")
    await org.ok(hold, by="amy")


async def test_a_note_on_somebody_elses_job_gives_no_say_in_it(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    note = f.AddNote(job_id=job.job_id, visit_id=org.new_id(), note_id=org.new_id(), text="passed by, still leaks")
    (noted,) = await tell(org, note, by="bob")
    assert noted.flags == ("not_assigned",)
    (answer,) = await org.send(d.HoldJob(job_id=job.job_id, reason=HoldReason.PARTS), by="bob")
    assert answer.code == "not_assigned"
    assert await state(org, job) == (JobState.SCHEDULED, VisitState.DISPATCHED)


async def test_cancelling_a_job_cancels_its_open_visits(org: Org) -> None:
    job = await org.assigned_job()
    cancel = d.CancelJob(job_id=job.job_id, reason="mistake")
    assert [a.code for a in await org.as_dispatcher(cancel, cancel)] == ["ok", "unchanged"]
    assert await state(org, job) == (JobState.CANCELLED, VisitState.CANCELLED)
    assert (await stored.one(org, Job, job.job_id)).reason == "mistake"


async def test_a_completed_job_is_closed_once(org: Org) -> None:
    job = await done(org)
    close = d.CloseJob(job_id=job.job_id, reason="paid")
    assert [a.code for a in await org.as_dispatcher(close, close)] == ["ok", "unchanged"]
    known = await stored.one(org, Job, job.job_id)
    assert (known.state, known.reason) == (JobState.CLOSED, "paid")


async def test_a_reopened_job_waits_for_another_visit(org: Org) -> None:
    job = await done(org)
    reopen = d.ReopenJob(job_id=job.job_id, reason="leaks again")
    await org.ok(d.CloseJob(job_id=job.job_id), by="dan", now=LATER)
    answers = await org.as_dispatcher(reopen, reopen, now=LATER + timedelta(hours=1))
    assert [a.code for a in answers] == ["ok", "unchanged"]
    assert (await stored.one(org, Job, job.job_id)).state is JobState.READY
    again = Assigned(job.job_id, await org.assign(job.job_id, now=LATER + timedelta(hours=2)))
    await tell(org, fact(f.CompleteVisit, again), at=LATER + timedelta(hours=3))
    assert (await stored.one(org, Job, job.job_id)).state is JobState.COMPLETED


async def test_a_cancelled_job_can_be_reopened_but_its_visits_stay_cancelled(org: Org) -> None:
    job = await org.assigned_job()
    await org.ok(d.CancelJob(job_id=job.job_id, reason="mistake"), by="dan")
    await org.ok(d.ReopenJob(job_id=job.job_id, reason="no mistake"), by="dan", now=LATER)
    assert await state(org, job) == (JobState.READY, VisitState.CANCELLED)


# What is refused where; "release" has nothing to end, so it is never refused.
@pytest.mark.parametrize(
    ("start", "refused"),
    [
        ("ready", {"close": "job_state", "reopen": "job_state"}),
        ("completed", {"hold": "job_state", "cancel": "job_state"}),
        ("closed", {"hold": "job_already_closed", "cancel": "job_already_closed"}),
        ("cancelled", {"hold": "job_state", "close": "job_state"}),
    ],
)
async def test_what_is_illegal_is_refused_with_the_state_now(org: Org, start: str, refused: dict[str, str]) -> None:
    job = await done(org) if start in ("completed", "closed") else Assigned(await org.open_job(), org.new_id())
    if start == "closed":
        await org.ok(d.CloseJob(job_id=job.job_id), by="dan")
    if start == "cancelled":
        await org.ok(d.CancelJob(job_id=job.job_id, reason="mistake"), by="dan")
    for name, code in refused.items():
        (answer,) = await org.as_dispatcher(all_decisions(job)[name])
        assert (answer.status, answer.code, answer.detail) == (OutcomeStatus.REJECTED, code, {"state": start}), name
    assert (await stored.one(org, Job, job.job_id)).state == start


async def test_decisions_on_an_unknown_job(org: Org) -> None:
    nothing = Assigned(org.new_id(), org.new_id())
    answers = await org.as_dispatcher(*all_decisions(nothing).values())
    assert {a.code for a in answers} == {"unknown_job"}


async def test_words_are_not_edited_once_a_job_is_closed(org: Org) -> None:
    job = await done(org)
    await org.ok(d.CloseJob(job_id=job.job_id), by="dan")
    edit = d.EditJob(job_id=job.job_id, changes={"title": d.FieldEdit(was="leak", set="burst")})
    assert [a.code for a in await org.as_dispatcher(edit)] == ["job_already_closed"]
