"""Two who plan and take back in the same instant, or across a change of release: a crew gets work once, a lock counts, an answer is given once."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from api.settings import Settings
from mobile_contract.schema import decisions as d
from mobile_contract.schema.job import LockKind, VisitLock
from mobile_contract.schema.planning import LockVisit
from tests.api.office import Clock, Office
from tests.api.planning import HOUR, changes, committed, job, planning_desk, proposal, sent, visits_of
from tests.api.serving import Site, in_process
from tests.arrange import NOW
from tests.waiting import until

_WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with in_process(settings, Clock()) as running:
        yield running


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await planning_desk(site, pool, seed)


async def in_the_way(owner: asyncpg.Connection, desk: Office, job_id: UUID, requests: tuple[Any, Any]) -> list[Any]:
    """Send two requests so that the first has looked and not yet written when the second comes; give both answers."""

    async def waiting(count: int) -> bool:
        return bool(await owner.fetchval(_WAITING) >= count)

    async with owner.transaction():
        await owner.execute(
            "select 1 from sync_doc where org_id = $1 and kind = 'job' and id = $2 for update", desk.org.id, job_id
        )
        first = asyncio.create_task(requests[0])
        await until(lambda: waiting(1))
        second = asyncio.create_task(requests[1])

        async def stopped() -> bool:
            return second.done() or await waiting(2)

        await until(stopped)
    return [await first, await second]


async def test_two_plans_for_other_jobs_give_one_crew_work_only_once(desk: Office, owner: asyncpg.Connection) -> None:
    west, more = await job(desk), await job(desk, north_deg=0.01)
    alpha = [str(desk.org.crews["alpha"])]
    plans = [await proposal(desk, job_ids=[str(id)], crew_ids=alpha) for id in (west, more)]
    assert [changes(plan) for plan in plans] == [{str(west): "added"}, {str(more): "added"}]
    answers = await in_the_way(owner, desk, west, (committed(desk, plans[0]), committed(desk, plans[1], by="max")))
    assert [answer["code"] for answer in answers] == ["ok", "plan_outdated"]
    assert await visits_of(desk, more) == []


async def test_what_somebody_of_a_crew_was_given_by_name_meanwhile_makes_its_plan_outdated(desk: Office) -> None:
    west, more = await job(desk), await job(desk, north_deg=0.01)
    plan = await proposal(desk, job_ids=[str(west)], crew_ids=[str(desk.org.crews["alpha"])])
    assert changes(plan) == {str(west): "added"}
    by_name = d.AssignVisit(job_id=more, visit_id=desk.org.new_id(), person_id=desk.org.people["amy"])
    await desk.org.ok(by_name, by="max")
    done = await committed(desk, plan)
    assert (done["committed"], done["code"]) == (False, "plan_outdated")
    assert await visits_of(desk, west) == []
    assert (await committed(desk, await proposal(desk, job_ids=[str(west)])))["committed"] is True


async def test_a_lock_set_since_a_plan_was_made_makes_it_outdated(desk: Office) -> None:
    west, more = await job(desk), await job(desk, north_deg=0.01)
    fixed, _ = await sent(desk, west, "alpha", NOW + HOUR), await sent(desk, more, "alpha", NOW + 3 * HOUR)
    plan = await proposal(desk, "repair", absent_ids=[str(desk.org.crews["alpha"])])
    assert changes(plan) == {str(west): "reassigned", str(more): "reassigned"}
    lock = LockVisit(job_id=west, visit_id=fixed, plan_version=1, lock=VisitLock(kind=LockKind.RESOURCE))
    await desk.org.ok(lock, by="max")
    done = await committed(desk, plan)
    assert (done["committed"], done["code"]) == (False, "plan_outdated")
    assert [line["visit_id"] for line in done["overtaken"]] == [str(fixed)]


async def test_the_same_undo_at_once_is_done_once_and_answered_twice(desk: Office, owner: asyncpg.Connection) -> None:
    west = await job(desk)
    plan = await proposal(desk)
    key, again = uuid4(), uuid4()
    await desk.post(f"/plans/{plan['id']}/commit", {}, key=key)
    undo = (desk.post(f"/commands/{key}/undo", {}, key=again), desk.post(f"/commands/{key}/undo", {}, key=again))
    answers = [answer.json() for answer in await in_the_way(owner, desk, west, undo)]
    assert [answer.get("status") for answer in answers] == ["applied", "applied"], answers
    assert answers[1]["repeated"] is True
    assert await visits_of(desk, west) == []


async def test_a_proposal_that_another_release_kept_is_unknown(desk: Office, owner: asyncpg.Connection) -> None:
    west = await job(desk)
    plan = await proposal(desk)
    strange = zlib.compress(msgspec.msgpack.encode({"proposal": {}}))
    await owner.execute("update plan_proposal set body = $2, basis = $2 where id = $1", UUID(plan["id"]), strange)
    path = f"/plans/{plan['id']}"
    visit_id = next(step["visit_id"] for step in plan["steps"])
    for answer in (
        await desk.raw(path),
        await desk.raw(f"{path}/visits/{visit_id}"),
        await desk.post(f"{path}/commit", {}, key=uuid4()),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_plan")
    assert await visits_of(desk, west) == []
