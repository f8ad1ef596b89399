"""Documents whose shape has changed are written anew, and no others."""

from uuid import UUID

import asyncpg
import pytest

from mobile_contract.digest import document_hash, to_signed
from sync import documents, rewriting
from sync.devices import state_document
from sync.life import ensure_life
from sync.rewriting import KINDS, Rewritten, rewrite
from sync.transaction import org_transaction
from sync.verify import verify
from tests.arrange import NOW, Org, organisation
from tests.devices import StrictDevice, assert_device_equals_server
from tests.sync.phone import note, phone_of

OLD = b'{"shape":"of the version before"}'


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int, monkeypatch: pytest.MonkeyPatch) -> Org:
    monkeypatch.setattr(rewriting, "AT_ONCE", 3)
    await ensure_life(pool)
    return await organisation(pool, seed)


async def age(owner: asyncpg.Connection, org: Org, kind: str) -> int:
    """Give every other document of a kind the body that an earlier version would have written; tell how many."""
    rows = await owner.fetch(
        "select id, ver from sync_doc where org_id = $1 and kind = $2 and body is not null order by id", org.id, kind
    )
    for row in rows[::2]:
        h = to_signed(document_hash(kind, row["id"], row["ver"], OLD))
        await owner.execute(
            "update sync_doc set body = $4, h = $5 where org_id = $1 and kind = $2 and id = $3",
            *(org.id, kind, row["id"], OLD, h),
        )
        await owner.execute(
            "update sync_member set h = $4 where org_id = $1 and kind = $2 and id = $3 and not gone",
            *(org.id, kind, row["id"], h),
        )
    return len(rows[::2])


async def all_of(org: Org, kind: str, after: UUID | None = None) -> list[Rewritten]:
    return [step async for step in rewrite(org.pool, org.id, kind, after=after)]


async def test_only_what_differs_is_written_and_phones_get_just_that(org: Org, owner: asyncpg.Connection) -> None:
    phone = await phone_of(org, "amy")
    for _ in range(4):
        phone.do(note(org, await org.assigned_job()), after=(org.new_id(),))
    await phone.taken()
    async with org_transaction(org.pool, org.id) as conn:
        await documents.write(conn, org.id, [], [state_document(phone.id, phone.device.name, revoked=False)])
    aged = {kind: await age(owner, org, kind) for kind in ("job", "note", "outcome", "device", "site")}
    assert min(aged.values()) >= 1
    device = StrictDevice(org_id=org.id, id=phone.id, person_id=org.people["amy"])
    await device.catch_up(org.pool, now=NOW)
    for kind in KINDS:
        steps = await all_of(org, kind)
        assert sum(step.written for step in steps) == aged.get(kind, 0), kind
        assert all(step.looked_at <= 3 for step in steps)
    for kind in KINDS:
        assert not any(step.written for step in await all_of(org, kind)), kind
    assert [drift async for checked in verify(owner, org.id, now=NOW) for drift in checked.drifts] == []
    (begin,) = await device.catch_up(org.pool, now=NOW)
    assert begin.reset == ()
    assert not any(body == OLD for _, _, body in device.documents.values())
    await assert_device_equals_server(device, org.pool, now=NOW)


async def test_it_goes_on_after_the_last_id(org: Org, owner: asyncpg.Connection) -> None:
    aged = await age(owner, org, "part")
    first = await anext(aiter(rewrite(org.pool, org.id, "part")))
    rest = await all_of(org, "part", after=first.last)
    assert first.written + sum(step.written for step in rest) == aged
    assert first.looked_at == 3
