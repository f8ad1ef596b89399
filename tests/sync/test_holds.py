"""A hold that has an end ends by itself."""

from datetime import timedelta

from mobile_contract.schema import decisions as d
from mobile_contract.schema.job import HoldReason
from sync.holds import release_due
from tests.arrange import NOW, Assigned, Org
from tests.sync import looking

DAY = timedelta(days=1)


async def held(org: Org, job: Assigned, *, days: int | None) -> None:
    until = None if days is None else NOW + days * DAY
    await org.ok(d.HoldJob(job_id=job.job_id, reason=HoldReason.PARTS, until=until), by="dan")


async def state(org: Org, job: Assigned) -> tuple[str, object]:
    (row,) = await looking.rows(org, "select state, held_for from job where org_id = $1 and id = $2", job.job_id)
    return row["state"], row["held_for"]


async def test_a_job_held_until_a_day_goes_on_that_day_and_once(org: Org) -> None:
    job, endless = await org.assigned_job(), await org.assigned_job()
    await held(org, job, days=2)
    await held(org, endless, days=None)
    touched: set[str] = set()
    assert await release_due(org.pool, org.id, now=NOW + DAY) == 0
    assert await release_due(org.pool, org.id, now=NOW + 2 * DAY, poke=lambda _, b: touched.update(b)) == 1
    assert await release_due(org.pool, org.id, now=NOW + 2 * DAY) == 0
    assert await state(org, job) == ("scheduled", None)
    assert await state(org, endless) == ("on_hold", "parts")
    assert f"crew/{org.crews['alpha']}" in touched
    names = await looking.rows(org, "select name from event where org_id = $1 and job_id = $2 order by seq", job.job_id)
    assert [row["name"] for row in names].count("job_released") == 1


async def test_the_next_hold_ends_too_even_one_until_an_instant_of_the_past(org: Org) -> None:
    job = await org.assigned_job()
    for days in (1, 1, -1):
        await held(org, job, days=days)
        assert await release_due(org.pool, org.id, now=NOW + DAY) == 1
        assert await state(org, job) == ("scheduled", None)
