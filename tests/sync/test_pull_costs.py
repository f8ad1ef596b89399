"""What a pull costs: statements, documents read, bytes on the wire; and that none of it grows with what is not sent."""

from uuid import uuid4

import asyncpg
import msgspec
import pytest

from api.settings import Settings
from mobile_contract import limits
from mobile_contract.schema.messages import PullAsk
from sync import pull, reading, wire
from sync.cursor import Cursor
from sync.reading import Room, Start
from tests.devices import StrictDevice
from tests.sync.counting import counted_pool
from tests.sync.stage import NOW, Stage
from tests.waiting import until

_FIRST = """
select about, frame from sync_page('{}', '{}', null, null, '{}', '{}', null, null, '{{}}', null, null, null, '{{}}', true, false, null, null,
  2000, 250, 2000000, 2000000, 50000)"""
EIGHT = ("me/{}", "role/engineer", "crew/{}", "crew/{}", "district/{}/open", "district/{}/open", "ref")


async def eight_buckets(stage: Stage) -> StrictDevice:
    """Give a device that holds eight buckets with names as long as real ones, and documents in each."""
    buckets = [name.format(uuid4()) for name in EIGHT]
    device = await stage.device(*buckets)
    for bucket in buckets:
        await stage.put_many(5, bucket)
    await device.catch_up(stage.pool, now=NOW)
    assert len(device.order) == 8
    return device


async def test_a_pull_without_changes_is_one_statement_and_less_than_a_kilobyte(
    stage: Stage, settings: Settings
) -> None:
    device = await eight_buckets(stage)
    async with counted_pool(settings) as (pool, statements):
        page = await pull.pull(device.source(pool), PullAsk(cursor=device.cursor), now=NOW)
        assert page.idle
        assert len(statements) == 1, statements
    for accepted in ("zstd", "gzip", None):
        assert len(wire.encode(page.body, accepted).body) < 1_024


async def test_a_delta_is_one_statement_whatever_moved(stage: Stage, settings: Settings) -> None:
    device = await eight_buckets(stage)
    async with counted_pool(settings) as (pool, statements):
        for moved in (1, 300):
            await stage.put_many(moved, device.order[2])
            statements.clear()
            await device.pull(pool, now=NOW)
            assert len(statements) == 1, statements


async def test_filling_is_one_statement_for_many_documents_as_for_few(stage: Stage, settings: Settings) -> None:
    for documents in (3, 300):
        device = await stage.device(f"crew/{documents}", "ref")
        await stage.put_many(documents, f"crew/{documents}")
        async with counted_pool(settings) as (pool, statements):
            await device.pull(pool, now=NOW)
            assert len(statements) == 1, statements
        assert len(device.documents) == documents


async def test_a_pull_without_changes_reads_no_document(stage: Stage, owner: asyncpg.Connection) -> None:
    device = await eight_buckets(stage)
    await stage.put_many(500, "ref of others")
    await owner.execute("analyze sync_doc, sync_member")

    async def quiet() -> Cursor | None:
        # What is under way anywhere in the cluster makes the next pull look again at what changed since it began.
        await device.pull(stage.pool, now=NOW)
        cursor = pull.opened(device.source(stage.pool), device.cursor)
        assert isinstance(cursor, Cursor)
        begin, end, _ = cursor.snapshot.split(":")
        return cursor if begin == end else None

    cursor = await until(quiet)
    assert cursor is not None
    read = (
        "select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relname = $1"
    )
    async with owner.transaction():
        room = Room(documents=2_000, documents_min=250)
        found = await reading.read(owner, device.source(stage.pool).holder, Start.at(cursor), NOW, room=room)
        assert found.names is None
        assert await owner.fetchval(read, "sync_doc") == 0
        assert await owner.fetchval(read, "sync_member") <= 8, "only what moved is looked at"


async def test_a_first_pull_reads_as_much_in_a_large_organisation_as_in_a_small_one(
    stage: Stage, owner: asyncpg.Connection
) -> None:
    device = await stage.device("crew/1")
    await stage.put_many(150, "crew/1")
    first = _FIRST.format(stage.org_id, device.id, device.person_id, NOW.isoformat())

    async def pages_read() -> int:
        (plan,) = msgspec.json.decode(await owner.fetchval(f"explain (analyze, buffers, format json) {first}"))
        return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])

    # The first call reads what PostgreSQL knows of the tables.
    await pages_read()
    alone = await pages_read()
    for _ in range(10):
        await stage.put_many(1_000, "ref of others")
    # So does the first one after autovacuum has looked at them, whenever that is.
    assert min([await pages_read() for _ in range(3)]) < alone + 30


async def test_a_change_of_scope_writes_no_document(stage: Stage, owner: asyncpg.Connection) -> None:
    device = await eight_buckets(stage)
    await stage.put_many(50, "crew/gained")
    before = await owner.fetchval("select max(xid::text::int8) from sync_member where org_id = $1", stage.org_id)
    await stage.give(device, "crew/gained")
    await device.catch_up(stage.pool, now=NOW)
    assert len(device.copies["crew/gained"]) == 50
    after = await owner.fetchval("select max(xid::text::int8) from sync_member where org_id = $1", stage.org_id)
    assert before == after


async def test_no_page_is_larger_than_two_mebibytes(stage: Stage) -> None:
    device = await stage.device("crew/1", "ref")
    job = await stage.put_many(40, "crew/1", size=30_000)
    await stage.put_many(100, "ref", size=60_000)
    await device.pull(stage.pool, now=NOW)
    for id in job:
        await stage.put("y" * 30_000, "crew/1", id=id, kind="part")
    for _ in range(10):
        page = await pull.pull(device.source(stage.pool), PullAsk(cursor=device.cursor), now=NOW)
        assert len(page.body) <= limits.PAGE_BYTES
        _, end = device.apply(page)
        if not end.more:
            break
    assert len(device.documents) == 140


@pytest.mark.parametrize("bucket", ["crew/1", "ref"])
async def test_the_bytes_of_a_body_are_those_that_were_stored(stage: Stage, bucket: str) -> None:
    device = await stage.device(bucket)
    id = await stage.put("é 水 \\\\ \\u0041", bucket)
    page = await pull.pull(device.source(stage.pool), PullAsk(), now=NOW)
    line = next(line for line in page.body.splitlines() if str(id).encode() in line)
    assert line.endswith(b'"body":{"text":"%s"}}' % "é 水 \\\\ \\u0041".encode())
    assert msgspec.json.decode(line)["body"] == {"text": "é 水 \\ A"}
