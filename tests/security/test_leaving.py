"""Who leaves takes no way in along: sign-ins, phones, codes and decisions end in the same instant, whatever way the news came."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from api.importing.fields import Noun
from api.store import credentials
from api.timers import TIMERS, fire
from mobile_contract.schema import decisions as d
from mobile_contract.schema.approval import Band, Policy, WorkingHours
from mobile_contract.schema.facts import RequestParts
from mobile_contract.schema.material import RequestLine
from mobile_contract.schema.people import Duty, Person, Role
from mobile_contract.schema.planning import SwapVisits
from sync.execute import execute
from sync.transaction import org_transaction
from tests.api.importing.files import imported
from tests.arrange import FOUNDED, NOW, Assigned, Org, ask_of, organisation
from tests.security.world import World, headers_of, joining, member_of
from tests.sync import looking
from tests.sync.phone import on, phone_of
from tests.waiting import until

_STANDS = """
select (select active from person where org_id = $1 and id = $2) active,
  (select count(*) from sign_in where org_id = $1 and person_id = $2 and revoked_at is null) sign_ins,
  (select count(*) from sync_device where org_id = $1 and person_id = $2 and revoked_at is null) phones,
  (select count(*) from credential where org_id = $1 and person_id = $2 and password_hash is not null) passwords"""
_WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
_WRITTEN_BY = """
select xmin::text from person where org_id = $1 and id = $2 union select xmin::text from sign_in where org_id = $1 and person_id = $2
union select xmin::text from sync_device where org_id = $1 and person_id = $2
union select xmin::text from credential where org_id = $1 and person_id = $2"""


async def leaver(world: World, name: str) -> UUID:
    """Make a technician with a password, a sign-in and a phone."""
    await world.ours.ok(*joining(world.ours, name, Role.TECHNICIAN))
    member = await member_of(world.site, world.ours, name)
    new = credentials.NewCredential(person_id=member.id, login=name, password_hash="$argon2id$x", must_change=False)
    async with org_transaction(world.ours.pool, world.ours.id) as conn:
        await credentials.set_credential(conn, world.ours.id, new, now=NOW)
    return member.id


async def stands(owner: asyncpg.Connection, org: Org, person: UUID) -> dict[str, object]:
    return dict(await owner.fetchrow(_STANDS, org.id, person) or {})


GONE = {"active": False, "sign_ins": 0, "phones": 0, "passwords": 0}
HERE = {"active": True, "sign_ins": 1, "phones": 1, "passwords": 1}


@pytest.mark.parametrize("how", ["offboard_person", "save_person"])
async def test_access_ends_in_the_transaction_of_the_command(world: World, owner: asyncpg.Connection, how: str) -> None:
    name = f"leaver-{how}"
    person = await leaver(world, name)
    assert await stands(owner, world.ours, person) == HERE
    left = Person(id=person, code=name, name=name, roles=(Role.TECHNICIAN,), active=False)
    command = d.OffboardPerson(person_id=person) if how == "offboard_person" else d.SavePerson(person=left)
    answer = await world.send(command, world.members[Role.ADMIN].headers)
    assert answer.status_code == 200, answer.text
    assert await stands(owner, world.ours, person) == GONE
    # No instant in between in which a crash would leave a way in: one transaction wrote all four.
    assert len(await owner.fetch(_WRITTEN_BY, world.ours.id, person)) == 1


async def test_a_refused_farewell_ends_nothing(world: World, owner: asyncpg.Connection) -> None:
    person = await leaver(world, "stays")
    answer = await world.send(d.OffboardPerson(person_id=person), world.members[Role.DISPATCHER].headers)
    assert answer.status_code == 403
    assert await stands(owner, world.ours, person) == HERE


async def test_an_import_that_makes_somebody_inactive_ends_the_access_too(
    world: World, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    person = await leaver(world, "imported")
    path = tmp_path / "people.csv"
    path.write_text("code,name,active\nimported,imported,no\n", encoding="utf-8")
    report = await imported(world.ours, Noun.PEOPLE, path)
    assert report.changed == 1, report
    assert await stands(owner, world.ours, person) == GONE


async def test_who_was_offboarded_by_the_queue_of_a_phone_is_found_by_the_timer(
    world: World, owner: asyncpg.Connection
) -> None:
    person = await leaver(world, "queued")
    phone = (await member_of(world.site, world.ours, "queued")).phone
    (outcome,) = await world.push(world.members[Role.ADMIN].phone, [d.OffboardPerson(person_id=person)])
    assert outcome["status"] == "applied"
    # Nothing is open meanwhile: the phone gets no document of the person's.
    answer = await world.site.client.post("/sync/v1/pull", json={}, headers=headers_of(phone.enrolled))
    assert f"me/{person}" not in answer.text and "crew/" not in answer.text
    await fire(world.site.services, next(timer for timer in TIMERS if timer.name == "end_access"))
    assert await stands(owner, world.ours, person) == GONE
    assert await fire(world.site.services, next(timer for timer in TIMERS if timer.name == "end_access")) == 0


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    """Give an organisation whose duty chief decides after hours, which is nearly always."""
    made = await organisation(pool, seed)
    made.people["sub"] = made.new_id()
    policy = Policy(
        id=made.new_id(),
        code="R1",
        version=2,
        currency="CNY",
        bands=(Band(above=Decimal(0), role=Role.ENGINEER),),
        working_hours=(WorkingHours(weekday=7, from_min=0, to_min=1),),
    )
    await made.ok(
        d.SavePolicy(policy=policy),
        d.SavePerson(person=Person(id=made.people["sub"], code="sub", name="Sub", roles=(Role.DUTY_CHIEF,))),
        now=FOUNDED,
    )
    return made


def asked_for_parts(org: Org, job: Assigned) -> RequestParts:
    line = RequestLine(part_id=org.parts["clamp"], quantity=Decimal(1))
    return on(job, RequestParts, request_id=org.new_id(), lines=(line,))


async def waits_for(org: Org, job: Assigned) -> tuple[UUID | None, str | None]:
    (row,) = await looking.rows(
        org, "select person_id, role from approval where org_id = $1 and job_id = $2", job.job_id
    )
    return row["person_id"], row["role"]


@pytest.mark.parametrize("substitute", [False, True])
async def test_a_request_made_before_the_chief_left_waits_for_nobody_who_is_gone(org: Org, substitute: bool) -> None:
    """Asked for in a cellar last night, handed in this morning; the chief of last night has left in between."""
    job, phone = await org.assigned_job(), await phone_of(org, "amy")
    if substitute:
        begin, end = FOUNDED - timedelta(days=1), NOW + timedelta(days=1)
        await org.ok(d.SaveDuty(duty=Duty(id=org.new_id(), person_id=org.people["sub"], from_at=begin, to_at=end)))
    phone.do(asked_for_parts(org, job), at=NOW - timedelta(hours=8))
    await org.ok(d.OffboardPerson(person_id=org.people["cho"]), by="ada")
    assert [o.status for o in await phone.taken()] == ["applied"]
    expected = (org.people["sub"], None) if substitute else (None, Role.DUTY_CHIEF.value)
    assert await waits_for(org, job) == expected


async def test_a_chief_who_leaves_in_the_instant_of_a_request_keeps_no_decision(org: Org) -> None:
    jobs = [await org.assigned_job() for _ in range(6)]
    phones = [await phone_of(org, "amy") for _ in jobs]
    for phone, job in zip(phones, jobs, strict=True):
        phone.do(asked_for_parts(org, job))
    leaving = org.ok(d.OffboardPerson(person_id=org.people["cho"]), by="ada")
    await asyncio.gather(*(phone.taken() for phone in phones[:3]), leaving, *(phone.taken() for phone in phones[3:]))
    assert {await waits_for(org, job) for job in jobs} == {(None, Role.DUTY_CHIEF.value)}


async def test_who_leaves_while_visits_are_swapped_is_given_none_of_them(
    pool: asyncpg.Pool, owner: asyncpg.Connection, seed: int
) -> None:
    """Bob declined his visit, so that nothing of his is open; the swap would give him the other one."""
    org = await organisation(pool, seed)
    bob, one, other = org.people["bob"], await org.open_job(), await org.open_job()
    mine, theirs = org.new_id(), await org.assign(other)
    await org.ok(d.AssignVisit(job_id=one, visit_id=mine, person_id=bob), by="dan")
    await org.ok(d.DeclineVisit(job_id=one, visit_id=mine, plan_version=1, reason="ill"), by="bob")
    swap = SwapVisits(
        job_id=one, visit_id=mine, plan_version=1, other_job_id=other, other_visit_id=theirs, other_plan_version=1
    )
    async with org_transaction(pool, org.id) as conn:
        (answer,) = (
            await execute(conn, org.id, [ask_of(swap, org.actor("dan"), id=org.new_id(), now=NOW)], now=NOW)
        ).answers
        assert answer.took_effect, answer
        leaving = asyncio.create_task(org.ok(d.OffboardPerson(person_id=bob), by="ada"))

        async def stopped() -> bool:
            return leaving.done() or bool(await owner.fetchval(_WAITING))

        await until(stopped)
    await leaving
    found = await looking.rows(org, "select state from visit where org_id = $1 and person_id = $2", bob)
    assert {row["state"] for row in found} <= {"cancelled", "declined"}
