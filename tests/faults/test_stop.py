"""Told to stop (SIGTERM): what is under way is finished and answered, who waits is let go at once, and the exit code is 0."""

import asyncio
import time
from pathlib import Path

import httpx

from api.settings import Settings
from tests.arrange import Org
from tests.faults.database import Database
from tests.faults.processes import Server, served
from tests.faults.report import Report
from tests.faults.stage import staged
from tests.waiting import until

LET_GO_WITHIN_S = 5.0


async def test_a_graceful_stop_finishes_pushes_and_lets_those_go_who_wait(
    own: Settings, standing: Server, database: Database, org: Org, tmp_path: Path, report: Report, seed: int
) -> None:
    async with (
        served(own, tmp_path) as server,
        staged(database, server, org, tmp_path, report=report, seed=seed) as stage,
        httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client,
    ):
        pushing, waiting = await stage.fleet.phone("amy"), await stage.fleet.phone("bob")
        await stage.fleet.settle()
        pushing.work(stage.job, 10)
        request = client.build_request("GET", "/sync/v1/live", headers=waiting.headers)
        stream = await client.send(request, stream=True)
        first = await anext(events := stream.aiter_lines())
        assert first == "event: poke"
        long_poll = asyncio.create_task(stage.fleet.sync(waiting, wait_s=50))
        # The stream, the long poll, and the question itself.
        await until(lambda: _in_flight(client, 3), timeout_s=30)
        async with database.commits_hang():
            push = asyncio.create_task(stage.fleet.sync(pushing))
            await database.hanging_commit()
            stopping = asyncio.create_task(server.stop())
            report.broke("nothing: SIGTERM with a push in mid-commit, a long poll of 50 s and a stream of events open")
            begun = time.monotonic()
            async with asyncio.timeout(LET_GO_WITHIN_S):
                assert [line async for line in events if line not in ("", "event: poke", "data: {}")] == []
                waited = await long_poll
            let_go_s = time.monotonic() - begun
            assert waited.stopped == "", "the long poll was cut, not answered"
            assert not stopping.done(), "it ended with a push under way"
        assert await stopping == 0, server.lines()[-2000:]
        await until(lambda: len(pushing.acknowledged()) == 10, timeout_s=10)
        assert "Cancel" not in server.lines(), "a request was cut"
        report.checked(
            f"stream and long poll let go after {let_go_s:.1f} s; the push was answered with its 10 outcomes; exit code 0"
        )
        # Others of its kind go on.
        stage.proxy.server_port = standing.port
        await push
        await stage.quiet()


async def _in_flight(client: httpx.AsyncClient, count: int) -> bool:
    page = (await client.get("/metrics")).text
    (line,) = [line for line in page.splitlines() if line.startswith("onsite_requests_in_flight ")]
    return float(line.split()[1]) >= count
