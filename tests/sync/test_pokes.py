"""Pokes: who waits hears of a change by this process, by another one, and by polling when nobody said anything. Nothing is held meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import asyncpg
import pytest

from api.database import connect_as_app, open_pool
from api.settings import Settings
from mobile_contract.schema.messages import PullAsk
from sync import pokes
from sync.cursor import Cursor
from sync.gate import Gate
from sync.pokes import Crowded, Pokes
from sync.reading import Holder
from sync.waiting import Waiting
from tests.devices import StrictDevice
from tests.sync.stage import NOW, Stage, texts
from tests.waiting import until


@contextlib.asynccontextmanager
async def listening(settings: Settings, pool: asyncpg.Pool) -> AsyncIterator[Pokes]:
    """Run pokes until they listen."""
    opened: list[asyncpg.Connection] = []

    async def connect() -> asyncpg.Connection:
        opened.append(await connect_as_app(settings))
        return opened[-1]

    async with Pokes(pool, connect).running() as running:
        await until(lambda: opened and running._since is not None)
        yield running


async def never(conn: asyncpg.Connection, holder: Holder, seen_n: int, cursor: Cursor) -> None:
    raise AssertionError("nothing was shown")


def clock(start: datetime = NOW) -> Callable[[], datetime]:
    return lambda: start


async def test_a_poke_wakes_those_who_listen_to_the_bucket_and_nobody_else(settings: Settings, stage: Stage) -> None:
    async with listening(settings, stage.pool) as running:
        with running.listen(stage.org_id, ["crew/1"]) as ear, running.listen(stage.org_id, ["crew/2"]) as other:
            running.poke(stage.org_id, ["crew/1"])
            assert await ear.heard(5)
            assert not await other.heard(0.2)
            assert not await ear.heard(0.2), "one poke is heard once"


async def test_a_poke_reaches_other_processes(settings: Settings, stage: Stage) -> None:
    async with listening(settings, stage.pool) as here, listening(settings, stage.pool) as there:
        with there.listen(stage.org_id, ["crew/1"]) as ear:
            here.poke(stage.org_id, ["crew/1"])
            assert await ear.heard(3)


async def test_a_flood_of_buckets_becomes_one_poke_for_everybody(settings: Settings, stage: Stage) -> None:
    async with listening(settings, stage.pool) as here, listening(settings, stage.pool) as there:
        with there.listen(stage.org_id, ["crew/1"]) as ear:
            here.poke(stage.org_id, [f"crew/{i}" for i in range(100, 3_000)])
            assert here._pending == {"*"}
            assert await ear.heard(3)


async def test_many_pokes_are_few_notifications(settings: Settings, stage: Stage) -> None:
    heard: list[str] = []
    async with listening(settings, stage.pool) as running:
        conn = await connect_as_app(settings)
        await conn.add_listener(pokes.CHANNEL, lambda *args: heard.append(str(args[3])))
        for i in range(50):
            running.poke(stage.org_id, [f"crew/{i}"])
        await until(lambda: heard)
        running.poke(stage.org_id, ["crew/last"])
        await until(lambda: len(heard) == 2)
        assert len(heard[0].split(" ")[1].split(",")) == 50
        await conn.close()


async def test_a_change_that_nobody_told_is_heard_by_polling(
    settings: Settings, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pokes, "POLL_EVERY_S", 0.1)
    async with listening(settings, stage.pool) as running:
        with running.listen(stage.org_id, ["crew/1"]) as ear, running.listen(stage.org_id, ["crew/2"]) as other:
            await stage.put("untold", "crew/1")
            assert await ear.heard(5)
            assert not await other.heard(0.3)


async def test_a_listener_that_lost_its_connection_comes_back_and_wakes_everybody(
    settings: Settings, stage: Stage, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pokes, "RECONNECT_S", 0.1)
    async with listening(settings, stage.pool) as running:
        with running.listen(stage.org_id, ["crew/1"]) as ear:
            ended = await owner.fetch(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like '%sync_touched%' and pid <> pg_backend_pid()"
            )
            assert ended
            assert await ear.heard(5)
            async with listening(settings, stage.pool) as other:
                other.poke(stage.org_id, ["crew/1"])
                assert await ear.heard(5)


async def test_more_listeners_than_there_is_room_for_are_sent_away(
    settings: Settings, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pokes, "EARS_MAX", 1)
    async with listening(settings, stage.pool) as running:
        with running.listen(stage.org_id, ["crew/1"]), pytest.raises(Crowded), running.listen(stage.org_id, ["crew/1"]):
            pass
        with running.listen(stage.org_id, ["crew/1"]):
            assert running._by_hash
        assert running._by_hash == {}


async def test_a_long_poll_holds_no_connection_and_answers_with_what_happened(settings: Settings, stage: Stage) -> None:
    device = await stage.device("crew/1")
    await device.catch_up(stage.pool, now=NOW)
    narrow = await open_pool(settings, size_max=1)
    async with listening(settings, stage.pool) as running:
        waiting = Waiting(running, clock=clock(), forget=never)
        task = asyncio.create_task(waiting.pull(device.source(narrow), PullAsk(cursor=device.cursor, wait_s=20)))
        await until(lambda: running._by_hash)
        assert await narrow.fetchval("select 1") == 1, "the only connection is free"
        assert not task.done()
        await stage.put("news", "crew/1")
        running.poke(stage.org_id, ["crew/1"])
        async with asyncio.timeout(5):
            device.apply(await task)
        assert texts(device, "crew/1") == {"news"}
        assert running._by_hash == {}
    await narrow.close()


async def test_a_long_poll_without_news_ends_with_a_page_of_now(settings: Settings, stage: Stage) -> None:
    device = await stage.device("crew/1")
    await device.catch_up(stage.pool, now=NOW)
    times = iter(NOW + timedelta(seconds=i) for i in range(100))
    async with listening(settings, stage.pool) as running:
        waiting = Waiting(running, clock=lambda: next(times), forget=never)
        page = await waiting.pull(device.source(stage.pool), PullAsk(cursor=device.cursor, wait_s=1))
    begin, _ = device.apply(page)
    assert page.idle
    assert begin.server_time > NOW


async def test_a_device_with_something_to_fetch_does_not_wait(settings: Settings, stage: Stage) -> None:
    device = await stage.device("crew/1")
    await stage.put("there", "crew/1")
    async with listening(settings, stage.pool) as running, asyncio.timeout(5):
        page = await Waiting(running, clock=clock(), forget=never).pull(device.source(stage.pool), PullAsk(wait_s=50))
    device.apply(page)
    assert texts(device, "crew/1") == {"there"}


async def test_the_live_stream_pokes_at_once_and_when_something_changed(
    settings: Settings, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.waiting.POKE_EVERY_S", 0.0)
    monkeypatch.setattr("sync.waiting.KEEP_ALIVE_S", 0.2)
    device = await stage.device("crew/1")
    async with listening(settings, stage.pool) as running:
        stream = Waiting(running, clock=clock(), forget=never).live(device.source(stage.pool))
        assert await anext(stream) == b"event: poke\ndata: {}\n\n"
        assert (await anext(stream)).startswith(b":")
        running.poke(stage.org_id, ["crew/1"])
        assert await anext(stream) == b"event: poke\ndata: {}\n\n"
        # A bucket that was gained is listened to as soon as anything is said.
        await stage.give(device, "crew/2")
        running.poke(stage.org_id, ["crew/1"])
        assert await anext(stream) == b"event: poke\ndata: {}\n\n"
        running.poke(stage.org_id, ["crew/2"])
        assert await anext(stream) == b"event: poke\ndata: {}\n\n"
        await stream.aclose()  # type: ignore[attr-defined]
        assert running._by_hash == {}


async def test_the_gate_lets_few_in_lines_up_some_and_sends_the_rest_away() -> None:
    gate = Gate(2, line=1, line_s=5)
    free = asyncio.Event()
    inside: list[int] = []

    async def enter(i: int) -> None:
        async with gate.enter():
            inside.append(i)
            await free.wait()

    tasks = [asyncio.create_task(enter(i)) for i in range(2)]
    await until(lambda: len(inside) == 2)
    lined_up = asyncio.create_task(enter(2))
    await until(lambda: gate._waiting == 1)
    with pytest.raises(Crowded):
        async with gate.enter():
            raise AssertionError("there was no place")
    free.set()
    await asyncio.gather(*tasks, lined_up)
    assert inside == [0, 1, 2]


async def test_the_gate_sends_away_who_has_waited_too_long() -> None:
    gate = Gate(1, line=5, line_s=0.05)
    async with gate.enter():
        with pytest.raises(Crowded):
            async with gate.enter():
                raise AssertionError("there was no place")
    async with gate.enter():
        assert gate._waiting == 0


async def test_a_revoked_device_hears_of_its_own_bucket(settings: Settings, stage: Stage) -> None:
    device = StrictDevice(org_id=stage.org_id, id=stage.org_id, person_id=None)
    async with listening(settings, stage.pool) as running:
        waiting = Waiting(running, clock=clock(), forget=never)
        await device.catch_up(stage.pool, now=NOW)
        task = asyncio.create_task(waiting.pull(device.source(stage.pool), PullAsk(cursor=device.cursor, wait_s=20)))
        await until(lambda: running._by_hash)
        await stage.put("wipe", f"dev/{device.id}", kind="device", id=device.id)
        running.poke(stage.org_id, [f"dev/{device.id}"])
        async with asyncio.timeout(5):
            device.apply(await task)
    assert len(device.documents) == 1
