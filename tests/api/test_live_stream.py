"""The stream that tells the office's pages to look again: a poke at once, one after each commit, none of another organisation."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from api.settings import Settings
from tests.api.office import Office, office
from tests.api.serving import Site, on_loopback

WITHIN_S = 3.0


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with on_loopback(settings) as running:
        yield running


async def poked(lines: AsyncIterator[str]) -> bool:
    """Wait for a poke; false when none comes within three seconds."""
    try:
        async with asyncio.timeout(WITHIN_S):
            async for line in lines:
                if line == "event: poke":
                    return True
    except TimeoutError:
        return False
    return False


async def send(desk: Office, job_id: object, text: str) -> httpx.Response:
    body = {"job_id": str(job_id), "changes": {"title": {"was": "leak", "set": text}}}
    return await desk.post("/commands/edit_job", body, key=desk.org.new_id())


async def test_a_commit_pokes_the_pages_of_its_organisation_alone(site: Site, pool: asyncpg.Pool, seed: int) -> None:
    ours, theirs = await office(site, pool, seed), await office(site, pool, seed + 1)
    job_id = await ours.org.open_job(now=site.services.clock())
    async with (
        site.client.stream("GET", "/api/v1/live", headers=ours.headers["dan"]) as here,
        site.client.stream("GET", "/api/v1/live", headers=theirs.headers["dan"]) as there,
    ):
        assert here.headers["content-type"].startswith("text/event-stream")
        assert here.headers["cache-control"] == "no-store"
        at_ours, at_theirs = here.aiter_lines(), there.aiter_lines()
        assert await poked(at_ours)
        assert await poked(at_theirs)
        changed = await send(ours, job_id, "burst")
        assert changed.status_code == 200, changed.text
        assert await poked(at_ours)
        assert not await poked(at_theirs)
