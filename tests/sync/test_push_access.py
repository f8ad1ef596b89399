"""Whose commands they are: sessions, shifts, revoked devices, people who left."""

from datetime import timedelta
from uuid import uuid4

import asyncpg

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.people import CrewMember, Role, Shift
from sync import devices
from sync.transaction import org_transaction
from tests.arrange import FOUNDED, NOW, Assigned, Org, organisation
from tests.sync import looking
from tests.sync.phone import Phone, note, on, phone_of, phone_of_crew

HOUR = timedelta(hours=1)


async def revoke(org: Org, phone: Phone) -> None:
    async with org_transaction(org.pool, org.id) as conn:
        await devices.revoke(conn, org.id, [phone.id], by=org.people["ada"], now=NOW)
    phone.revoked = True


async def authors(org: Org, job: Assigned) -> list[str]:
    names = {id: name for name, id in org.people.items()}
    found = await looking.rows(
        org,
        "select actor_id from event where org_id = $1 and job_id = $2 and device_id is not null order by seq",
        job.job_id,
    )
    return [names[row["actor_id"]] for row in found]


async def test_a_queue_across_a_change_of_shift_keeps_each_persons_deeds_apart(org: Org, job: Assigned) -> None:
    """One phone of the crew: Amy works till noon, Ali goes on; everything is handed in at night by whoever is there."""
    shifts = (("amy", NOW, NOW + 4 * HOUR), ("ali", NOW + 4 * HOUR, NOW + 8 * HOUR))
    await org.ok(
        *(
            d.SaveShift(shift=Shift(id=org.new_id(), person_id=org.people[who], from_at=start, to_at=end))
            for who, start, end in shifts
        )
    )
    phone = await phone_of_crew(org, "alpha", "amy")
    phone.do(on(job, f.ArriveOnSite), at=NOW + HOUR)
    phone.do(on(job, f.StartWork), at=NOW + 2 * HOUR)
    phone.do(note(org, job), at=NOW + 5 * HOUR, by="ali")
    phone.do(on(job, f.CompleteVisit), at=NOW + 6 * HOUR, by="ali")
    outcomes = await phone.taken(now=NOW + 20 * HOUR)
    assert [o.status for o in outcomes] == ["applied"] * 4
    assert (await authors(org, job))[:2] == ["amy", "amy"] and set((await authors(org, job))[2:]) == {"ali"}


async def test_a_session_that_has_ended_never_stops_the_queue(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    phone.do(d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1))
    outcomes = await phone.taken(now=NOW + timedelta(days=60))
    assert [o.status for o in outcomes] == ["applied", "applied"]


async def test_under_an_unknown_session_facts_go_to_quarantine_and_decisions_are_refused(
    org: Org, phone: Phone, job: Assigned
) -> None:
    accept = d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1)
    phone.do(note(org, job))
    phone.do(accept)
    strange = [type(q)(q.n, q.id, uuid4(), q.cmd) for q in phone.queue]
    outcomes = await phone.taken(strange)
    assert [(o.status, o.code) for o in outcomes] == [
        ("quarantined", "session_unknown"),
        ("rejected", "session_unknown"),
    ]
    assert await authors(org, job) == []


async def test_the_session_of_another_device_is_unknown(org: Org, phone: Phone, job: Assigned) -> None:
    other = await phone_of(org, "ali")
    phone.do(note(org, job))
    stolen = [type(q)(q.n, q.id, other.session(), q.cmd) for q in phone.queue]
    assert [o.code for o in await phone.taken(stolen)] == ["session_unknown"]


async def test_a_session_that_is_no_uuid_is_an_unknown_one(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    body = b'{"sent":null,"commands":[' + phone.queue[0].line.replace(str(phone.session()).encode(), b"x") + b"]}"
    answer = await phone.hand_in(body)
    assert [o.code for o in answer.outcomes] == ["session_unknown"]  # type: ignore[union-attr]


async def test_a_revoked_device_hands_in_its_queue_into_quarantine(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    await phone.taken()
    phone.do(note(org, job))
    phone.do(d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1))
    await revoke(org, phone)
    outcomes = await phone.taken()
    assert [(o.status, o.code) for o in outcomes] == [
        ("applied", "ok"),
        ("quarantined", "device_revoked"),
        ("rejected", "device_revoked"),
    ]
    assert (await looking.events(org, job.job_id)).count("note_added") == 1
    (entry,) = await looking.quarantined(org)
    assert (entry["reason"], entry["person_id"]) == ("device_revoked", org.people["amy"])


async def test_revocation_counts_though_the_call_was_let_in_before_it(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    await revoke(org, phone)
    phone.revoked = False
    assert [o.code for o in await phone.taken()] == ["device_revoked"]


async def test_who_left_keeps_the_deeds_and_decides_no_more(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    phone.do(d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1))
    await org.ok(d.OffboardPerson(person_id=org.people["amy"]), by="ada")
    outcomes = await phone.taken(now=NOW + HOUR)
    assert [(o.status, o.code) for o in outcomes] == [("applied", "ok"), ("rejected", "person_inactive")]
    assert "amy" in await authors(org, job)


async def test_who_changed_crews_still_hands_in_what_was_done_before(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job), at=NOW + HOUR)
    moved = CrewMember(
        id=org.members["amy"],
        crew_id=org.crews["alpha"],
        person_id=org.people["amy"],
        from_at=FOUNDED,
        to_at=NOW + 2 * HOUR,
    )
    await org.ok(d.SaveCrewMember(member=moved), by="dan", now=NOW + 2 * HOUR)
    assert [o.status for o in await phone.taken(now=NOW + 30 * HOUR)] == ["applied"]


async def test_an_office_role_on_a_phone_reports_nothing(org: Org, job: Assigned) -> None:
    desk = await phone_of(org, "eve")
    assert org.roles[org.people["eve"]] == {Role.ENGINEER}
    desk.do(note(org, job))
    assert [o.status for o in await desk.taken()] == ["quarantined"]


async def test_a_phone_of_one_organisation_reaches_no_job_of_another(pool: asyncpg.Pool, org: Org, seed: int) -> None:
    theirs = await organisation(pool, seed + 1)
    job = await theirs.assigned_job()
    phone = await phone_of(org, "amy")
    phone.do(note(org, job))
    assert [(o.status, o.code) for o in await phone.taken()] == [("quarantined", "out_of_scope")]
    assert "note_added" not in await looking.events(theirs, job.job_id)


async def test_a_job_that_was_never_in_scope_is_neither_reported_on_nor_claimed_whatever_the_way(org: Org) -> None:
    """A technician who learned an id would else get the customer's name with it."""
    theirs, offered = await org.assigned_job("alpha", "west"), await org.open_job("west")
    bob = await phone_of(org, "bob")
    claim = d.ClaimJob(job_id=offered, visit_id=org.new_id())
    bob.do(claim)
    bob.do(d.ClaimJob(job_id=org.new_id(), visit_id=org.new_id()))
    assert [(o.status, o.code) for o in await bob.taken()] == [("rejected", "out_of_scope")] * 2
    started = f.StartTravel(job_id=theirs.job_id, visit_id=org.new_id())
    answers = await org.send(claim, started, by="bob")
    assert [(a.status, a.code) for a in answers] == [("rejected", "out_of_scope")] * 2
    held = await looking.rows(
        org,
        "select id from sync_member where org_id = $1 and bucket = any($2) and kind = 'job'",
        [f"me/{org.people['bob']}", f"crew/{org.crews['beta']}"],
    )
    assert held == []
    await org.ok(claim, started, by="amy")
