"""Pages: what a device gets and in which order, when scope changes, when a page is cut, when a delta is too large."""

from datetime import timedelta

import asyncpg
import msgspec
import pytest
from msgspec import UNSET

from mobile_contract import limits
from mobile_contract.schema.messages import PullAsk
from sync import pull, reading
from sync.cursor import Cursor, is_snapshot
from tests.devices import StrictDevice, assert_device_equals_server
from tests.sync.stage import NOW, Stage, texts


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut pages at ten documents."""
    monkeypatch.setattr(limits, "PAGE_DOCUMENTS", 10)
    monkeypatch.setattr("sync.reading.FILL_DOCUMENTS_MIN", 3)


def cursor_of(device: StrictDevice, pool: asyncpg.Pool) -> Cursor:
    cursor = pull.opened(device.source(pool), device.cursor)
    assert isinstance(cursor, Cursor)
    return cursor


async def test_a_new_device_gets_its_buckets_in_order_of_urgency(stage: Stage) -> None:
    device = await stage.device("ref", "district/1/open", "crew/1", "me/1")
    for bucket in ("ref", "district/1/open", "crew/1", "me/1", f"dev/{device.id}"):
        await stage.put(bucket, bucket)
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert begin.buckets == begin.add == (f"dev/{device.id}", "me/1", "crew/1", "district/1/open", "ref")
    assert texts(device, "crew/1") == {"crew/1"}


async def test_changes_come_once_however_many_buckets_hold_the_document(stage: Stage) -> None:
    device = await stage.device("crew/1", "me/1")
    id = await stage.put("first", "crew/1", "me/1")
    await device.catch_up(stage.pool, now=NOW)
    await stage.put("second", "crew/1", "me/1", id=id)
    page = await pull.pull(device.source(stage.pool), PullAsk(cursor=device.cursor), now=NOW)
    assert page.body.count(b'"frame":"put"') == 1
    begin, _ = device.apply(page)
    assert begin.buckets is UNSET
    assert texts(device, "crew/1") == texts(device, "me/1") == {"second"}


async def test_a_pull_without_changes_says_nothing(stage: Stage) -> None:
    device = await stage.device("crew/1")
    await stage.put("there", "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    page = await pull.pull(device.source(stage.pool), PullAsk(cursor=device.cursor), now=NOW)
    assert page.idle
    assert page.body.count(b"\n") == 2


async def test_a_deleted_document_goes_and_does_not_come_back_with_an_old_version(stage: Stage) -> None:
    device = await stage.device("crew/1")
    id = await stage.put("first", "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    await stage.delete(id)
    await device.catch_up(stage.pool, now=NOW)
    assert device.documents == {}
    await stage.put("again", "crew/1", id=id)
    await device.catch_up(stage.pool, now=NOW)
    assert [ver for ver, _, _ in device.documents.values()] == [3]


async def test_a_document_that_came_and_went_between_two_pulls_leaves_nothing(stage: Stage) -> None:
    device = await stage.device("crew/1")
    await device.catch_up(stage.pool, now=NOW)
    await stage.delete(await stage.put("brief", "crew/1"))
    await device.catch_up(stage.pool, now=NOW)
    assert device.documents == {}


async def test_a_move_between_two_held_buckets_is_a_put_and_a_del(stage: Stage) -> None:
    device = await stage.device("crew/1", "crew/2")
    id = await stage.put("moving", "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    await stage.put("moved", "crew/2", id=id)
    await stage.leave("crew/1", id)
    page = await pull.pull(device.source(stage.pool), PullAsk(cursor=device.cursor), now=NOW)
    frames = [msgspec.json.decode(line) for line in page.body.splitlines()][1:-1]
    assert sorted((frame["frame"], frame["b"]) for frame in frames) == [("del", [1]), ("put", [2])]
    device.apply(page)
    assert (texts(device, "crew/1"), texts(device, "crew/2")) == (set(), {"moved"})


async def test_a_move_out_of_scope_is_a_del_and_no_byte_of_the_document_leaves(stage: Stage) -> None:
    device = await stage.device("crew/1")
    id = await stage.put("moving", "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    await stage.put("secret of crew 2", "crew/2", id=id)
    await stage.leave("crew/1", id)
    page = await pull.pull(device.source(stage.pool), PullAsk(cursor=device.cursor), now=NOW)
    assert b"secret" not in page.body
    device.apply(page)
    assert device.documents == {}


async def test_lost_scope_is_dropped_with_the_next_pull_and_regained_scope_comes_whole(stage: Stage) -> None:
    device = await stage.device("crew/1", "ref")
    await stage.put("job", "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    await stage.take(device, "crew/1")
    await stage.put("secret job", "crew/1")
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert begin.drop == ("crew/1",)
    assert device.documents == {}
    await stage.give(device, "crew/1")
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert begin.add == ("crew/1",)
    assert texts(device, "crew/1") == {"job", "secret job"}


async def test_scope_that_was_lost_and_regained_between_two_pulls_is_followed_on(stage: Stage) -> None:
    device = await stage.device("crew/1")
    await stage.put("job", "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    await stage.take(device, "crew/1")
    await stage.put("meanwhile", "crew/1")
    await stage.give(device, "crew/1")
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert (begin.add, begin.drop) == ((), ())
    assert texts(device, "crew/1") == {"job", "meanwhile"}


async def test_scope_ends_and_begins_by_the_clock_without_a_write(stage: Stage) -> None:
    device = await stage.device("ref")
    await stage.give(device, "crew/1", at=NOW + timedelta(hours=1))
    await stage.put("tonight", "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    assert "crew/1" not in device.copies
    await device.catch_up(stage.pool, now=NOW + timedelta(hours=1))
    assert texts(device, "crew/1") == {"tonight"}
    await stage.take(device, "crew/1", at=NOW + timedelta(hours=2))
    await device.catch_up(stage.pool, now=NOW + timedelta(hours=2))
    assert "crew/1" not in device.copies


@pytest.mark.usefixtures("small_pages")
async def test_a_large_bucket_comes_in_pages_and_each_page_brings_the_held_part_up_to_date(stage: Stage) -> None:
    device = await stage.device("crew/1", "ref")
    job = await stage.put("job", "crew/1")
    parts = await stage.put_many(25, "ref")
    _, end = await device.pull(stage.pool, now=NOW)
    assert end.more
    assert texts(device, "crew/1") == {"job"}
    assert 0 < len(device.copies["ref"]) < 25
    # Changed in between: what is held already, a part that was sent, one that was not, one that goes from either side.
    await stage.put("job, changed", "crew/1", id=job)
    first, last = min(parts), max(parts)
    await stage.put("sent before", "ref", id=first, kind="part")
    await stage.put("not sent yet", "ref", id=last, kind="part")
    await stage.delete(sorted(parts)[1], "part")
    await stage.delete(sorted(parts)[-2], "part")
    await device.pull(stage.pool, now=NOW)
    assert texts(device, "crew/1") == {"job, changed"}
    assert device.copies["ref"]["part", first][2] == b'{"text":"sent before"}'
    await device.catch_up(stage.pool, now=NOW)
    assert len(device.copies["ref"]) == 23
    assert device.copies["ref"]["part", last][2] == b'{"text":"not sent yet"}'
    await assert_device_equals_server(device, stage.pool, now=NOW)


@pytest.mark.usefixtures("small_pages")
async def test_an_answer_that_was_lost_is_given_again_from_the_last_page(stage: Stage) -> None:
    device = await stage.device("ref")
    await stage.put_many(25, "ref")
    await device.pull(stage.pool, now=NOW)
    await pull.pull(device.source(stage.pool), PullAsk(cursor=device.cursor), now=NOW)
    await device.catch_up(stage.pool, now=NOW)
    assert len(device.copies["ref"]) == 25


@pytest.mark.usefixtures("small_pages")
async def test_scope_that_is_lost_between_two_pages_takes_the_part_with_it(stage: Stage) -> None:
    device = await stage.device("crew/1", "ref")
    await stage.put_many(25, "crew/1")
    await stage.put_many(5, "ref")
    await device.pull(stage.pool, now=NOW)
    assert cursor_of(device, stage.pool).partial is not None
    await stage.take(device, "crew/1")
    heads = await device.catch_up(stage.pool, now=NOW)
    assert heads[0].drop == ("crew/1",)
    assert set(device.copies) == {f"dev/{device.id}", "ref"}
    assert len(device.documents) == 5
    await stage.give(device, "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    assert len(device.documents) == 30


@pytest.mark.usefixtures("small_pages")
async def test_scope_that_is_gained_between_two_pages_comes_after_the_bucket_that_is_begun(stage: Stage) -> None:
    device = await stage.device("ref")
    await stage.put_many(15, "ref")
    await stage.put("job", "crew/1")
    await device.pull(stage.pool, now=NOW)
    await stage.give(device, "crew/1")
    heads = await device.catch_up(stage.pool, now=NOW)
    assert [name for head in heads for name in head.add] == ["crew/1"]
    assert texts(device, "crew/1") == {"job"}
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_a_delta_that_is_too_large_resets_the_largest_bucket_beside_its_old_copy(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "DELTA_BYTES", 4_000)
    monkeypatch.setattr(limits, "PAGE_BYTES", 5_000)
    device = await stage.device("crew/1", "ref")
    job = await stage.put("job", "crew/1")
    parts = await stage.put_many(30, "ref")
    await device.catch_up(stage.pool, now=NOW)
    for id in parts:
        await stage.put("new price", "ref", id=id, kind="part")
    await stage.put("job, changed", "crew/1", id=job)
    begin, end = await device.pull(stage.pool, now=NOW)
    assert begin.reset == ("ref",) and end.more
    assert texts(device, "crew/1") == {"job, changed"}
    assert texts(device, "ref") == {"x" * 20}, "the old copy is shown until the new one is whole"
    await stage.put("job, changed again", "crew/1", id=job)
    await device.catch_up(stage.pool, now=NOW)
    assert texts(device, "ref") == {"new price"}
    assert texts(device, "crew/1") == {"job, changed again"}
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_a_bucket_that_is_too_large_while_it_is_being_filled_begins_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "DELTA_BYTES", 4_000)
    monkeypatch.setattr(limits, "PAGE_BYTES", 8_000)
    device = await stage.device("ref")
    parts = await stage.put_many(80, "ref")
    await device.pull(stage.pool, now=NOW)
    for id in parts:
        await stage.put("new price", "ref", id=id, kind="part")
    heads = await device.catch_up(stage.pool, now=NOW)
    assert heads[0].reset == ("ref",)
    assert texts(device, "ref") == {"new price"}
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_pages_of_large_documents_are_cut_by_bytes(stage: Stage) -> None:
    device = await stage.device("ref")
    await stage.put_many(60, "ref", size=60_000)
    await device.pull(stage.pool, now=NOW)
    assert 20 < len(device.copies["ref"]) < 36
    await device.catch_up(stage.pool, now=NOW)
    assert len(device.copies["ref"]) == 60


async def test_digests_come_on_request_for_what_was_touched_and_one_bucket_in_turn(stage: Stage) -> None:
    device = await stage.device("crew/1", "crew/2", "ref")
    await stage.put("there", "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    _, end = await device.pull(stage.pool, now=NOW)
    assert end.digests is UNSET
    turns = set()
    for hour in range(4):
        _, end = await device.pull(stage.pool, now=NOW + timedelta(hours=hour), check=True)
        assert end.digests is not UNSET and len(end.digests) == 1
        turns |= set(end.digests)
    assert turns == set(device.copies)
    await stage.put("more", "crew/2")
    _, end = await device.pull(stage.pool, now=NOW, check=True)
    assert end.digests is not UNSET and "crew/2" in end.digests


async def test_a_scope_near_its_limits_is_warned_and_one_beyond_is_cut(stage: Stage) -> None:
    device = await stage.device(*(f"crew/{i:02}" for i in range(60)))
    await device.catch_up(stage.pool, now=NOW)
    assert device.warnings == ("scope_near_limit",)
    for i in range(60, 70):
        await stage.give(device, f"crew/{i:02}")
    await device.catch_up(stage.pool, now=NOW)
    assert device.warnings == ("scope_too_large",)
    assert len(device.copies) == 64


async def test_buckets_beyond_the_limit_of_documents_are_left_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SCOPE_DOCUMENTS", 20)
    device = await stage.device("crew/1", "ref")
    await stage.put_many(10, "crew/1")
    await stage.put_many(12, "ref")
    await device.catch_up(stage.pool, now=NOW)
    assert (set(device.copies), device.warnings) == ({f"dev/{device.id}", "crew/1"}, ("scope_too_large",))
    _, end = await device.pull(stage.pool, now=NOW)
    assert not end.more


async def test_a_revoked_device_gets_its_own_bucket_alone(stage: Stage, owner: asyncpg.Connection) -> None:
    device = await stage.device("crew/1")
    await stage.put("job", "crew/1")
    await stage.put("wipe", f"dev/{device.id}", kind="device", id=device.id)
    await device.catch_up(stage.pool, now=NOW)
    await owner.execute(
        "update sync_device set revoked_at = $3 where org_id = $1 and device_id = $2", stage.org_id, device.id, NOW
    )
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert begin.drop == ("crew/1",)
    assert [kind for kind, _ in device.documents] == ["device"]


async def test_the_acknowledged_number_is_read_in_the_snapshot_of_the_page(
    stage: Stage, owner: asyncpg.Connection
) -> None:
    device = await stage.device()
    await device.catch_up(stage.pool, now=NOW)
    assert device.acked_n == 0
    await owner.execute(
        "update sync_device set last_n = 7 where org_id = $1 and device_id = $2", stage.org_id, device.id
    )
    await device.catch_up(stage.pool, now=NOW)
    assert device.acked_n == 7


@pytest.mark.parametrize(
    "text", ["10:10:", "10:20:", "10:20:12", "10:20:10,11,19", "9223372036854775000:9223372036854775001:"]
)
async def test_every_snapshot_that_we_take_for_one_is_one_for_postgresql(pool: asyncpg.Pool, text: str) -> None:
    assert is_snapshot(text)
    assert await pool.fetchval("select $1::text::pg_snapshot::text", text) == text


@pytest.mark.parametrize("text", ["0:1:", "2:1:", "10:20:9", "10:20:20", "10:20:12,11", "10:20", "a:b:", "10:20:12,"])
async def test_no_snapshot_that_postgresql_refuses_is_taken_for_one(pool: asyncpg.Pool, text: str) -> None:
    assert not is_snapshot(text)


async def test_the_range_of_a_document_is_the_same_byte_in_sql(pool: asyncpg.Pool, stage: Stage) -> None:
    from mobile_contract.ranges import range_of

    for id in await stage.put_many(20, "ref"):
        assert await pool.fetchval("select get_byte(uuid_send($1), 15)", id) == range_of(id)
