"""`onsite sync verify` finds every way in which the sync tables can differ from the rest of the database, and `rebuild` mends it."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from mobile_contract.schema.facts import AddNote
from sync import verify
from sync.life import ensure_life
from tests.arrange import NOW, Org, organisation
from tests.devices import StrictDevice, assert_device_equals_server


async def drifts_of(owner: asyncpg.Connection, org: Org) -> list[verify.Drift]:
    """Verify an organisation; devices made by the tests have no state document, since they were not enrolled by their code."""
    found = [drift async for checked in verify.verify(owner, org.id, now=NOW) for drift in checked.drifts]
    return [drift for drift in found if drift.kind != "device"]


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    await ensure_life(pool)
    made = await organisation(pool, seed)
    for crew in ("alpha", "beta"):
        job = await made.assigned_job(crew)
        note = AddNote(job_id=job.job_id, visit_id=job.visit_id, note_id=made.new_id(), text="water everywhere")
        await made.send(note, by="amy")
    await made.open_job("west")
    return made


async def one(owner: asyncpg.Connection, org: Org, kind: str) -> UUID:
    id: UUID = await owner.fetchval(
        "select id from sync_doc where org_id = $1 and kind = $2 and body is not null order by id limit 1", org.id, kind
    )
    return id


async def test_what_commands_wrote_is_what_is_computed_anew(owner: asyncpg.Connection, org: Org) -> None:
    checked = [part async for part in verify.verify(owner, org.id, now=NOW)]
    assert await drifts_of(owner, org) == []
    assert sum(part.documents for part in checked) > 30


DAMAGE = {
    "missing": "update sync_doc set body = null, h = 0 where org_id = $1 and kind = 'visit' and id = $2",
    "body": "update sync_doc set body = '{}' where org_id = $1 and kind = 'visit' and id = $2",
    "h": "update sync_doc set h = h + 1 where org_id = $1 and kind = 'visit' and id = $2",
    "bucket": "update sync_member set gone = true where org_id = $1 and kind = 'visit' and id = $2",
}


@pytest.mark.parametrize("fault", DAMAGE)
async def test_a_damaged_document_is_found_mended_and_reaches_the_devices(
    pool: asyncpg.Pool, owner: asyncpg.Connection, org: Org, fault: str
) -> None:
    person_id = org.people["bob"]
    enrolled = await org.device("bob")
    device = StrictDevice(org_id=org.id, id=enrolled.id, person_id=person_id)
    visit = await owner.fetchval(
        "select m.id from sync_member m where org_id = $1 and bucket = $2 and kind = 'visit' limit 1",
        org.id,
        f"crew/{org.crews['beta']}",
    )
    await owner.execute(DAMAGE[fault], org.id, visit)
    found = await drifts_of(owner, org)
    assert fault in {drift.fault for drift in found}
    assert {(drift.kind, drift.id) for drift in found} == {("visit", visit)}
    await verify.rebuild(owner, org.id, found, now=NOW)
    assert await drifts_of(owner, org) == []
    await assert_device_equals_server(device, pool, now=NOW)
    assert ("visit", visit) in device.documents


async def test_a_document_of_nothing_is_found_and_goes(owner: asyncpg.Connection, org: Org) -> None:
    ghost = uuid4()
    await owner.execute(
        "insert into sync_doc (org_id, kind, id, ver, h, body) values ($1, 'note', $2, 1, 0, '{}')", org.id, ghost
    )
    await owner.execute(
        "insert into sync_member (org_id, bucket, kind, id, h) values ($1, 'ref', 'note', $2, 0)", org.id, ghost
    )
    found = await drifts_of(owner, org)
    assert [(drift.fault, drift.kind, drift.id) for drift in found] == [("extra", "note", ghost)]
    await verify.rebuild(owner, org.id, found, now=NOW)
    assert await drifts_of(owner, org) == []


async def test_a_membership_of_nothing_is_found_and_goes(owner: asyncpg.Connection, org: Org) -> None:
    ghost = uuid4()
    await owner.execute(
        "insert into sync_member (org_id, bucket, kind, id, h) values ($1, 'ref', 'part', $2, 0)", org.id, ghost
    )
    found = await drifts_of(owner, org)
    assert [(drift.fault, drift.id) for drift in found] == [("bucket", ghost)]
    await verify.rebuild(owner, org.id, found, now=NOW)
    assert await drifts_of(owner, org) == []


async def test_a_wrong_scope_is_found_and_mended(owner: asyncpg.Connection, org: Org) -> None:
    amy = org.people["amy"]
    bucket = f"crew/{org.crews['alpha']}"
    await owner.execute(
        "delete from sync_scope where org_id = $1 and person_id = $2 and bucket = $3", org.id, amy, bucket
    )
    await owner.execute(
        "insert into sync_scope (org_id, person_id, bucket, cause, from_at, prio) values ($1, $2, 'role/manager', $2, $3, 2)",
        org.id,
        amy,
        NOW,
    )
    (drift,) = await drifts_of(owner, org)
    assert (drift.fault, drift.id) == ("scope", amy)
    assert drift.detail == f"keeps role/manager, lacks {bucket}"
    await verify.rebuild(owner, org.id, [drift], now=NOW)
    assert await drifts_of(owner, org) == []
