"""How far a report reaches: nothing that it names is given to who reports, and no scope counts that has not begun."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Position
from mobile_contract.schema.people import CrewMember
from sync import verify
from sync.life import ensure_life
from sync.transaction import org_transaction
from tests.arrange import NOW, Org, organisation
from tests.devices import StrictDevice
from tests.sync.phone import note, phone_of


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    await ensure_life(pool)
    return await organisation(pool, seed)


async def held_by(org: Org, person: str) -> StrictDevice:
    """Give everything that a person's phone holds now."""
    enrolled = await org.device(person)
    device = StrictDevice(org_id=org.id, id=enrolled.id, person_id=org.people[person])
    await device.catch_up(org.pool, now=NOW)
    return device


@pytest.mark.parametrize("field", ["contact_id", "site_id", "contact", "request_id"])
async def test_a_job_found_on_site_brings_no_customer_along(org: Org, field: str) -> None:
    """Whoever reports a job holds it; a report that could name a contact would be the way to any contact."""
    amy = await phone_of(org, "amy")
    args: dict[str, Any] = {"job_id": org.new_id(), "job_type": "repair", "title": "found"}
    named = {"contact_id": org.contact, "name": "x"} if field == "contact" else org.contact
    cmd = {"id": org.new_id(), "name": "report_job", "args": {**args, field: named}, "at": {"wall": NOW}}
    amy.put(cmd)
    assert [(o.status, o.code) for o in await amy.taken()] == [("quarantined", "invalid")]
    device = await held_by(org, "amy")
    assert ("contact", org.contact) not in device.documents and ("site", org.site) not in device.documents


def test_no_report_from_the_field_can_name_a_contact_or_a_site() -> None:
    reports = [
        command for command in vars(f).values() if isinstance(command, type) and issubclass(command, msgspec.Struct)
    ]
    fields = {field for command in reports if command is not Position for field in command.__struct_fields__}
    assert fields & {"contact", "contact_id", "site_id", "district_id", "person_id", "crew_id"} == set()


async def test_a_membership_that_begins_next_month_gives_no_say_today(org: Org) -> None:
    job = await org.assigned_job("alpha", "west")
    begins = NOW + timedelta(days=30)
    member = CrewMember(id=org.new_id(), crew_id=org.crews["alpha"], person_id=org.people["bob"], from_at=begins)
    await org.ok(d.SaveCrewMember(member=member), by="dan")
    bob = await phone_of(org, "bob")
    bob.do(f.StartTravel(job_id=job.job_id, visit_id=org.new_id()))
    assert [(o.status, o.code) for o in await bob.taken()] == [("quarantined", "out_of_scope")]
    assert ("job", job.job_id) not in (await held_by(org, "bob")).documents


async def test_an_answer_that_lies_in_a_strangers_bucket_is_found_and_taken_away(
    org: Org, owner: asyncpg.Connection
) -> None:
    job, amy, bob = await org.assigned_job(), await phone_of(org, "amy"), await phone_of(org, "bob")
    command = amy.do(note(org, job), after=(org.new_id(),))
    await amy.taken()
    again = await amy.enrol_anew()
    await again.taken()
    assert await _drifts(owner, org) == [], "both phones of the author were answered"
    async with org_transaction(org.pool, org.id) as conn:
        await conn.execute(
            "insert into sync_member (org_id, bucket, kind, id, h) select org_id, $3, kind, id, h from sync_member"
            " where org_id = $1 and kind = 'outcome' and id = $2 limit 1",
            org.id,
            command,
            f"dev/{bob.id}",
        )
    (drift,) = await _drifts(owner, org)
    assert (drift.fault, drift.id) == ("bucket", command) and str(bob.id) in drift.detail
    async with owner.transaction():
        await owner.execute(f"set local onsite.org = '{org.id}'")
        await verify.rebuild(owner, org.id, [drift], now=NOW)
    assert await _drifts(owner, org) == []
    assert await _holders(owner, org, command) == {f"dev/{amy.id}", f"dev/{again.id}"}


async def _drifts(owner: asyncpg.Connection, org: Org) -> list[verify.Drift]:
    found = [drift async for checked in verify.verify(owner, org.id, now=NOW) for drift in checked.drifts]
    return [drift for drift in found if drift.kind != "device"]


async def _holders(owner: asyncpg.Connection, org: Org, id: UUID) -> set[str]:
    rows = await owner.fetch(
        "select bucket from sync_member where org_id = $1 and kind = 'outcome' and id = $2 and not gone", org.id, id
    )
    return {row["bucket"] for row in rows}
