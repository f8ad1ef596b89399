"""Frames as the database writes them: what a decoder reads of them is what was stored, byte for byte, and each document comes once."""

import random
from uuid import UUID

import asyncpg
import msgspec
import pytest

from jobs.projection import Projected
from mobile_contract import limits
from mobile_contract.digest import document_hash, from_hex
from mobile_contract.schema.messages import Del, Frame, PullAsk, Put
from sync import documents, pull
from sync.pull import Page
from sync.transaction import org_transaction
from tests.devices import StrictDevice, assert_device_equals_server
from tests.sync.stage import NOW, Stage

BODIES = (
    b"{}",
    b'{"text":"\xc3\xa9 \xe6\xb0\xb4 \\\\ \\n \\u0041 %s"}',
    b'{"n":-1e30,"deep":{"a":[null,true]}}',
    b'{"x":"' + b"\x7f" * 9_000 + b'"}',
)
KINDS = ("job", "a_kind", 'odd "kind"', "back\\slash", "\u6c34")


def puts_of(page: Page) -> list[Put]:
    frames = [msgspec.json.decode(line, type=Frame) for line in page.body.splitlines()]
    return [frame for frame in frames if isinstance(frame, Put)]


async def pulled(stage: Stage, device: StrictDevice) -> Page:
    return await pull.pull(device.source(stage.pool), PullAsk(cursor=device.cursor), now=NOW)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_frame_says_what_was_stored(stage: Stage, kind: str) -> None:
    device = await stage.device("crew/1")
    stored = {stage.org_id.__class__(int=random.getrandbits(128)): body for body in BODIES}
    async with org_transaction(stage.pool, stage.org_id) as conn:
        given = [Projected(kind, id, body, ("crew/1",)) for id, body in stored.items()]
        await documents.write(conn, stage.org_id, [], given)
    page = await pulled(stage, device)
    found = {put.id: put for put in puts_of(page)}
    assert {id: bytes(put.body) for id, put in found.items()} == stored
    for id, put in found.items():
        assert (put.kind, from_hex(put.h)) == (kind, document_hash(kind, id, put.ver, stored[id]))
        encoded = msgspec.json.decode(msgspec.json.encode(put), type=Frame)
        assert encoded == put
    device.apply(page)
    await stage.leave("crew/1", min(stored), kind)
    (gone,) = [msgspec.json.decode(line, type=Frame) for line in (await pulled(stage, device)).body.splitlines()[1:-1]]
    assert gone == Del(b=(1,), kind=kind, id=min(stored))


async def test_a_body_of_two_lines_is_not_sent(stage: Stage) -> None:
    device = await stage.device("crew/1")
    async with org_transaction(stage.pool, stage.org_id) as conn:
        await documents.write(conn, stage.org_id, [], [Projected("job", UUID(int=1), b'{\n"id":1}', ("crew/1",))])
    with pytest.raises(ValueError, match="one line"):
        await pulled(stage, device)


async def test_a_document_of_several_buckets_comes_once_also_where_the_page_ends_between_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    draw = random.Random(seed)
    buckets = ["me/1", "crew/1", "crew/2", "ref"]
    device = await stage.device(*buckets)
    for number in range(60):
        await stage.put(f"{number}", *draw.sample(buckets, draw.randint(1, 4)), id=UUID(int=draw.getrandbits(128)))
    for documents_at_once in (7, 13, 200):
        monkeypatch.setattr(limits, "PAGE_DOCUMENTS", documents_at_once)
        monkeypatch.setattr("sync.reading.FILL_DOCUMENTS_MIN", 3)
        fresh = StrictDevice(org_id=stage.org_id, id=device.id, person_id=device.person_id)
        for _ in range(60):
            page = await pulled(stage, fresh)
            ids = [put.id for put in puts_of(page)]
            assert len(ids) == len(set(ids)) <= documents_at_once
            # Something changes in between, in buckets held and not yet held.
            _, end = fresh.apply(page)
            if draw.random() < 0.3:
                await stage.put("changed", *draw.sample(buckets, 2), id=draw.choice(ids) if ids else None)
            if not end.more:
                break
        await assert_device_equals_server(fresh, stage.pool, now=NOW)


@pytest.mark.parametrize("between", ["nothing", "a document of others", "a document of others in place of a lost one"])
async def test_a_catalogue_that_is_read_as_it_lies_brings_its_own_documents_alone(
    stage: Stage, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    monkeypatch.setattr(limits, "PAGE_DOCUMENTS", 120)
    monkeypatch.setattr("sync.reading.FILL_DOCUMENTS_MIN", 120)
    device = await stage.device("ref")
    ours = [UUID(int=2 * number) for number in range(300)]
    async with org_transaction(stage.pool, stage.org_id) as conn:
        given = [Projected("part", id, b'{"n":%d}' % id.int, ("ref",)) for id in ours]
        await documents.write(conn, stage.org_id, [], given)
    if between != "nothing":
        await stage.put("secret of others", "crew/9", id=UUID(int=301), kind="part")
        await stage.put("deleted", "ref", id=UUID(int=303), kind="part")
        await stage.delete(UUID(int=303), "part")
    if between.endswith("lost one"):
        # What must not be: a membership without its document, so that the numbers are equal.
        await owner.execute("delete from sync_doc where org_id = $1 and id = $2", stage.org_id, ours.pop(149))
    pages = [await pulled(stage, device)]
    while device.apply(pages[-1])[1].more:
        pages.append(await pulled(stage, device))
    assert b"secret" not in b"".join(page.body for page in pages)
    assert sorted(put.id for page in pages for put in puts_of(page)) == ours
    assert len(pages) == 3
