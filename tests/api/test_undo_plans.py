"""A committed plan is taken back whole, by the key of its commit; what the field has done since stays as it is."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from api import undoing
from api.settings import Settings
from mobile_contract.errors import ERRORS
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.people import Crew
from tests.api.office import Clock, Office
from tests.api.planning import HOUR, changes, job, planning_desk, proposal, sent, step_of, visits_of
from tests.api.serving import Site, in_process
from tests.arrange import NOW
from tests.sync.looking import rows


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with in_process(settings, Clock()) as running:
        yield running


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await planning_desk(site, pool, seed)


async def committed_under(desk: Office) -> UUID:
    """Commit a proposal for the day and give the key under which it was done."""
    key = uuid4()
    answer = await desk.post(f"/plans/{(await proposal(desk))['id']}/commit", {}, key=key)
    assert answer.json()["committed"], answer.text
    return key


async def states(desk: Office, *job_ids: UUID) -> list[list[str]]:
    return [[visit["state"] for visit in await visits_of(desk, job_id)] for job_id in job_ids]


async def test_a_committed_plan_is_taken_back_in_one_go(desk: Office) -> None:
    west, east = await job(desk), await job(desk, "east")
    key = await committed_under(desk)
    assert await states(desk, west, east) == [["dispatched"], ["dispatched"]]
    again = uuid4()
    done = (await desk.post(f"/commands/{key}/undo", {}, key=again)).json()
    assert [step["name"] for step in done["steps"]] == ["withdraw_visit", "withdraw_visit"]
    assert {step["job_id"] for step in done["steps"]} == {str(west), str(east)}
    assert "left" not in done
    assert await states(desk, west, east) == [[], []]
    repeated = (await desk.post(f"/commands/{key}/undo", {}, key=again)).json()
    assert (repeated["repeated"], len(repeated["steps"])) == (True, 2)


async def test_a_plan_is_not_taken_back_under_the_key_of_its_commit(desk: Office) -> None:
    west = await job(desk)
    key = await committed_under(desk)
    refused = await desk.post(f"/commands/{key}/undo", {}, key=key)
    assert (refused.status_code, refused.json()["code"]) == (409, "id_reused")
    assert await states(desk, west) == [["dispatched"]]


async def test_of_a_plan_stays_what_the_field_has_begun(desk: Office) -> None:
    west, east = await job(desk), await job(desk, "east")
    key = await committed_under(desk)
    (visit,) = await visits_of(desk, west)
    await desk.org.ok(f.StartTravel(job_id=west, visit_id=UUID(visit["id"])), by="amy")
    done = (await desk.post(f"/commands/{key}/undo", {}, key=uuid4())).json()
    (left,) = done["left"]
    assert (left["job_id"], left["code"], left["text"]) == (str(west), "undo_overtaken", ERRORS["undo_overtaken"].en)
    assert await states(desk, west, east) == [["en_route"], []]
    nothing = await desk.post(f"/commands/{key}/undo", {}, key=uuid4())
    assert (nothing.status_code, nothing.json()["code"]) == (409, "undo_overtaken")


async def test_what_cannot_be_led_back_stays_whole_and_is_told_and_all_else_is_taken_back(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The crew that had one of the visits is there no longer: that visit stays as the plan has it, not half taken back."""
    west, east = await job(desk), await job(desk, "east")
    await sent(desk, west, "alpha", NOW + HOUR)
    absent, key = [str(desk.org.crews["alpha"])], uuid4()
    plan = await proposal(desk, "repair", absent_ids=absent, job_ids=[str(east)])
    assert changes(plan) == {str(west): "reassigned", str(east): "added"}
    await desk.post(f"/plans/{plan['id']}/commit", {}, key=key)
    (crew,) = await rows(desk.org, "select id, code, name from crew where org_id = $1 and code = 'alpha'")
    await desk.org.ok(d.SaveCrew(crew=Crew(**crew, active=False)))
    before, again = await visits_of(desk, west), uuid4()
    with monkeypatch.context() as hurried:
        hurried.setattr(undoing, "ROUNDS_MAX", 1)
        refused = await desk.post(f"/commands/{key}/undo", {}, key=again)
    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (503, "busy", "2")
    assert (await visits_of(desk, west), await states(desk, east)) == (before, [["dispatched"]])
    answer = await desk.post(f"/commands/{key}/undo", {}, key=again)
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert [step["job_id"] for step in done["steps"]] == [str(east)]
    (left,) = done["left"]
    assert (left["job_id"], left["number"], left["code"]) == (
        str(west),
        step_of(plan, west)["number"],
        "unknown_reference",
    )
    assert (await visits_of(desk, west), await states(desk, east)) == (before, [[]])
    repeated = (await desk.post(f"/commands/{key}/undo", {}, key=again)).json()
    assert (repeated["repeated"], repeated["left"]) == (True, done["left"])
