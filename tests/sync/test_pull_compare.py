"""A cursor that cannot be followed is compared, never refused: what is equal is kept, what differs is reset, and nothing is skipped."""

import asyncio
import base64
from collections.abc import Callable
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from api.settings import Settings
from mobile_contract import limits
from mobile_contract.schema.messages import PullAsk
from sync import pull
from sync.cursor import Cursor, seal_cursor
from sync.keyring import make_keyring
from sync.life import current_life, ensure_life
from tests.devices import KEYRING, StrictDevice, assert_device_equals_server
from tests.sync.stage import NOW, Stage, texts


async def held_device(stage: Stage) -> StrictDevice:
    device = await stage.device("crew/1", "ref")
    await stage.put("job", "crew/1")
    await stage.put_many(5, "ref")
    await device.catch_up(stage.pool, now=NOW)
    return device


def resealed(device: StrictDevice, pool: asyncpg.Pool, /, **changed: object) -> str:
    cursor = pull.opened(device.source(pool), device.cursor)
    assert isinstance(cursor, Cursor)
    return seal_cursor(device.keyring, msgspec.structs.replace(cursor, **changed))


SPOILED: dict[str, Callable[[StrictDevice, asyncpg.Pool], str]] = {
    "another life": lambda device, pool: resealed(device, pool, life=uuid4()),
    "another device": lambda device, pool: resealed(device, pool, device=uuid4()),
    "another major version": lambda device, pool: resealed(device, pool, major=99),
    "a bad MAC": lambda device, pool: (device.cursor or "")[:-3] + "AAA",
    "no cursor of ours": lambda device, pool: base64.urlsafe_b64encode(b"hello" * 9).decode(),
    "too long": lambda device, pool: "A" * (limits.CURSOR_BYTES + 1),
    "empty": lambda device, pool: "",
}


@pytest.mark.parametrize("how", SPOILED)
async def test_what_is_equal_is_kept_and_what_differs_is_reset(stage: Stage, how: str) -> None:
    device = await held_device(stage)
    # While it was away: one bucket changed, one did not, one was lost, one was gained.
    await stage.give(device, "crew/3")
    await stage.put("new", "crew/3")
    await stage.put("another job", "crew/1")
    device.cursor = SPOILED[how](device, stage.pool)
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert set(begin.keep) == {f"dev/{device.id}", "ref"}
    assert (begin.reset, begin.add) == (("crew/1",), ("crew/3",))
    assert texts(device, "crew/1") == {"job", "another job"}
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_what_was_kept_is_followed_from_the_snapshot_of_the_comparison(stage: Stage) -> None:
    device = await held_device(stage)
    device.cursor = resealed(device, stage.pool, life=uuid4())
    await device.catch_up(stage.pool, now=NOW)
    await stage.put("afterwards", "crew/1")
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert begin.keep == begin.reset == ()
    assert texts(device, "crew/1") == {"job", "afterwards"}


async def test_a_bucket_that_is_no_longer_in_scope_is_dropped_when_comparing(stage: Stage) -> None:
    device = await held_device(stage)
    await stage.take(device, "crew/1")
    device.cursor = resealed(device, stage.pool, life=uuid4())
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert begin.drop == ("crew/1",)
    assert "crew/1" not in device.copies


async def test_a_device_that_holds_nothing_is_not_asked_for_ever(stage: Stage) -> None:
    device = await stage.device("ref")
    await stage.put_many(3, "ref")
    device.cursor = "lost"
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert begin.add == (f"dev/{device.id}", "ref")


async def test_the_question_to_compare_changes_nothing_on_the_device(stage: Stage) -> None:
    device = await held_device(stage)
    token = resealed(device, stage.pool, life=uuid4())
    page = await pull.pull(device.source(stage.pool), PullAsk(cursor=token), now=NOW)
    frames = [msgspec.json.decode(line) for line in page.body.splitlines()]
    assert [frame["frame"] for frame in frames] == ["begin", "end"]
    assert frames[0]["compare"] is True
    assert frames[1]["cursor"] == token


async def test_a_key_that_was_changed_keeps_cursors_valid_and_one_changed_twice_only_compares(stage: Stage) -> None:
    device = await held_device(stage)
    second = make_keyring(b"the second secret, of enough bytes", b"a secret for tests, the same in every session")
    third = make_keyring(b"the third secret, of enough bytes.", b"the second secret, of enough bytes")
    first_token = device.cursor
    device.keyring = second
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert not begin.compare and begin.keep == ()
    device.keyring, device.cursor = third, first_token
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert set(begin.keep) == {f"dev/{device.id}", "crew/1", "ref"}
    assert device.keyring is not KEYRING


async def test_a_comparison_in_the_middle_of_filling_resets_the_part(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAGE_DOCUMENTS", 10)
    monkeypatch.setattr("sync.reading.FILL_DOCUMENTS_MIN", 3)
    device = await stage.device("ref")
    await stage.put_many(25, "ref")
    await device.pull(stage.pool, now=NOW)
    device.cursor = resealed(device, stage.pool, life=uuid4())
    heads = await device.catch_up(stage.pool, now=NOW)
    assert heads[0].reset == ("ref",)
    assert len(device.copies["ref"]) == 25
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_a_cursor_after_a_lost_life_is_compared_and_processes_agree_on_the_new_one(
    stage: Stage, owner: asyncpg.Connection
) -> None:
    device = await held_device(stage)
    before = await current_life(stage.pool)
    await owner.execute("delete from sync_life")
    lives = await asyncio.gather(*(ensure_life(stage.pool) for _ in range(5)))
    assert len(set(lives)) == 1
    assert lives[0] != before
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert set(begin.keep) == {f"dev/{device.id}", "crew/1", "ref"}


@pytest.mark.parametrize("column", ["system", "db", "rel"])
async def test_a_life_that_was_carried_along_from_elsewhere_does_not_hold(
    stage: Stage, owner: asyncpg.Connection, column: str
) -> None:
    device = await held_device(stage)
    before = await ensure_life(stage.pool)
    await owner.execute(
        f"update sync_life set {column} = ({column}::text::int8 % 1000000 + 1)::text::{'int8' if column == 'system' else 'oid'}"
    )
    (begin,) = await device.catch_up(stage.pool, now=NOW)
    assert begin.life != before
    assert await current_life(stage.pool) == begin.life
    assert set(begin.keep) == {f"dev/{device.id}", "crew/1", "ref"}


async def test_transaction_ids_from_another_servers_future_are_settled_before_a_life_begins(
    stage: Stage, owner: asyncpg.Connection, settings: Settings
) -> None:
    device = await held_device(stage)
    await owner.execute("update sync_member set xid = '900000000000' where org_id = $1", stage.org_id)
    await owner.execute("delete from sync_life")
    await device.catch_up(stage.pool, now=NOW)
    page = await pull.pull(device.source(stage.pool), PullAsk(cursor=device.cursor), now=NOW)
    assert page.idle, "what came from the future would be sent again with every pull"
    assert await owner.fetchval("select max(xid::text::int8) from sync_member where org_id = $1", stage.org_id) == 3
    await stage.put("afterwards", "crew/1")
    await device.catch_up(stage.pool, now=NOW)
    assert texts(device, "crew/1") == {"job", "afterwards"}
