"""Proposals over REST: made, shown, explained, committed against what they were made from."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from api.settings import Settings
from api.store.plans import UNCOMMITTED_MAX
from jobs.context import Actor, Via
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Priority
from mobile_contract.schema.job import HoldReason
from mobile_contract.schema.planning import WithdrawVisit
from sync.execute import run
from tests.api.office import Clock, Office, signed_in
from tests.api.planning import HOUR, MIN, changes, committed, job, planning_desk, proposal, sent, step_of, visits_of
from tests.api.serving import Site, in_process
from tests.arrange import NOW, ask_of
from tests.sync.ageing import removed


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with in_process(settings, Clock()) as running:
        yield running


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await planning_desk(site, pool, seed)


async def test_a_day_is_a_proposal_that_changes_nothing_until_it_is_committed(desk: Office) -> None:
    west, east = await job(desk), await job(desk, "east")
    plan = await proposal(desk)
    assert changes(plan) == {str(west): "added", str(east): "added"}
    assert await visits_of(desk, west) == []
    assert plan["sources"] == ["great_circle"]
    assert "vroom" in plan["planner"]
    assert plan["cost"]["crews_used"] == 2
    after = step_of(plan, west)["after"]
    assert (after["crew"], after["crew_id"]) == ("Alpha", str(desk.org.crews["alpha"]))
    assert after["earliest_at"] <= after["begin_at"] <= after["latest_at"]
    assert after["source"] == "great_circle"
    assert step_of(plan, west)["reasons"][0]["text"] == "Newly assigned."
    done = await committed(desk, plan)
    assert done["committed"] is True
    assert {step["status"] for step in done["steps"]} == {"applied"}
    (visit,) = await visits_of(desk, west)
    assert visit["id"] == step_of(plan, west)["visit_id"]
    assert (visit["crew_id"], visit["state"]) == (after["crew_id"], "dispatched")
    assert datetime.fromisoformat(visit["planned_start_at"]) == datetime.fromisoformat(after["begin_at"])


async def test_a_proposal_is_shown_again_in_either_language_and_says_when_it_was_committed(desk: Office) -> None:
    west = await job(desk)
    plan = await proposal(desk)
    again = await desk.get(f"/plans/{plan['id']}")
    assert again == plan
    zh = await desk.get(f"/plans/{plan['id']}", headers={"Accept-Language": "zh"})
    assert step_of(zh, west)["reasons"][0]["text"] == "新安排。"
    await committed(desk, plan)
    assert (await desk.get(f"/plans/{plan['id']}"))["committed_at"]


async def test_a_commit_sent_again_does_nothing_new_and_another_one_is_refused(desk: Office) -> None:
    west = await job(desk)
    plan, key = await proposal(desk), uuid4()
    path = f"/plans/{plan['id']}/commit"
    first = (await desk.post(path, {}, key=key)).json()
    again = (await desk.post(path, {}, key=key)).json()
    assert again.pop("repeated") is True
    assert again == first
    assert len(await visits_of(desk, west)) == 1
    assert (await desk.post(path, {}, key=uuid4())).json()["code"] == "plan_committed"
    other = await desk.post(path, {"visit_ids": [step_of(plan, west)["visit_id"]]}, key=key)
    assert other.json()["code"] == "id_reused"


async def test_a_key_that_was_used_for_something_else_commits_nothing(desk: Office) -> None:
    west, key = await job(desk), uuid4()
    used = ask_of(
        d.HoldJob(job_id=west, reason=HoldReason.WEATHER), Actor(org_id=desk.org.id, via=Via.OPERATOR), id=key, now=NOW
    )
    (held,) = await run(desk.org.pool, desk.org.id, [used], now=NOW)
    assert held.took_effect
    await desk.org.ok(d.ReleaseJob(job_id=west), by="dan")
    plan = await proposal(desk)
    assert (await desk.post(f"/plans/{plan['id']}/commit", {}, key=key)).json()["code"] == "id_reused"
    assert await visits_of(desk, west) == []


async def test_only_the_visits_named_are_committed(desk: Office) -> None:
    west, east = await job(desk), await job(desk, "east")
    plan = await proposal(desk)
    done = await committed(desk, plan, visit_ids=[step_of(plan, west)["visit_id"]])
    assert [step["job_id"] for step in done["steps"]] == [str(west)]
    assert await visits_of(desk, east) == []
    unknown = await desk.post(
        f"/plans/{(await proposal(desk))['id']}/commit", {"visit_ids": [str(uuid4())]}, key=uuid4()
    )
    assert unknown.json()["code"] == "unknown_visit"


async def test_who_may_not_assign_may_not_plan_and_what_is_unknown_is_refused(desk: Office) -> None:
    west = await job(desk)
    plan = await proposal(desk)
    assert (await desk.post("/plans", {"kind": "day"}, by="cal")).status_code == 403
    assert (await desk.raw(f"/plans/{plan['id']}", by="cal")).status_code == 403
    assert (await desk.post(f"/plans/{plan['id']}/commit", {}, by="cal", key=uuid4())).status_code == 403
    assert (await desk.post(f"/plans/{plan['id']}/commit", {})).json()["code"] == "idempotency_key_missing"
    assert (await desk.raw(f"/plans/{uuid4()}")).json()["code"] == "unknown_plan"
    assert (await desk.post(f"/plans/{uuid4()}/commit", {}, key=uuid4())).json()["code"] == "unknown_plan"
    assert (await desk.post("/plans", {"kind": "urgent"})).json()["code"] == "invalid"
    assert (await desk.post("/plans", {"kind": "urgent", "job_ids": [str(uuid4())]})).json()["code"] == "unknown_job"
    await sent(desk, west, "alpha")
    assert (await desk.post("/plans", {"kind": "urgent", "job_ids": [str(west)]})).json()["code"] == "job_not_open"
    assert (await desk.post("/plans", {"kind": "someday"})).status_code == 422


async def test_a_proposal_expires_and_is_then_gone(pool: asyncpg.Pool, settings: Settings, seed: int) -> None:
    clock = Clock()
    async with in_process(settings, clock) as site:
        desk = await planning_desk(site, pool, seed)
        await job(desk)
        plan = await proposal(desk)
        clock.forward(2 * HOUR)
        desk.headers["dan"] = await signed_in(site, desk.org, "dan")
        assert (await desk.raw(f"/plans/{plan['id']}")).json()["code"] == "unknown_plan"
        assert (await desk.post(f"/plans/{plan['id']}/commit", {}, key=uuid4())).json()["code"] == "unknown_plan"


async def test_what_came_near_or_passed_while_a_proposal_waited_is_left_out(
    pool: asyncpg.Pool, settings: Settings, seed: int
) -> None:
    clock = Clock()
    async with in_process(settings, clock) as site:
        desk = await planning_desk(site, pool, seed)
        near, far, new = [await job(desk, "east", north_deg=0.002 * n) for n in range(3)]
        await sent(desk, near, "beta", NOW + HOUR)
        await sent(desk, far, "beta", NOW + 3 * HOUR)
        plan = await proposal(desk, "repair", absent_ids=[str(desk.org.crews["beta"])], job_ids=[str(new)])
        assert changes(plan) == {str(near): "reassigned", str(far): "reassigned", str(new): "added"}
        clock.forward(70 * MIN)
        desk.headers["dan"] = await signed_in(site, desk.org, "dan")
        done = await committed(desk, plan)
        told = {line["job_id"]: line["code"] for line in done["overtaken"]}
        assert told[str(near)] == "visit_frozen"
        assert set(told.values()) <= {"visit_frozen", "time_passed"}
        assert str(far) in {step["job_id"] for step in done["steps"]}


async def test_another_organisation_sees_no_proposal(desk: Office, site: Site, pool: asyncpg.Pool, seed: int) -> None:
    plan = await proposal(desk)
    other = await planning_desk(site, pool, seed + 1)
    assert (await other.raw(f"/plans/{plan['id']}")).json()["code"] == "unknown_plan"
    assert (await other.post(f"/plans/{plan['id']}/commit", {}, key=uuid4())).json()["code"] == "unknown_plan"


async def test_a_visit_is_explained_with_everybody_who_could_have_had_it(desk: Office) -> None:
    west = await job(desk)
    plan = await proposal(desk)
    found = await desk.get(f"/plans/{plan['id']}/visits/{step_of(plan, west)['visit_id']}")
    assert found["crew"] == "Alpha"
    assert found["job_id"] == str(west)
    (other,) = found["others"]
    assert other["crew"] == "Beta"
    assert other["reasons"][0]["code"] == "has_would_cost_more"
    zh = await desk.get(
        f"/plans/{plan['id']}/visits/{step_of(plan, west)['visit_id']}", headers={"Accept-Language": "zh"}
    )
    assert zh["others"][0]["reasons"][0]["text"] == "可以承担，但绕行更多。"
    assert (await desk.raw(f"/plans/{plan['id']}/visits/{uuid4()}")).json()["code"] == "unknown_visit"


async def test_a_committed_proposal_keeps_nothing_to_explain_it_by(desk: Office, owner: asyncpg.Connection) -> None:
    plan = await proposal(desk, job_ids=[str(await job(desk))])
    await committed(desk, plan)
    path = f"/plans/{plan['id']}/visits/{plan['steps'][0]['visit_id']}"
    assert (await desk.raw(path)).json()["code"] == "plan_committed"
    assert await owner.fetchval("select basis is null from plan_proposal where id = $1", UUID(plan["id"]))


async def test_of_proposals_that_nobody_commits_the_oldest_goes_for_the_newest(
    desk: Office, owner: asyncpg.Connection
) -> None:
    done, first, second = [await proposal(desk, job_ids=[str(await job(desk))]) for _ in range(3)]
    await committed(desk, done)
    await owner.execute(
        """insert into plan_proposal (org_id, id, kind, made_at, expires_at, body)
        select org_id, gen_random_uuid(), kind, made_at + interval '1 minute', expires_at, body
        from plan_proposal cross join generate_series(1, $2) where id = $1""",
        UUID(second["id"]),
        UNCOMMITTED_MAX - 2,
    )
    await proposal(desk, job_ids=[str(await job(desk))])
    codes = [(await desk.raw(f"/plans/{plan['id']}")).status_code for plan in (done, first, second)]
    assert codes == [200, 404, 200]


async def test_an_expired_proposal_goes_and_a_committed_one_after_a_month(desk: Office) -> None:
    plan = await proposal(desk, job_ids=[str(await job(desk))])
    await committed(desk, plan)
    await proposal(desk, job_ids=[str(await job(desk))])
    gone = [await removed(desk.org.pool, desk.org.id, NOW + age) for age in (HOUR, 3 * HOUR, 31 * 24 * HOUR)]
    assert [swept["proposals"] for swept in gone] == [0, 1, 0]
    assert [swept["committed proposals"] for swept in gone] == [0, 0, 1]


async def test_two_dispatchers_commit_at_once_and_the_second_is_told_what_was_overtaken(desk: Office) -> None:
    jobs = [await job(desk, north_deg=0.01 * n) for n in range(3)]
    first, second = await proposal(desk), await proposal(desk)
    won, lost = await asyncio.gather(committed(desk, first), committed(desk, second, by="max"))
    if not won["committed"]:
        won, lost = lost, won
    assert won["committed"] is True
    assert (lost["committed"], lost["code"]) == (False, "plan_outdated")
    assert {line["job_id"] for line in lost["overtaken"]} == {str(id) for id in jobs}
    assert {line["code"] for line in lost["overtaken"]} == {"plan_changed"}
    for id in jobs:
        assert len(await visits_of(desk, id)) == 1


async def test_a_plan_for_a_crew_that_was_given_other_work_meanwhile_is_outdated(desk: Office) -> None:
    west = await job(desk)
    plan = await proposal(desk)
    other = await job(desk, "east", north_deg=0.02)
    await sent(desk, other, "alpha", NOW + HOUR)
    done = await committed(desk, plan)
    assert (done["committed"], done["code"]) == (False, "plan_outdated")
    assert done["overtaken"][0]["text"] == "The plan has changed since; look at the new one."
    assert await visits_of(desk, west) == []


async def test_work_of_other_crews_meanwhile_does_not_touch_a_plan(desk: Office) -> None:
    await job(desk)
    plan = await proposal(desk)
    await sent(desk, await job(desk, "east"), "beta", NOW + HOUR)
    assert (await committed(desk, plan))["committed"] is True


async def test_a_visit_left_under_way_on_a_closed_job_keeps_its_crew_from_nothing(desk: Office) -> None:
    over = await job(desk, "east")
    left, done_by = await sent(desk, over, "alpha"), await sent(desk, over, "beta")
    await desk.org.ok(WithdrawVisit(job_id=over, visit_id=left, plan_version=1, reason="one is enough"), by="dan")
    await desk.org.ok(f.CompleteVisit(job_id=over, visit_id=done_by, result="done"), by="bob")
    await desk.org.ok(d.CloseJob(job_id=over, reason="done"), by="dan")
    await desk.org.ok(f.StartTravel(job_id=over, visit_id=left), by="amy")
    assert {visit["state"] for visit in await visits_of(desk, over)} == {"en_route", "completed"}
    await job(desk)
    done = await committed(desk, await proposal(desk))
    assert (done["committed"], "overtaken" in done) == (True, False)


async def test_an_acceptance_wins_over_a_plan_that_takes_the_visit_away(desk: Office) -> None:
    """Alpha falls ill for the plan, but one of its visits is accepted before the plan is committed."""
    west, more = await job(desk), await job(desk, north_deg=0.01)
    accepted, given = await sent(desk, west, "alpha", NOW + HOUR), await sent(desk, more, "alpha", NOW + 3 * HOUR)
    plan = await proposal(desk, "repair", absent_ids=[str(desk.org.crews["alpha"])])
    assert changes(plan) == {str(west): "reassigned", str(more): "reassigned"}
    await desk.org.ok(d.AcceptVisit(job_id=west, visit_id=accepted, plan_version=1), by="amy")
    done = await committed(desk, plan)
    assert done["committed"] is True
    assert [(line["visit_id"], line["code"]) for line in done["overtaken"]] == [(str(accepted), "visit_accepted")]
    assert [step["visit_id"] for step in done["steps"]] == [str(given)]
    (kept,) = await visits_of(desk, west)
    assert (kept["crew_id"], kept["state"]) == (str(desk.org.crews["alpha"]), "accepted")


async def test_field_facts_win_and_what_depends_on_them_is_left_out(desk: Office) -> None:
    """A crew offline comes back with another order: it is on its way to the visit that the plan gives to somebody else."""
    west = await job(desk)
    visit = await sent(desk, west, "alpha", NOW + HOUR)
    plan = await proposal(desk, "repair", absent_ids=[str(desk.org.crews["alpha"])])
    await desk.org.ok(f.StartTravel(job_id=west, visit_id=visit), by="amy", now=NOW + MIN)
    done = await committed(desk, plan)
    assert (done["committed"], done["code"]) == (False, "plan_outdated")
    assert [(line["code"], line["now"]["crew"]) for line in done["overtaken"]] == [("visit_under_way", "Alpha")]
    (going,) = await visits_of(desk, west)
    assert (going["crew_id"], going["state"]) == (str(desk.org.crews["alpha"]), "en_route")


async def test_a_job_that_was_cancelled_meanwhile_is_left_out(desk: Office) -> None:
    gone, stays = await job(desk), await job(desk, "east")
    plan = await proposal(desk)
    await desk.org.ok(d.CancelJob(job_id=gone, reason="mended by the owner"), by="dan")
    done = await committed(desk, plan)
    assert [line["code"] for line in done["overtaken"]] == ["job_state"]
    assert [step["job_id"] for step in done["steps"]] == [str(stays)]


async def test_an_urgent_job_shows_the_days_it_changes_before_and_after(desk: Office) -> None:
    jobs = [await job(desk, north_deg=0.01 * n) for n in range(3)]
    await committed(desk, await proposal(desk))
    leak = await job(desk, north_deg=0.005, priority=Priority.EMERGENCY)
    plan = await proposal(desk, "urgent", job_ids=[str(leak)])
    assert changes(plan)[str(leak)] == "added"
    assert plan["standing"] == 3
    crew = step_of(plan, leak)["after"]["crew_id"]
    told = {step["job_id"] for step in plan["steps"] if (step.get("after") or {}).get("crew_id") == crew}
    standing = {str(id) for id in jobs if any(v["crew_id"] == crew for v in await visits_of(desk, id))}
    assert told == standing | {str(leak)}
    assert all(step["before"] and step["after"] for step in plan["steps"] if step["job_id"] != str(leak))
    assert plan["cost_now"]["travel_s"] <= plan["cost"]["travel_s"]
    frozen = [step for step in plan["steps"] if step.get("frozen")]
    assert all(step["kind"] == "kept" for step in frozen)


async def test_the_solvers_process_starts_with_the_first_plan_and_ends_with_the_application(
    pool: asyncpg.Pool, settings: Settings, seed: int
) -> None:
    async with in_process(settings, Clock()) as site:
        desk = await planning_desk(site, pool, seed)
        before = site.services.planning.solver_pid
        assert before is None
        await job(desk)
        await proposal(desk)
        pid = site.services.planning.solver_pid
        assert pid is not None
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
