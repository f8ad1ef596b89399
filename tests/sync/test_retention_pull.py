"""Forgetting what ended long ago: a device that was away for longer is sent that bucket anew, and nobody ends with anything else."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from api.database import open_pool
from api.settings import Settings
from jobs.projection import Projected
from mobile_contract import limits
from mobile_contract.schema.messages import Begin, PullAsk
from sync import documents, pull, retention
from sync.cursor import Cursor
from sync.life import current_life
from sync.reading import Start
from sync.retention import due
from sync.transaction import org_transaction
from tests import databases
from tests.devices import StrictDevice, assert_device_equals_server
from tests.sync.ageing import KEEP, floors, gone_rows, marked, removed
from tests.sync.counting import counted_pool
from tests.sync.stage import NOW, Stage, texts

LATER = NOW + KEEP.ended
SMALL = 5


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """Give a server that nobody else uses: a transaction that is open anywhere on it makes cursors older than they are, and buckets reset."""
    with databases.own_cluster() as own:
        yield own


@pytest.fixture(scope="module")
async def pool(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    opened = await open_pool(settings)
    yield opened
    await opened.close()


async def forget(stage: Stage) -> None:
    """Let so much time pass that all that has ended by now is forgotten."""
    await marked(stage.pool, stage.org_id, NOW)
    assert (await removed(stage.pool, stage.org_id, LATER))["ended memberships"] > 0


async def gone_from(stage: Stage, device: StrictDevice, bucket: str) -> None:
    """Put two documents into a bucket, let the device fetch them, and take one of them out again."""
    id = await stage.put("goes", bucket)
    await stage.put("stays", bucket)
    await device.catch_up(stage.pool, now=NOW)
    await stage.leave(bucket, id)


def reset_by(heads: list[Begin]) -> set[str]:
    return {bucket for head in heads for bucket in head.reset}


async def test_who_was_away_for_longer_is_reset_in_that_bucket_alone(stage: Stage) -> None:
    device = await stage.device("crew/1", "ref", "me/1")
    await stage.put_many(20, "ref")
    await gone_from(stage, device, "crew/1")
    await forget(stage)
    await stage.put("new", "me/1")
    heads = await device.catch_up(stage.pool, now=LATER)
    assert reset_by(heads) == {"crew/1"}
    assert not any(head.add or head.drop or head.compare for head in heads)
    assert texts(device, "crew/1") == {"stays"}
    assert texts(device, "me/1") == {"new"}
    await assert_device_equals_server(device, stage.pool, now=LATER)


async def test_who_knew_it_already_is_not_reset(stage: Stage, settings: Settings) -> None:
    device = await stage.device("crew/1")
    await gone_from(stage, device, "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    await forget(stage)
    async with counted_pool(settings) as (pool, statements):
        page = await pull.pull(device.source(pool), PullAsk(cursor=device.cursor), now=LATER)
        assert page.idle
        assert len(statements) == 1


async def test_the_floor_is_one_above_what_was_removed_and_never_goes_down(
    stage: Stage, owner: asyncpg.Connection
) -> None:
    device = await stage.device("crew/1")
    await gone_from(stage, device, "crew/1")
    highest = await owner.fetchval(
        "select max(xid::text::int8) from sync_member where org_id = $1 and gone", stage.org_id
    )
    await forget(stage)
    assert await floors(stage.pool, stage.org_id) == {"crew/1": highest + 1}
    await owner.execute("update sync_floor set floor = '9000000000' where org_id = $1", stage.org_id)
    await gone_from(stage, device, "crew/1")
    await marked(stage.pool, stage.org_id, LATER)
    await removed(stage.pool, stage.org_id, LATER + KEEP.ended)
    assert await gone_rows(stage.pool, stage.org_id) == 0
    assert await floors(stage.pool, stage.org_id) == {"crew/1": 9_000_000_000}


async def test_nothing_is_forgotten_before_its_time(stage: Stage) -> None:
    device = await stage.device("crew/1")
    await gone_from(stage, device, "crew/1")
    await marked(stage.pool, stage.org_id, NOW - timedelta(days=1))
    # This one ends after the mark of that day.
    await stage.leave("crew/1", await stage.put("goes too", "crew/1"))
    await marked(stage.pool, stage.org_id, NOW)
    for now, ended in ((LATER - timedelta(days=1, seconds=1), 0), (LATER - timedelta(seconds=1), 1), (LATER, 1)):
        assert (await removed(stage.pool, stage.org_id, now))["ended memberships"] == ended


async def test_what_was_open_when_the_mark_was_made_is_not_older_than_the_mark(stage: Stage) -> None:
    id = await stage.put("goes", "crew/1")
    async with org_transaction(stage.pool, stage.org_id) as slow:
        await documents.leave(slow, stage.org_id, "crew/1", [("note", id)])
        # Later ids are given out and seen before it commits.
        await stage.put("another", "crew/1")
        await removed(stage.pool, stage.org_id, NOW)
    await marked(stage.pool, stage.org_id, NOW + timedelta(days=1))
    assert (await removed(stage.pool, stage.org_id, LATER))["ended memberships"] == 0
    assert (await removed(stage.pool, stage.org_id, LATER + timedelta(days=1)))["ended memberships"] == 1


async def test_marks_of_another_server_say_nothing(stage: Stage, owner: asyncpg.Connection) -> None:
    device = await stage.device("crew/1")
    await gone_from(stage, device, "crew/1")
    await marked(stage.pool, stage.org_id, NOW)
    await owner.execute("update sync_mark set system = system + 1 where org_id = $1", stage.org_id)
    assert (await removed(stage.pool, stage.org_id, LATER))["ended memberships"] == 0
    assert (await removed(stage.pool, stage.org_id, LATER + KEEP.ended))["ended memberships"] == 1


async def test_a_floor_of_another_life_resets_nobody(stage: Stage, owner: asyncpg.Connection) -> None:
    device = await stage.device("crew/1")
    await device.catch_up(stage.pool, now=NOW)
    await owner.execute(
        "insert into sync_floor (org_id, bucket, life, floor) values ($1, 'crew/1', gen_random_uuid(), '9000000000')",
        stage.org_id,
    )
    await gone_from(stage, device, "crew/1")
    assert reset_by(await device.catch_up(stage.pool, now=NOW)) == set()
    await forget(stage)
    life = await current_life(stage.pool)
    row = await owner.fetchrow("select life, floor::text::int8 floor from sync_floor where org_id = $1", stage.org_id)
    assert row["life"] == life
    assert row["floor"] < 9_000_000_000


async def test_a_bucket_that_is_being_filled_begins_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAGE_DOCUMENTS", SMALL)
    monkeypatch.setattr("sync.reading.FILL_DOCUMENTS_MIN", SMALL)
    device = await stage.device("ref")
    ids = await stage.put_many(3 * SMALL, "ref")
    await device.pull(stage.pool, now=NOW)
    cursor = pull.opened(device.source(stage.pool), device.cursor)
    assert isinstance(cursor, Cursor) and cursor.partial is not None
    # One that the device has, one that it has not been sent yet.
    await stage.leave("ref", ids[0], kind="part")
    await stage.leave("ref", ids[-1], kind="part")
    await forget(stage)
    heads = await device.catch_up(stage.pool, now=LATER)
    assert reset_by(heads) == {"ref"}
    assert {id for _, id in device.copies["ref"]} == set(ids[1:-1])
    await assert_device_equals_server(device, stage.pool, now=LATER)


async def test_a_bucket_that_waits_to_be_sent_anew_is_sent_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    device = await stage.device("crew/1", "ref")
    first, second, *_ = await stage.put_many(3 * SMALL, "ref")
    await gone_from(stage, device, "crew/1")
    await stage.leave("ref", first, kind="part")
    await forget(stage)
    monkeypatch.setattr(limits, "PAGE_DOCUMENTS", SMALL)
    monkeypatch.setattr("sync.reading.FILL_DOCUMENTS_MIN", 1)
    await device.pull(stage.pool, now=LATER)
    # While it waits, the bucket forgets once more.
    await stage.leave("ref", second, kind="part")
    await marked(stage.pool, stage.org_id, LATER)
    await removed(stage.pool, stage.org_id, LATER + KEEP.ended)
    await device.catch_up(stage.pool, now=LATER)
    assert texts(device, "crew/1") == {"stays"}
    assert len(device.copies["ref"]) == 3 * SMALL - 2
    await assert_device_equals_server(device, stage.pool, now=LATER)


async def test_a_repair_of_a_bucket_that_has_forgotten_leads_to_its_reset(stage: Stage) -> None:
    device = await stage.device("crew/1")
    await gone_from(stage, device, "crew/1")
    await forget(stage)
    _, end = await device.repair(stage.pool, "crew/1", now=LATER)
    assert end.more
    assert reset_by(await device.catch_up(stage.pool, now=LATER)) == {"crew/1"}
    await assert_device_equals_server(device, stage.pool, now=LATER)


async def test_a_bucket_lost_meanwhile_is_dropped_and_not_reset(stage: Stage) -> None:
    device = await stage.device("crew/1", "ref")
    await gone_from(stage, device, "crew/1")
    await forget(stage)
    await stage.take(device, "crew/1")
    heads = await device.catch_up(stage.pool, now=LATER)
    assert reset_by(heads) == set()
    assert heads[0].drop == ("crew/1",)


async def test_a_pull_sees_what_ended_or_the_floor_whenever_retention_commits(stage: Stage) -> None:
    device = await stage.device("crew/1")
    await gone_from(stage, device, "crew/1")
    await marked(stage.pool, stage.org_id, NOW)
    async with stage.pool.acquire() as reader, reader.transaction(isolation="repeatable_read", readonly=True):
        # The snapshot is taken before retention commits, the rest is read after it.
        await reader.fetchval("select pg_current_snapshot()::text")
        assert (await removed(stage.pool, stage.org_id, LATER))["ended memberships"] == 1
        start = Start.at(_cursor(device, stage))
        seen = await pull.look(reader, device.source(stage.pool), start, LATER)
    assert seen.again == frozenset()
    assert [b'"frame":"del","b":[1]' in piece for piece in seen.frames] == [True]
    assert reset_by(await device.catch_up(stage.pool, now=LATER)) == {"crew/1"}
    await assert_device_equals_server(device, stage.pool, now=LATER)


def _cursor(device: StrictDevice, stage: Stage) -> Cursor:
    cursor = pull.opened(device.source(stage.pool), device.cursor)
    assert isinstance(cursor, Cursor)
    return cursor


async def test_what_a_writer_takes_up_again_meanwhile_stays(stage: Stage) -> None:
    device = await stage.device("crew/1")
    await device.catch_up(stage.pool, now=NOW)
    kept, goes = await stage.put("kept", "crew/1", "ref"), await stage.put("goes", "crew/1")
    await stage.leave("crew/1", kept)
    await stage.leave("crew/1", goes)
    await marked(stage.pool, stage.org_id, NOW)
    async with org_transaction(stage.pool, stage.org_id) as writer:
        body = b'{"text":"again"}'
        again = Projected("note", kept, body, ("crew/1", "ref"))
        await documents.write(writer, stage.org_id, [], [again])
        # The writer holds the row: retention passes it over and does not wait.
        assert (await removed(stage.pool, stage.org_id, LATER))["ended memberships"] == 1
    assert (await removed(stage.pool, stage.org_id, LATER))["ended memberships"] == 0
    await device.catch_up(stage.pool, now=LATER)
    assert texts(device, "crew/1") == {"again"}
    await assert_device_equals_server(device, stage.pool, now=LATER)


async def test_a_writer_that_meets_a_row_being_forgotten_makes_it_anew(stage: Stage) -> None:
    device = await stage.device("crew/1")
    id = await stage.put("first", "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    await stage.leave("crew/1", id)
    await forget(stage)
    await stage.put("second", "crew/1", id=id)
    heads = await device.catch_up(stage.pool, now=LATER)
    assert reset_by(heads) == {"crew/1"}
    (ver, _, _) = device.copies["crew/1"]["note", id]
    assert ver == 3, "made, deleted, made again: the version goes on"
    await assert_device_equals_server(device, stage.pool, now=LATER)


async def test_it_goes_on_where_it_stopped_and_two_at_once_do_no_harm(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 10)
    device = await stage.device("ref")
    ids = await stage.put_many(35, "ref")
    await device.catch_up(stage.pool, now=NOW)
    for id in ids:
        await stage.leave("ref", id, kind="part")
    await marked(stage.pool, stage.org_id, NOW)
    (before, *_) = await due(stage.pool, stage.org_id, KEEP, now=LATER)
    assert (before.kind, before.rows) == ("ended memberships", 35)
    assert (await removed(stage.pool, stage.org_id, LATER, chunks=1))["ended memberships"] == 10
    first, second = await _both(stage, LATER)
    assert first + second == 25
    assert await gone_rows(stage.pool, stage.org_id) == 0
    assert reset_by(await device.catch_up(stage.pool, now=LATER)) == {"ref"}
    await assert_device_equals_server(device, stage.pool, now=LATER)


async def _both(stage: Stage, now: datetime) -> tuple[int, int]:
    one, other = await asyncio.gather(removed(stage.pool, stage.org_id, now), removed(stage.pool, stage.org_id, now))
    # What the one had locked the other passed over.
    rest = await removed(stage.pool, stage.org_id, now)
    return one["ended memberships"], other["ended memberships"] + rest["ended memberships"]
