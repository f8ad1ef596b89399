"""People and crews: dated membership, and what a person who leaves lets go of."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from jobs.event import EventName
from jobs.policies import shipped_policies
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.approval import Approval
from mobile_contract.schema.job import Job, JobState, Visit, VisitState
from mobile_contract.schema.material import RequestLine
from mobile_contract.schema.people import Crew, CrewMember, Duty, Person, Role
from tests.arrange import NOW, Org
from tests.jobs import stored

DAY = timedelta(days=1)


def member(
    org: Org, crew: str, person: str, from_at: datetime, to_at: datetime | None = None, *, id: UUID | None = None
) -> d.SaveCrewMember:
    return d.SaveCrewMember(
        member=CrewMember(
            id=id or org.new_id(), crew_id=org.crews[crew], person_id=org.people[person], from_at=from_at, to_at=to_at
        )
    )


async def members(org: Org, crew: str) -> set[str]:
    names = {id: name for name, id in org.people.items()}
    return {names[id] for id in (await stored.one(org, Crew, org.crews[crew])).member_ids}


async def test_a_crews_members_are_those_of_now_and_later(org: Org) -> None:
    assert await members(org, "alpha") == {"amy", "ali"}
    await org.ok(member(org, "alpha", "bob", NOW - DAY, NOW + DAY))
    await org.ok(member(org, "alpha", "dan", NOW + DAY))
    await org.ok(member(org, "alpha", "eve", NOW - 2 * DAY, NOW - DAY))
    assert await members(org, "alpha") == {"amy", "ali", "bob", "dan"}
    left = await stored.one(org, CrewMember, org.members["ali"])
    await org.ok(d.SaveCrewMember(member=msgspec.structs.replace(left, to_at=NOW)))
    assert await members(org, "alpha") == {"amy", "bob", "dan"}


async def test_saving_a_crew_does_not_touch_its_members(org: Org) -> None:
    crew = await stored.one(org, Crew, org.crews["alpha"])
    stranger = msgspec.structs.replace(crew, name="Renamed", member_ids=(org.people["bob"],))
    await org.ok(d.SaveCrew(crew=stranger))
    assert await members(org, "alpha") == {"amy", "ali"}
    assert (await stored.one(org, Crew, crew.id)).name == "Renamed"


async def test_a_membership_keeps_its_crew_and_person(org: Org) -> None:
    moved = member(org, "beta", "amy", NOW, id=org.members["amy"])
    (answer,) = await org.send(moved)
    assert (answer.status, answer.code) == ("rejected", "id_reused")
    (ended,) = await org.send(member(org, "beta", "amy", NOW, NOW))
    assert (ended.status, ended.code) == ("rejected", "span_invalid")
    assert await members(org, "beta") == {"bob"}


async def test_two_who_join_at_once_are_both_members(org: Org) -> None:
    joining = [member(org, "beta", name, NOW) for name in ("amy", "ali", "dan", "eve")]
    await asyncio.gather(*(org.ok(command) for command in joining))
    assert await members(org, "beta") == {"bob", "amy", "ali", "dan", "eve"}


async def test_who_leaves_lets_go_of_open_visits_and_the_jobs_are_ready_again(org: Org) -> None:
    bob = org.people["bob"]
    job_id, visit_id = await org.open_job("east"), org.new_id()
    await org.ok(d.AssignVisit(job_id=job_id, visit_id=visit_id, person_id=bob), by="dan")
    crews = await org.assigned_job("beta")
    (answer,) = await org.send(d.OffboardPerson(person_id=bob, reason="moved away"), by="ada", now=NOW + DAY)
    assert (answer.status, answer.code) == ("applied", "ok")
    person, visit, job = (
        await stored.one(org, Person, bob),
        await stored.one(org, Visit, visit_id),
        await stored.one(org, Job, job_id),
    )
    assert (person.active, visit.state, visit.reason, job.state) == (
        False,
        VisitState.CANCELLED,
        "moved away",
        JobState.READY,
    )
    assert (await stored.events(org, job_id))[-1].name is EventName.VISIT_CANCELLED
    assert (await stored.one(org, Visit, crews.visit_id)).state is VisitState.DISPATCHED
    assert (await stored.one(org, CrewMember, org.members["bob"])).to_at == NOW + DAY
    assert await members(org, "beta") == set()
    (again,) = await org.send(d.OffboardPerson(person_id=bob), by="ada", now=NOW + 2 * DAY)
    assert again.code == "unchanged"


async def test_an_ended_visit_stays_as_it_ended(org: Org) -> None:
    bob = org.people["bob"]
    job_id, visit_id = await org.open_job("east"), org.new_id()
    await org.ok(d.AssignVisit(job_id=job_id, visit_id=visit_id, person_id=bob), by="dan")
    await org.ok(f.ReportNoAccess(job_id=job_id, visit_id=visit_id, reason="nobody home"), by="bob")
    await org.ok(d.OffboardPerson(person_id=bob), by="ada")
    assert (await stored.one(org, Visit, visit_id)).state is VisitState.NO_ACCESS


async def test_saving_a_person_as_inactive_is_leaving_too(org: Org) -> None:
    bob = await stored.one(org, Person, org.people["bob"])
    job_id, visit_id = await org.open_job("east"), org.new_id()
    await org.ok(d.AssignVisit(job_id=job_id, visit_id=visit_id, person_id=bob.id), by="dan")
    await org.ok(d.SavePerson(person=msgspec.structs.replace(bob, active=False)), by="ada")
    assert (await stored.one(org, Visit, visit_id)).state is VisitState.CANCELLED
    assert await members(org, "beta") == set()


async def test_a_lead_who_leaves_leads_no_more(org: Org) -> None:
    crew = await stored.one(org, Crew, org.crews["beta"])
    await org.ok(d.SaveCrew(crew=msgspec.structs.replace(crew, lead_id=org.people["dan"])))
    await org.ok(d.OffboardPerson(person_id=org.people["dan"]), by="ada")
    assert (await stored.one(org, Crew, crew.id)).lead_id is None


async def test_decisions_that_wait_for_a_duty_chief_who_leaves_go_to_the_role(org: Org) -> None:
    evening = NOW + timedelta(hours=11)
    (policy,) = shipped_policies(org.id, "CNY")
    await org.ok(d.SavePolicy(policy=msgspec.structs.replace(policy, version=2)), by="ada")
    job = await org.assigned_job()
    line = RequestLine(part_id=org.parts["clamp"], quantity=policy.bands[1].above)
    first, second = (
        f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=org.new_id(), lines=(line,))
        for _ in range(2)
    )
    await org.ok(first, by="amy", now=evening)
    await org.ok(d.OffboardPerson(person_id=org.people["cho"]), by="ada", now=evening)
    await org.ok(second, by="amy", now=evening)
    approvals = await stored.of_job(org, Approval, job.job_id)
    assert {(a.person_id, a.role) for a in approvals} == {(None, Role.DUTY_CHIEF)}
    (duty,) = await stored.every(org, Duty)
    assert duty.to_at == evening


async def test_nobody_unknown_can_leave(org: Org) -> None:
    (answer,) = await org.send(d.OffboardPerson(person_id=org.new_id()), by="ada")
    assert (answer.status, answer.code) == ("rejected", "unknown_reference")


async def test_a_persons_code_belongs_to_one(org: Org) -> None:
    (answer,) = await org.send(d.SavePerson(person=Person(id=org.new_id(), code="amy", name="Other")), by="ada")
    assert (answer.status, answer.code) == ("rejected", "code_taken")
