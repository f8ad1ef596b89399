"""A day in full swing: whatever urgent job comes into it, few visits change and nobody's next one."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.settings import Settings
from tests.api.office import Clock, office
from tests.api.planning import proposal, step_of
from tests.api.serving import Site, in_process
from tests.arrange import NOW
from tests.browser.console.running_day import running_day


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with in_process(settings, Clock()) as running:
        yield running


@pytest.mark.parametrize("crews", [4, 12])
async def test_each_urgent_job_of_a_busy_day_changes_few_visits_and_of_one_crew(
    site: Site, pool: asyncpg.Pool, seed: int, crews: int
) -> None:
    desk = await office(site, pool, seed, "dan", "max", "cal", "ada")
    day = await running_day(desk.org, NOW, crews=crews)
    for job_id in day.ready:
        plan = await proposal(desk, "urgent", job_ids=[str(job_id)])
        goes = step_of(plan, job_id)["after"]["crew_id"]
        changed = [step for step in plan["steps"] if step["kind"] not in ("kept", "added")]
        assert {step[side]["crew_id"] for step in changed for side in ("before", "after")} <= {goes}
        # Of a dozen visits one is too many already: there what the crew that goes has left may move.
        assert len(changed) <= max(0.15 * plan["standing"], plan["standing"] / crews)
        everybody = await desk.get(f"/plans/{plan['id']}")
        assert all(step["kind"] == "kept" for step in everybody["steps"] if step.get("frozen"))
