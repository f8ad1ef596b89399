"""Dispatch by location over REST: suggestions with reasons, taking one, the backlog as a proposal and for good."""

import asyncio
import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from jobs import dispatching
from mobile_contract.schema import decisions as d
from mobile_contract.schema.people import Crew, Person, Role, Shift
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW
from tests.waiting import until


@pytest.fixture
async def desk(still: Site, pool: asyncpg.Pool, seed: int) -> Office:
    """Two crews on shift: alpha based in the west, beta beyond the east, so that alpha is nearer to wherever in the west."""
    desk = await office(still, pool, seed, "dan", "max", "cal")
    org = desk.org
    for name in ("amy", "bob"):
        lon, lat = org.point("west" if name == "amy" else "east")
        lon += 0.0 if name == "amy" else 0.1
        person = Person(
            id=org.people[name], code=name, name=name.title(), roles=(Role.TECHNICIAN,), lon_deg=lon, lat_deg=lat
        )
        shift = Shift(
            id=org.new_id(),
            person_id=person.id,
            from_at=NOW - timedelta(hours=2),
            to_at=NOW + timedelta(hours=8),
        )
        await org.ok(d.SavePerson(person=person), d.SaveShift(shift=shift))
    return desk


async def visits(desk: Office, job_id: object) -> list[Any]:
    found: list[Any] = (await desk.get("/visits", job=str(job_id)))["items"]
    return found


async def test_suggestions_name_who_is_near_with_travel_and_reasons_in_the_callers_language(desk: Office) -> None:
    job_id = await desk.org.open_job("west")
    found = await desk.get(f"/jobs/{job_id}/suggestions")
    best = found["items"][0]
    assert best["person_id"] == str(desk.org.people["amy"])
    assert (best["person_name"], best["crew_name"]) == ("Amy", "Alpha")
    assert best["eligible"] is True
    assert best["travel_s"] > 0
    assert best["earliest_at"] <= best["expected_at"] <= best["latest_at"]
    assert "own_district" in [reason["code"] for reason in best["reasons"]]
    zh = await desk.get(f"/jobs/{job_id}/suggestions", headers={"Accept-Language": "zh"})
    texts = [reason["text"] for reason in zh["items"][0]["reasons"]]
    assert "工单在本区域内。" in texts


async def test_taking_the_best_suggestion_assigns_once_however_often_it_is_sent(desk: Office) -> None:
    job_id = await desk.org.open_job("west")
    key = uuid4()
    first = await desk.post(f"/jobs/{job_id}/take-suggestion", {}, key=key)
    assert first.status_code == 200, first.text
    again = await desk.post(f"/jobs/{job_id}/take-suggestion", {}, key=key)
    assert again.status_code == 200
    assert again.json()["repeated"] is True
    assert again.json()["detail"]["visit_id"] == first.json()["detail"]["visit_id"]
    (visit,) = await visits(desk, job_id)
    assert visit["crew_id"] == str(desk.org.crews["alpha"])
    other = await desk.post(f"/jobs/{job_id}/take-suggestion", {"crew_id": str(desk.org.crews["beta"])}, key=key)
    assert other.status_code == 409
    assert other.json()["code"] == "id_reused"


async def test_a_job_that_somebody_took_meanwhile_is_not_given_twice(desk: Office) -> None:
    job_id = await desk.org.open_job("west")
    await desk.org.assign(job_id, "beta")
    late = await desk.post(f"/jobs/{job_id}/take-suggestion", {}, key=uuid4())
    assert late.status_code == 409
    assert late.json()["code"] == "job_already_claimed"
    assert len(await visits(desk, job_id)) == 1


async def test_what_cannot_be_taken_is_refused(desk: Office) -> None:
    job_id = await desk.org.open_job("west")
    path = f"/jobs/{job_id}/take-suggestion"
    assert (await desk.post(path, {})).json()["code"] == "idempotency_key_missing"
    assert (await desk.post(path, {"person": "x"}, key=uuid4())).status_code == 422
    assert (await desk.post(f"/jobs/{uuid4()}/take-suggestion", {}, key=uuid4())).json()["code"] == "unknown_job"
    both = {"person_id": str(desk.org.people["amy"]), "crew_id": str(desk.org.crews["alpha"])}
    assert (await desk.post(path, both, key=uuid4())).json()["code"] == "nobody_named"
    nowhere = desk.org.new_id()
    await desk.org.ok(d.OpenJob(job_id=nowhere, job_type="repair"), by="dan")
    assert (await desk.post(f"/jobs/{nowhere}/take-suggestion", {}, key=uuid4())).json()["code"] == "nobody_suggested"
    # The call centre reads jobs, but plans nothing.
    assert (await desk.post(path, {}, by="cal", key=uuid4())).status_code == 403
    assert (await desk.raw(f"/jobs/{job_id}/suggestions", by="cal")).status_code == 403
    assert await visits(desk, job_id) == []


