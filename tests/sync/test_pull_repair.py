"""Repair: a device that differs is mended by ranges, and real mismatches are logged as the defects they are."""

import logging

import pytest

from mobile_contract import limits
from mobile_contract.ranges import range_of
from mobile_contract.schema.messages import RepairAsk
from sync import repair
from tests.devices import StrictDevice, assert_device_equals_server
from tests.sync.stage import NOW, Stage, texts


async def held_device(stage: Stage, documents: int = 40) -> StrictDevice:
    device = await stage.device("crew/1", "ref")
    await stage.put_many(documents, "ref")
    await device.catch_up(stage.pool, now=NOW)
    return device


def defects(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "onsite.repair"]


async def test_what_was_lost_altered_and_invented_on_the_device_is_mended(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    device = await held_device(stage)
    lost, altered, *_ = sorted(device.copies["ref"])
    del device.copies["ref"][lost]
    device.copies["ref"][altered] = (0, 1, b"{}")
    device.copies["ref"]["part", lost[1].__class__(int=altered[1].int + 256)] = (1, 2, b"{}")
    device.cursor, before = device.cursor, len(device.copies["ref"])
    begin, end = await device.repair(stage.pool, "ref", now=NOW)
    assert (begin.add, begin.reset, begin.drop, end.more) == ((), (), (), False)
    assert len(device.copies["ref"]) == 40 == before
    (defect,) = defects(caplog)
    assert defect.levelno == logging.ERROR
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_only_the_ranges_that_differ_are_sent(stage: Stage) -> None:
    device = await held_device(stage)
    lost = min(device.copies["ref"])
    neighbours = [key for key in device.copies["ref"] if range_of(key[1]) == range_of(lost[1])]
    del device.copies["ref"][lost]
    page = await repair.repair(
        device.source(stage.pool), RepairAsk(cursor=device.cursor, bucket="ref", sums=()), now=NOW
    )
    assert page.body.count(b'"frame":"put"') == 40
    from mobile_contract.ranges import range_sums, sums_to_wire

    sums = sums_to_wire(range_sums((id, h) for (_, id), (_, h, _) in device.copies["ref"].items()))
    page = await repair.repair(
        device.source(stage.pool), RepairAsk(cursor=device.cursor, bucket="ref", sums=sums), now=NOW
    )
    assert page.body.count(b'"frame":"put"') == len(neighbours)
    device.apply(page)
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_the_delta_comes_first_and_what_moved_is_no_defect(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    device = await held_device(stage)
    _, id = min(device.copies["ref"])
    await stage.put("moved since", "ref", id=id, kind="part")
    await stage.put("job", "crew/1")
    await device.repair(stage.pool, "ref", now=NOW)
    assert defects(caplog) == []
    assert texts(device, "crew/1") == {"job"}
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_a_device_that_differs_in_more_than_a_page_holds_gets_the_bucket_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await held_device(stage)
    for key in list(device.copies["ref"]):
        device.copies["ref"][key] = (0, 1, b"{}")
    monkeypatch.setattr(limits, "PAGE_BYTES", 4_000)
    begin, end = await device.repair(stage.pool, "ref", now=NOW)
    assert begin.reset == () and end.more
    heads = await device.catch_up(stage.pool, now=NOW)
    assert heads[0].reset == ("ref",)
    monkeypatch.undo()
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_a_bucket_that_is_not_held_is_answered_with_a_plain_page(stage: Stage) -> None:
    device = await held_device(stage)
    await stage.put("secret", "crew/2")
    await stage.put("job", "crew/1")
    page = await repair.repair(device.source(stage.pool), RepairAsk(cursor=device.cursor, bucket="crew/2"), now=NOW)
    assert b"secret" not in page.body and b'"mend"' not in page.body
    device.apply(page)
    assert texts(device, "crew/1") == {"job"}


async def test_scope_that_was_gained_comes_by_the_pull_after_the_repair(stage: Stage) -> None:
    device = await held_device(stage)
    await stage.give(device, "crew/2")
    await stage.put("gained", "crew/2")
    _, end = await device.repair(stage.pool, "ref", now=NOW)
    assert end.more
    await device.catch_up(stage.pool, now=NOW)
    assert texts(device, "crew/2") == {"gained"}


async def test_a_repair_while_a_bucket_is_being_filled_keeps_the_place(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAGE_DOCUMENTS", 10)
    monkeypatch.setattr("sync.reading.FILL_DOCUMENTS_MIN", 3)
    device = await stage.device("crew/1", "ref")
    job = await stage.put("job", "crew/1")
    await stage.put_many(25, "ref")
    await device.pull(stage.pool, now=NOW)
    device.copies["crew/1"].clear()
    begin, end = await device.repair(stage.pool, "crew/1", now=NOW)
    assert end.more and begin.reset == begin.add == ()
    assert ("note", job) in device.copies["crew/1"]
    await device.catch_up(stage.pool, now=NOW)
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_a_cursor_that_cannot_be_followed_is_compared(stage: Stage) -> None:
    device = await held_device(stage)
    device.cursor = "lost"
    begin, _ = await device.repair(stage.pool, "ref", now=NOW)
    assert begin.compare
