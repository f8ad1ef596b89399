"""The page that is read while the one before is taken: whose it is, what it may say, and when it is not used."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from mobile_contract import limits
from mobile_contract.schema.messages import PullAsk
from sync import ahead, pull
from sync.gate import Gate
from sync.pokes import Pokes
from sync.pull import Page
from sync.waiting import Waiting
from tests.devices import StrictDevice, assert_device_equals_server
from tests.sync.stage import NOW, Stage, texts
from tests.waiting import until


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut pages at ten documents."""
    monkeypatch.setattr(limits, "PAGE_DOCUMENTS", 10)
    monkeypatch.setattr("sync.reading.FILL_DOCUMENTS_MIN", 3)


class Reading:
    """Counts what is read when somebody waits for it, and what is read ahead."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waited = self.ahead = 0
        look, look_on = pull.pull, pull.look_on

        async def counted(*args: object, **more: object) -> Page:
            self.waited += 1
            return await look(*args, **more)  # type: ignore[arg-type]

        async def counted_ahead(*args: object) -> object:
            self.ahead += 1
            return await look_on(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(pull, "pull", counted)
        monkeypatch.setattr(pull, "look_on", counted_ahead)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    return Reading(monkeypatch)


@pytest.fixture
def times() -> list[object]:
    return [NOW]


async def no_listener() -> asyncpg.Connection:
    raise OSError("nobody listens here")


async def nothing(*_: object) -> None:
    """Forget nothing."""


def waiting_at(stage: Stage, times: list[object], gate: Gate | None = None) -> Waiting:
    return Waiting(Pokes(stage.pool, no_listener), clock=lambda: times[0], forget=nothing, gate=gate)  # type: ignore[arg-type,return-value]


async def device_with(stage: Stage, documents: int) -> StrictDevice:
    device = await stage.device("crew/1")
    for number in range(documents):
        await stage.put(f"{number}", "crew/1")
    return device


async def pulled(waiting: Waiting, stage: Stage, device: StrictDevice) -> bool:
    """Take one page; tells whether there is more."""
    page = await waiting.pull(device.source(stage.pool), PullAsk(cursor=device.cursor))
    return device.apply(page)[1].more


async def settled(waiting: Waiting) -> None:
    await until(lambda: all(kept.task.done() for kept in waiting._ahead._kept.values()))


async def test_only_the_first_page_and_the_last_word_are_waited_for(
    stage: Stage, times: list[object], reading: Reading
) -> None:
    device, waiting = await device_with(stage, 35), waiting_at(stage, times)
    pages = 1
    while await pulled(waiting, stage, device):
        pages += 1
    assert (reading.waited, reading.ahead) == (2, 3)
    assert pages == 5, "the last page that was read ahead is followed by one that was not"
    assert len(texts(device, "crew/1")) == 35
    await assert_device_equals_server(device, stage.pool, now=NOW)
    assert waiting._ahead._kept == {}


async def test_for_a_device_that_keeps_up_two_pages_are_read_ahead_and_one_for_any_other(
    stage: Stage, times: list[object], reading: Reading
) -> None:
    device, waiting = await device_with(stage, 55), waiting_at(stage, times)
    await pulled(waiting, stage, device)
    await settled(waiting)
    assert reading.ahead == len(waiting._ahead._kept) == 1
    await pulled(waiting, stage, device)
    await settled(waiting)
    assert (reading.ahead, len(waiting._ahead._kept)) == (3, 2)
    while await pulled(waiting, stage, device):
        await settled(waiting)
        assert len(waiting._ahead._kept) <= 2
    assert (reading.waited, reading.ahead) == (2, 5)
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_what_changed_after_it_was_read_comes_before_the_device_is_told_that_this_is_all(
    stage: Stage, times: list[object], reading: Reading
) -> None:
    device, waiting = await device_with(stage, 15), waiting_at(stage, times)
    assert await pulled(waiting, stage, device)
    await settled(waiting)
    await stage.put("news", "crew/1")
    assert await pulled(waiting, stage, device), "this page was read before the news"
    assert "news" not in texts(device, "crew/1")
    assert not await pulled(waiting, stage, device)
    assert "news" in texts(device, "crew/1")
    await assert_device_equals_server(device, stage.pool, now=NOW)


async def test_scope_that_ended_after_it_was_read_is_gone_before_the_device_is_told_that_this_is_all(
    stage: Stage, times: list[object], reading: Reading
) -> None:
    device, waiting = await device_with(stage, 15), waiting_at(stage, times)
    await pulled(waiting, stage, device)
    await settled(waiting)
    await stage.take(device, "crew/1", at=NOW)
    times[0] = NOW + timedelta(seconds=1)
    while await pulled(waiting, stage, device):
        pass
    assert not device.documents


async def test_the_head_of_a_page_is_of_the_moment_at_which_it_leaves(
    stage: Stage, times: list[object], reading: Reading
) -> None:
    device, waiting = await device_with(stage, 25), waiting_at(stage, times)
    await pulled(waiting, stage, device)
    await settled(waiting)
    times[0] = NOW + timedelta(seconds=5)
    page = await waiting.pull(device.source(stage.pool), PullAsk(cursor=device.cursor))
    assert reading.waited == 1
    assert device.apply(page)[0].server_time == NOW + timedelta(seconds=5)


async def test_another_device_that_brings_the_cursor_is_not_given_the_page(
    stage: Stage, times: list[object], reading: Reading
) -> None:
    device, waiting = await device_with(stage, 25), waiting_at(stage, times)
    other = await stage.device("crew/1")
    await pulled(waiting, stage, device)
    await settled(waiting)
    before = reading.waited
    page = await waiting.pull(other.source(stage.pool), PullAsk(cursor=device.cursor))
    assert reading.waited == before + 1
    assert b'"compare":true' in page.body
    assert await pulled(waiting, stage, device)
    assert reading.waited == before + 1


async def test_a_page_that_nobody_asks_for_is_dropped(
    stage: Stage, times: list[object], reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "KEEP_S", 0.01)
    device, waiting = await device_with(stage, 25), waiting_at(stage, times)
    await pulled(waiting, stage, device)
    await until(lambda: not waiting._ahead._kept)
    assert await pulled(waiting, stage, device)
    assert reading.waited == 2


async def test_no_more_pages_are_kept_than_the_process_has_room_for(
    stage: Stage, times: list[object], reading: Reading
) -> None:
    waiting = waiting_at(stage, times, Gate(50))
    devices = [await device_with(stage, 0) for _ in range(ahead.PAGES + 2)]
    for number in range(15):
        await stage.put(f"{number}", "crew/1")
    for device in devices:
        await pulled(waiting, stage, device)
    assert len(waiting._ahead._kept) == ahead.PAGES
    for device in devices:
        while await pulled(waiting, stage, device):
            pass
        assert len(texts(device, "crew/1")) == 15


async def test_nobody_waits_for_a_place_for_what_is_read_ahead(
    stage: Stage, times: list[object], reading: Reading
) -> None:
    gate = Gate(2)
    device, waiting = await device_with(stage, 15), waiting_at(stage, times, gate)
    async with gate.enter():
        pulling = asyncio.create_task(pulled(waiting, stage, device))
        await asyncio.wait_for(pulling, 10)
        await settled(waiting)
        assert reading.ahead == 1
    device = await device_with(stage, 0)
    gate = Gate(1)
    waiting = waiting_at(stage, times, gate)
    page = await pull.pull(device.source(stage.pool), PullAsk(), now=NOW)
    assert page.onward is not None
    async with gate.enter():
        waiting._ahead.begin(device.source(stage.pool), page.onward)
        assert waiting._ahead._kept == {}


async def test_what_fails_ahead_is_read_again_when_it_is_asked_for(
    stage: Stage, times: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    device, waiting = await device_with(stage, 15), waiting_at(stage, times)

    async def broken(*_: object) -> None:
        raise ConnectionError("the database is away")

    with monkeypatch.context() as away:
        away.setattr(pull, "look_on", broken)
        await pulled(waiting, stage, device)
        await settled(waiting)
    assert not await pulled(waiting, stage, device)
    assert len(texts(device, "crew/1")) == 15