async def test_the_backlog_is_a_proposal_until_it_is_committed(desk: Office) -> None:
    west, east = await desk.org.open_job("west"), await desk.org.open_job("east")
    proposed = await desk.post("/dispatch/backlog", {})
    assert proposed.status_code == 200, proposed.text
    plan = {line["job_id"]: line for line in proposed.json()["assignments"]}
    assert set(plan) == {str(west), str(east)}
    # Which job is looked at first, and so who is still free, depends on ids that the seed draws.
    assert plan[str(west)]["assignee"] in ("Alpha", "Beta")
    assert "visit_id" not in plan[str(west)]
    assert await visits(desk, west) == []

    key = uuid4()
    done = (await desk.post("/dispatch/backlog", {"commit": True}, key=key)).json()
    assert done["committed"] is True
    assert {line["status"] for line in done["assignments"]} == {"applied"}
    assert len(await visits(desk, west)) == len(await visits(desk, east)) == 1
    # Sent again after another job came in: nothing new happens under this key.
    later = await desk.org.open_job("west")
    again = (await desk.post("/dispatch/backlog", {"commit": True}, key=key)).json()
    assert again["repeated"] is True
    assert {line["visit_id"] for line in again["assignments"]} == {line["visit_id"] for line in done["assignments"]}
    assert {line["assignee"] for line in again["assignments"]} == {line["assignee"] for line in done["assignments"]}
    assert await visits(desk, later) == []
    other = await desk.post("/dispatch/backlog", {"commit": True, "limit": 7}, key=key)
    assert other.json()["code"] == "id_reused"


async def test_a_job_nobody_can_take_comes_back_with_the_reasons(desk: Office) -> None:
    org = desk.org
    await org.ok(
        *(
            d.SaveCrew(crew=Crew(id=org.crews[code], code=code, name=code, district_ids=(org.districts["east"],)))
            for code in ("alpha", "beta")
        )
    )
    job_id = await org.open_job("west")
    only = str(org.districts["west"])
    # East borders on west, so its crews may go; without anybody on shift nobody can.
    for name in ("amy", "bob"):
        person = Person(id=org.people[name], code=name, name=name.title(), roles=(Role.TECHNICIAN,))
        await org.ok(d.SavePerson(person=person))
    plan = (await desk.post("/dispatch/backlog", {"district_id": only})).json()
    assert plan["assignments"] == [] if "assignments" in plan else True
    (left,) = plan["unassigned"]
    assert left["job_id"] == str(job_id)
    assert left["why"][0]["code"] == "no_position"
    assert left["why"][0]["candidates"] == 2


async def test_nobody_waits_for_the_plan_of_a_backlog(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made in a thread: the same process answers meanwhile, and no transaction is open."""
    await desk.org.open_job("west")
    planning, planned = threading.Event(), threading.Event()
    plan = dispatching.plan_backlog

    def slowly(*args: Any, **more: Any) -> Any:
        planning.set()
        assert planned.wait(30), "nobody said that the plan may end"
        return plan(*args, **more)

    monkeypatch.setattr(dispatching, "plan_backlog", slowly)
    proposing = asyncio.create_task(desk.post("/dispatch/backlog", {}))
    try:
        await until(planning.is_set)
        assert (await desk.get("/visits"))["items"] is not None
        async with desk.org.pool.acquire() as conn:
            held = await conn.fetchval(
                "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"
            )
        assert held == 0
    finally:
        planned.set()
    assert (await proposing).status_code == 200


async def test_only_planners_dispatch_the_backlog(desk: Office) -> None:
    assert (await desk.post("/dispatch/backlog", {}, by="cal")).status_code == 403
    assert (await desk.post("/dispatch/backlog", {"commit": True})).json()["code"] == "idempotency_key_missing"
    assert (await desk.post("/dispatch/backlog", {}, by="max")).status_code == 200
