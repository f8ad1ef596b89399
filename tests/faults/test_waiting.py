"""Whoever waits for news when the server or the database dies: long polls and streams come back by themselves and hear what happened."""

import asyncio
from collections.abc import AsyncIterator

import httpx

from tests.faults.stage import Stage


async def test_the_server_is_killed_under_waiting_phones_and_streams(stage: Stage) -> None:
    waiting, other = await stage.fleet.phone("amy"), await stage.fleet.phone("ali")
    await stage.fleet.settle()
    poll = asyncio.create_task(stage.fleet.sync(waiting, wait_s=3))
    async with httpx.AsyncClient(base_url=stage.server.url, timeout=60, trust_env=False) as client:
        async with client.stream("GET", "/sync/v1/live", headers=waiting.headers) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "event: poke"
            await stage.server.kill()
            stage.report.broke("the web process (SIGKILL) under a long poll and a stream of events")
            broken = [line async for line in _until_cut(lines)]
            assert all(line in ("", "data: {}") for line in broken)
        await stage.server.start()
        async with client.stream("GET", "/sync/v1/live", headers=waiting.headers) as stream:
            lines = stream.aiter_lines()
            assert [await anext(lines) for _ in range(3)] == ["event: poke", "data: {}", ""]
            # Cut, come back by itself, or at the end of its wait before the kill: an app asks again.
            await poll
            poll = asyncio.create_task(stage.fleet.sync(waiting, wait_s=40))
            other.work(stage.job, 5)
            assert (await stage.fleet.sync(other)).stopped == ""
            async with asyncio.timeout(30):
                assert await anext(lines) == "event: poke"
                report = await poll
    assert report.stopped == "" and report.changes > 0, report
    stage.report.checked(
        "the stream came back and poked; the long poll came back and brought what another phone had done"
    )
    await stage.quiet()


async def test_the_database_crashes_under_waiting_phones_and_streams(stage: Stage) -> None:
    waiting, other = await stage.fleet.phone("amy"), await stage.fleet.phone("ali")
    await stage.fleet.settle()
    async with (
        httpx.AsyncClient(base_url=stage.server.url, timeout=60, trust_env=False) as client,
        client.stream("GET", "/sync/v1/live", headers=waiting.headers) as stream,
    ):
        lines = stream.aiter_lines()
        assert [await anext(lines) for _ in range(3)] == ["event: poke", "data: {}", ""]
        poll = asyncio.create_task(stage.fleet.sync(waiting, wait_s=40))
        await stage.database.crash()
        stage.report.broke("PostgreSQL (SIGQUIT) under a long poll and a stream of events")
        await stage.database.start()
        async with asyncio.timeout(60):
            # What was said while nobody listened is made good by a poke for everybody.
            assert await anext(lines) == "event: poke"
            await poll
            other.work(stage.job, 5)
            assert (await stage.fleet.sync(other)).stopped == ""
            again = await stage.fleet.sync(waiting, wait_s=40)
    assert again.stopped == "" and (again.changes > 0 or poll.result().changes > 0), again
    stage.report.checked(
        "the stream stayed and poked once the server listened again; the long poll ended and brought the news"
    )
    await stage.quiet()


async def _until_cut(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    try:
        async for line in lines:
            yield line
    except httpx.TransportError:
        return
