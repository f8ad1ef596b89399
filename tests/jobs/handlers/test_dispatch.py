"""Who goes: planned, assigned, reassigned, claimed, accepted, declined. What a crew already does is never moved by a plan."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import LocalText, Skill
from mobile_contract.schema.job import HoldReason, Job, JobState, JobType, Visit, VisitState
from mobile_contract.schema.outcome import OutcomeStatus
from mobile_contract.schema.people import CrewMember, Person, Role
from sync.outcomes import Answer
from tests.arrange import NOW, Assigned, Org
from tests.jobs import stored
from tests.jobs.telling import fact, state, tell

TOMORROW = NOW + timedelta(days=1)


def plan(org: Org, job_id: Any, visit_id: Any, **said: Any) -> d.PlanVisit:
    times = {"planned_start_at": TOMORROW, "planned_end_at": TOMORROW + timedelta(hours=1)}
    return d.PlanVisit(job_id=job_id, visit_id=visit_id, **{**times, **said})


def codes(answers: tuple[Answer, ...]) -> list[str]:
    return [a.code for a in answers]


async def test_a_visit_planned_for_nobody_is_tentative_and_the_job_stays_open(org: Org) -> None:
    job = Assigned(await org.open_job(), org.new_id())
    command = plan(org, job.job_id, job.visit_id)
    assert codes(await org.as_dispatcher(command, command)) == ["ok", "unchanged"]
    assert await state(org, job) == (JobState.READY, VisitState.TENTATIVE)


async def test_a_planned_visit_is_scheduled_then_dispatched_then_accepted(org: Org) -> None:
    job = Assigned(await org.open_job("east"), org.new_id())
    await org.ok(plan(org, job.job_id, job.visit_id, crew_id=org.crews["alpha"]), by="dan")
    assert await state(org, job) == (JobState.SCHEDULED, VisitState.SCHEDULED)
    await org.ok(d.AssignVisit(job_id=job.job_id, visit_id=job.visit_id, crew_id=org.crews["alpha"]), by="dan")
    visit = await stored.one(org, Visit, job.visit_id)
    assert (visit.state, visit.plan_version, visit.dispatched_at) == (VisitState.DISPATCHED, 2, NOW)
    assert visit.planned_start_at == TOMORROW
    accept = d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=2)
    assert codes(await org.send(accept, accept, by="amy")) == ["ok", "unchanged"]
    assert await state(org, job) == (JobState.SCHEDULED, VisitState.ACCEPTED)


async def test_a_new_time_must_be_accepted_anew(org: Org) -> None:
    job = await org.assigned_job()
    await org.ok(d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1), by="amy")
    await org.ok(plan(org, job.job_id, job.visit_id), by="dan")
    visit = await stored.one(org, Visit, job.visit_id)
    assert (visit.state, visit.plan_version, visit.crew_id) == (VisitState.DISPATCHED, 2, org.crews["alpha"])


async def test_a_plan_that_ends_before_it_begins_is_refused(org: Org) -> None:
    command = plan(org, await org.open_job(), org.new_id(), planned_end_at=TOMORROW)
    assert codes(await org.as_dispatcher(command)) == ["invalid"]


@pytest.mark.parametrize("named", ["nobody", "both", "an unknown crew", "somebody who left"])
async def test_an_assignment_names_one_crew_or_person_who_is_there(org: Org, named: str) -> None:
    who: dict[str, Any] = {
        "nobody": {},
        "both": {"crew_id": org.crews["alpha"], "person_id": org.people["amy"]},
        "an unknown crew": {"crew_id": org.new_id()},
        "somebody who left": {"person_id": org.people["bob"]},
    }[named]
    if named == "somebody who left":
        await org.ok(d.OffboardPerson(person_id=org.people["bob"]))
    command = d.AssignVisit(job_id=await org.open_job(), visit_id=org.new_id(), **who)
    (answer,) = await org.as_dispatcher(command)
    expected = {"an unknown crew": "unknown_reference", "somebody who left": "person_inactive"}
    assert (answer.status, answer.code) == (OutcomeStatus.REJECTED, expected.get(named, "nobody_named"))


async def test_assigning_the_same_again_changes_nothing(org: Org) -> None:
    job = await org.assigned_job()
    command = d.AssignVisit(job_id=job.job_id, visit_id=job.visit_id, crew_id=org.crews["alpha"])
    assert codes(await org.as_dispatcher(command)) == ["unchanged"]
    assert (await stored.one(org, Visit, job.visit_id)).plan_version == 1


async def test_a_proposal_does_not_double_what_was_taken_meanwhile(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    second = d.AssignVisit(job_id=job.job_id, visit_id=org.new_id(), crew_id=org.crews["beta"], only_if_open=True)
    (answer,) = await org.as_dispatcher(second)
    assert (answer.code, answer.detail) == ("job_already_claimed", {"by_crew": str(org.crews["alpha"])})


async def test_two_crews_may_be_sent_to_one_job(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    await org.assign(job.job_id, "beta")
    assert len(await stored.of_job(org, Visit, job.job_id)) == 2


async def test_a_visit_of_another_job_is_unknown(org: Org) -> None:
    job, other = await org.assigned_job(), await org.open_job()
    command = d.AssignVisit(job_id=other, visit_id=job.visit_id, crew_id=org.crews["beta"])
    assert codes(await org.as_dispatcher(command)) == ["unknown_visit"]


async def test_a_job_that_awaits_triage_or_is_held_cannot_be_assigned(org: Org) -> None:
    lost = d.OpenJob(job_id=org.new_id(), job_type="repair")
    held = await org.open_job()
    await org.ok(lost, d.HoldJob(job_id=held, reason=HoldReason.PARTS), by="dan")
    commands = [
        d.AssignVisit(job_id=id, visit_id=org.new_id(), crew_id=org.crews["alpha"]) for id in (lost.job_id, held)
    ]
    answers = await org.as_dispatcher(*commands)
    assert [(a.code, a.detail["state"]) for a in answers] == [
        ("job_state", "awaiting_triage"),
        ("job_state", "on_hold"),
    ]


async def test_a_reassigned_visit_is_a_new_plan_of_another_crew(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    command = d.ReassignVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, crew_id=org.crews["beta"])
    assert codes(await org.as_dispatcher(command, command)) == ["ok", "unchanged"]
    visit = await stored.one(org, Visit, job.visit_id)
    assert (visit.crew_id, visit.person_id, visit.plan_version) == (org.crews["beta"], None, 2)


async def test_a_plan_made_from_an_older_version_is_refused_with_the_new_one(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    to_beta = d.ReassignVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, crew_id=org.crews["beta"])
    to_bob = d.ReassignVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, person_id=org.people["amy"])
    _, late = await org.as_dispatcher(to_beta, to_bob)
    assert (late.code, late.detail["plan_version"]) == ("plan_changed", "2")
    assert late.detail["by_crew"] == str(org.crews["beta"])


async def test_what_a_crew_reported_wins_over_a_new_plan(org: Org) -> None:
    job = await org.assigned_job()
    await tell(org, fact(f.StartTravel, job))
    answers = await org.as_dispatcher(
        d.ReassignVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, crew_id=org.crews["beta"]),
        d.AssignVisit(job_id=job.job_id, visit_id=job.visit_id, crew_id=org.crews["beta"]),
        plan(org, job.job_id, job.visit_id),
    )
    assert codes(answers) == ["visit_under_way"] * 3
    assert (await stored.one(org, Visit, job.visit_id)).crew_id == org.crews["alpha"]


async def test_a_crew_that_reports_after_its_visit_was_given_away_is_flagged_and_stays_on_site(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    command = d.ReassignVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, crew_id=org.crews["beta"])
    await org.ok(command, by="dan", now=NOW + timedelta(minutes=30))
    (answer,) = await tell(
        org, fact(f.ArriveOnSite, job), at=NOW + timedelta(minutes=20), received_at=NOW + timedelta(hours=1)
    )
    assert answer.flags == ("not_assigned",)
    assert await state(org, job) == (JobState.IN_PROGRESS, VisitState.ON_SITE)


async def test_an_ended_visit_cannot_be_given_again(org: Org) -> None:
    job = await org.assigned_job()
    await tell(org, fact(f.ReportNoAccess, job, reason="nobody home"))
    again = d.ReassignVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, crew_id=org.crews["beta"])
    fresh = d.AssignVisit(job_id=job.job_id, visit_id=org.new_id(), crew_id=org.crews["beta"])
    answers = await org.as_dispatcher(again, fresh)
    assert codes(answers) == ["visit_state", "ok"]
    assert answers[0].detail == {"state": "no_access"}


async def test_a_claim_goes_to_the_claimers_crew(org: Org) -> None:
    job = Assigned(await org.open_job("east"), org.new_id())
    claim = d.ClaimJob(job_id=job.job_id, visit_id=job.visit_id)
    assert codes(await org.send(claim, claim, by="amy")) == ["ok", "unchanged"]
    visit = await stored.one(org, Visit, job.visit_id)
    assert (visit.crew_id, visit.person_id) == (org.crews["alpha"], None)
    assert await state(org, job) == (JobState.SCHEDULED, VisitState.ACCEPTED)
    (mate,) = await org.send(d.ClaimJob(job_id=job.job_id, visit_id=org.new_id()), by="ali")
    assert mate.code == "unchanged"


async def test_a_claimer_of_two_crews_claims_for_themselves(org: Org) -> None:
    second = CrewMember(
        id=org.new_id(), crew_id=org.crews["beta"], person_id=org.people["amy"], from_at=NOW - timedelta(days=1)
    )
    await org.ok(d.SaveCrewMember(member=second))
    command = d.ClaimJob(job_id=await org.open_job("east"), visit_id=org.new_id())
    await org.ok(command, by="amy")
    visit = await stored.one(org, Visit, command.visit_id)
    assert (visit.crew_id, visit.person_id) == (None, org.people["amy"])


async def test_the_loser_of_a_claim_is_told_who_was_faster(org: Org) -> None:
    job_id = await org.open_job("east")
    claims = {name: d.ClaimJob(job_id=job_id, visit_id=org.new_id()) for name in ("amy", "bob")}
    answers = await asyncio.gather(*(org.send(claim, by=name) for name, claim in claims.items()))
    by_code = {answer.code: answer for (answer,) in answers}
    assert set(by_code) == {"ok", "job_already_claimed"}
    winner = next(v for v in await stored.of_job(org, Visit, job_id))
    assert by_code["job_already_claimed"].detail == {"by_crew": str(winner.crew_id)}


async def test_work_on_a_claim_that_was_refused_is_kept_as_an_unplanned_visit(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    claim = d.ClaimJob(job_id=job.job_id, visit_id=org.new_id())
    assert codes(await org.send(claim, by="bob")) == ["job_already_claimed"]
    lost = Assigned(job.job_id, claim.visit_id)
    (answer,) = await tell(org, fact(f.ArriveOnSite, lost), by="bob")
    assert (answer.code, answer.flags) == ("ok", ("not_assigned",))
    visit = await stored.one(org, Visit, claim.visit_id)
    assert (visit.person_id, visit.state) == (org.people["bob"], VisitState.ON_SITE)
    assert (await stored.one(org, Visit, job.visit_id)).state is VisitState.DISPATCHED


@pytest.mark.parametrize("how", ["awaiting triage", "on hold", "cancelled"])
async def test_a_job_that_is_not_open_cannot_be_claimed(org: Org, how: str) -> None:
    job_id = await org.open_job()
    if how == "awaiting triage":
        job_id = org.new_id()
        await org.ok(d.OpenJob(job_id=job_id, job_type="repair"))
    if how == "on hold":
        await org.ok(d.HoldJob(job_id=job_id, reason=HoldReason.WEATHER), by="dan")
    if how == "cancelled":
        await org.ok(d.CancelJob(job_id=job_id, reason="mistake"), by="dan")
    (answer,) = await org.send(d.ClaimJob(job_id=job_id, visit_id=org.new_id()), by="amy")
    # What nobody has triaged was never offered to any crew.
    assert answer.code == ("out_of_scope" if how == "awaiting triage" else "job_not_open")


async def test_a_claim_needs_the_skills_that_the_job_asks_for(org: Org) -> None:
    job_type = JobType(
        id=org.new_id(), code="gas", version=1, name=LocalText(en="Gas"), required_skills=(Skill(code="gas", level=2),)
    )
    lon, lat = org.point("east")
    job_id = org.new_id()
    await org.ok(d.LoadJobType(job_type=job_type), d.OpenJob(job_id=job_id, job_type="gas", lon_deg=lon, lat_deg=lat))
    claim = d.ClaimJob(job_id=job_id, visit_id=org.new_id())
    expired = Skill(code="gas", level=2, expires_at=NOW)
    for skills in ((), (Skill(code="gas", level=1),), (expired,)):
        await org.ok(d.SavePerson(person=_amy(org, *skills)))
        (answer,) = await org.send(claim, by="amy")
        assert (answer.code, answer.detail) == ("skill_missing", {"skill": "gas", "level": "2"})
    await org.ok(d.SavePerson(person=_amy(org, Skill(code="gas", level=3))))
    await org.ok(claim, by="amy")


def _amy(org: Org, *skills: Skill) -> Person:
    return Person(id=org.people["amy"], code="amy", name="Amy", roles=(Role.TECHNICIAN,), skills=skills)


async def test_a_claim_takes_over_a_visit_that_was_planned_for_nobody(org: Org) -> None:
    job = Assigned(await org.open_job("east"), org.new_id())
    await org.ok(plan(org, job.job_id, job.visit_id), by="dan")
    await org.ok(d.ClaimJob(job_id=job.job_id, visit_id=job.visit_id), by="bob")
    visit = await stored.one(org, Visit, job.visit_id)
    assert (visit.crew_id, visit.planned_start_at) == (org.crews["beta"], TOMORROW)


async def test_a_declined_visit_leaves_the_job_to_somebody_else(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    decline = d.DeclineVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, reason="van broken")
    assert codes(await org.send(decline, decline, by="amy")) == ["ok", "unchanged"]
    visit = await stored.one(org, Visit, job.visit_id)
    assert (visit.state, visit.reason) == (VisitState.DECLINED, "van broken")
    assert (await stored.one(org, Job, job.job_id)).state is JobState.READY
    await org.ok(d.ClaimJob(job_id=job.job_id, visit_id=org.new_id()), by="bob")


async def test_a_new_time_alone_gives_a_visit_to_nobody_who_has_left(org: Org) -> None:
    job_id, visit_id = await org.open_job(), org.new_id()
    named: dict[str, Any] = {"job_id": job_id, "visit_id": visit_id}
    await org.ok(d.AssignVisit(**named, person_id=org.people["bob"]), by="dan")
    await org.ok(d.DeclineVisit(**named, plan_version=1, reason="ill"), by="bob")
    await org.ok(d.OffboardPerson(person_id=org.people["bob"]), by="ada")
    later = d.PlanVisit(**named, planned_start_at=NOW, planned_end_at=NOW + timedelta(hours=1))
    (answer,) = await org.send(later, by="dan")
    assert (answer.took_effect, answer.code) == (False, "person_inactive")
    await org.ok(replace(later, crew_id=org.crews["alpha"]), by="dan")


async def test_an_answer_to_an_older_plan_is_refused(org: Org) -> None:
    job = await org.assigned_job()
    await org.ok(plan(org, job.job_id, job.visit_id), by="dan")
    answers = await org.send(
        d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1),
        d.DeclineVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, reason="busy"),
        by="amy",
    )
    assert codes(answers) == ["plan_changed", "plan_changed"]


async def test_only_whoever_has_the_visit_answers_for_it(org: Org) -> None:
    job = await org.assigned_job("alpha", "east")
    (answer,) = await org.send(d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1), by="bob")
    assert (answer.status, answer.code) == (OutcomeStatus.REJECTED, "not_assigned")


async def test_who_is_under_way_can_no_longer_decline(org: Org) -> None:
    job = await org.assigned_job()
    await tell(org, fact(f.ArriveOnSite, job))
    answers = await org.send(
        d.DeclineVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, reason="far"),
        d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1),
        by="amy",
    )
    assert codes(answers) == ["visit_under_way", "unchanged"]
