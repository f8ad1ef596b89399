"""What happens to dispatchers in a day, told by the commands and reports that make it so; each plan is judged by the checker."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from api.settings import Settings
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import planning as p
from mobile_contract.schema.base import LocalText, Priority, Skill
from mobile_contract.schema.job import HoldReason, JobType, LockKind, VisitLock
from mobile_contract.schema.material import RequestLine
from mobile_contract.schema.people import Person, Role, Shift
from mobile_contract.schema.stock import LocationKind, StockLocation
from mobile_contract.schema.stock_commands import OpenStock, PricedStockLine
from tests.api.office import Clock, Office
from tests.api.planning import (
    BASES,
    HOUR,
    MIN,
    base,
    changes,
    committed,
    job,
    on_shift,
    planning_desk,
    proposal,
    sent,
    step_of,
    visits_of,
)
from tests.api.serving import Site, in_process
from tests.arrange import NOW, Assigned
from tests.jobs.telling import fact, tell

NOTHING_CHANGES: dict[str, str] = {}


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with in_process(settings, Clock()) as running:
        yield running


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await planning_desk(site, pool, seed)


def begin(step: dict[str, Any], side: str = "after") -> datetime:
    return datetime.fromisoformat(step[side]["begin_at"])


async def loaded(desk: Office, **said: Any) -> None:
    """Load another version of the survey."""
    kind = JobType(id=desk.org.new_id(), code="survey", version=2, name=LocalText(en="Survey"), **said)
    await desk.org.ok(d.LoadJobType(job_type=kind))


async def ruled(desk: Office, **said: Any) -> None:
    """Save rules of planning."""
    await desk.org.ok(p.SavePlanningRules(rules=p.PlanningRules(id=desk.org.id, **said)), by="max")


async def test_urgent_leak_now_moves_nothing_frozen_and_few_of_the_others(desk: Office) -> None:
    for n in range(8):
        side, crew = ("west", "alpha") if n % 2 else ("east", "beta")
        await sent(desk, await job(desk, side, north_deg=0.002 * n), crew, NOW + (n // 2 * 2 + 1) * HOUR)
    await sent(desk, await job(desk, "west"), "alpha", NOW + 30 * MIN)
    leak = await job(desk, "east", north_deg=0.01, priority=Priority.EMERGENCY)
    plan = await proposal(desk, "urgent", job_ids=[str(leak)])
    assert plan["standing"] == 9
    assert plan.get("disruption_share", 0.0) <= 0.15
    everybody = await desk.get(f"/plans/{plan['id']}")
    assert all(step["kind"] == "kept" for step in everybody["steps"] if step.get("frozen"))
    assert (await committed(desk, plan))["committed"] is True
    assert len(await visits_of(desk, leak)) == 1


async def test_what_runs_late_anyway_is_no_part_of_an_urgent_proposal(desk: Office) -> None:
    """Beta has two visits at one time: the second is late whatever happens, and that is a matter of its own."""
    doubled = [await job(desk, "east", north_deg=0.01 * n) for n in range(2)]
    for id in doubled:
        await sent(desk, id, "beta", NOW + 2 * HOUR)
    leak = await job(desk, "west", priority=Priority.EMERGENCY)
    urgent = await proposal(desk, "urgent", job_ids=[str(leak)])
    assert changes(urgent) == {str(leak): "added"}
    assert "disruption" not in urgent
    assert len(changes(await proposal(desk, "repair"))) == 1


async def test_technician_ill_the_others_take_over_what_they_can(desk: Office) -> None:
    jobs = [await job(desk, "east", north_deg=0.005 * n) for n in range(2)]
    for n, id in enumerate(jobs):
        await sent(desk, id, "beta", NOW + (2 + 2 * n) * HOUR)
    plan = await proposal(desk, "repair", absent_ids=[str(desk.org.people["bob"])])
    assert changes(plan) == {str(id): "reassigned" for id in jobs}
    assert {step_of(plan, id)["after"]["crew"] for id in jobs} == {"Alpha"}
    assert (await committed(desk, plan))["committed"] is True
    alone = await proposal(desk, "repair", absent_ids=[str(id) for id in desk.org.crews.values()])
    assert changes(alone) == {str(id): "removed" for id in jobs}
    assert {line["job_id"] for line in alone["unassigned"]} == {str(id) for id in jobs}
    assert (await committed(desk, alone))["committed"] is True
    assert [await visits_of(desk, id) for id in jobs] == [[], []]


async def test_visit_runs_long_and_the_next_customer_gets_somebody_else(desk: Office) -> None:
    long, promised = await job(desk, "east"), await job(desk, "east", north_deg=0.001)
    first = await sent(desk, long, "beta", NOW)
    next_one = await sent(desk, promised, "beta", NOW + 55 * MIN)
    span = VisitLock(kind=LockKind.TIME_RANGE, from_at=NOW + 50 * MIN, to_at=NOW + 65 * MIN)
    await desk.org.ok(
        p.LockVisit(job_id=promised, visit_id=next_one, plan_version=1, lock=span),
        d.PlanVisit(job_id=long, visit_id=first, planned_start_at=NOW, planned_end_at=NOW + 3 * HOUR),
        by="dan",
    )
    await tell(desk.org, fact(f.StartWork, Assigned(long, first)), by="bob")
    plan = await proposal(desk, "repair")
    assert changes(plan) == {str(promised): "reassigned"}
    assert step_of(plan, promised)["after"]["crew"] == "Alpha"


async def test_no_access_is_ready_again_and_finds_a_new_time(desk: Office) -> None:
    closed = await job(desk)
    visit = await sent(desk, closed, "alpha", NOW)
    await tell(desk.org, fact(f.ReportNoAccess, Assigned(closed, visit), reason="nobody home"))
    plan = await proposal(desk)
    assert changes(plan) == {str(closed): "added"}
    assert step_of(plan, closed)["visit_id"] != str(visit)


async def test_customer_moves_the_window_and_only_that_visit_changes(desk: Office) -> None:
    jobs = [await job(desk, north_deg=0.005 * n) for n in range(3)]
    visits = [await sent(desk, id, "alpha", NOW + (1 + 2 * n) * HOUR) for n, id in enumerate(jobs)]
    later: dict[str, Any] = {
        "planned_start_at": NOW + 6 * HOUR,
        "planned_end_at": NOW + 7 * HOUR,
        "crew_id": desk.org.crews["alpha"],
    }
    window = VisitLock(kind=LockKind.TIME_RANGE, from_at=NOW + 390 * MIN, to_at=NOW + 7 * HOUR)
    await desk.org.ok(
        d.ReassignVisit(job_id=jobs[1], visit_id=visits[1], plan_version=1, **later),
        p.LockVisit(job_id=jobs[1], visit_id=visits[1], plan_version=2, lock=None),
        by="dan",
    )
    refused, _ = await desk.org.send(
        p.LockVisit(job_id=jobs[1], visit_id=visits[1], plan_version=2, lock=window),
        p.LockVisit(job_id=jobs[2], visit_id=visits[2], plan_version=1, lock=VisitLock(kind=LockKind.BOTH)),
        by="dan",
    )
    assert refused.code == "lock_invalid"
    moved: dict[str, Any] = {**later, "planned_start_at": NOW + 390 * MIN, "planned_end_at": NOW + 450 * MIN}
    await desk.org.ok(
        d.ReassignVisit(job_id=jobs[1], visit_id=visits[1], plan_version=2, **moved),
        p.LockVisit(job_id=jobs[1], visit_id=visits[1], plan_version=3, lock=window),
        by="dan",
    )
    plan = await proposal(desk, "repair")
    assert changes(plan) == NOTHING_CHANGES


async def test_part_missing_goes_to_the_van_that_has_it(desk: Office) -> None:
    org = desk.org
    west = await job(desk)
    visit = await sent(desk, west, "alpha")
    wanted = f.RequestParts(
        job_id=west,
        visit_id=visit,
        request_id=org.new_id(),
        lines=(RequestLine(part_id=org.parts["clamp"], quantity=Decimal(1)),),
    )
    await tell(org, wanted)
    await org.ok(p.WithdrawVisit(job_id=west, visit_id=visit, plan_version=1), by="dan")
    without = await proposal(desk)
    (left,) = without["unassigned"]
    assert left["job_id"] == str(west)
    assert left["why"][0]["code"] == "parts"
    assert left["why"][0]["text"] == "The van does not hold the parts."
    other = Assigned(await job(desk, "east"), org.new_id())
    await sent_as(desk, other, "beta")
    await tell(
        org,
        f.ReceivePart(
            job_id=other.job_id,
            visit_id=other.visit_id,
            move_id=org.new_id(),
            part_id=org.parts["clamp"],
            quantity=Decimal(2),
        ),
        by="bob",
    )
    await tell(org, fact(f.CompleteVisit, other), by="bob")
    stocked = await proposal(desk)
    assert step_of(stocked, west)["after"]["crew"] == "Beta"


async def test_depot_closed_means_no_way_by_it_and_open_the_part_is_fetched_there(desk: Office) -> None:
    org = desk.org
    store = StockLocation(id=org.new_id(), code="depot", kind=LocationKind.STORE, name="Depot", site_id=org.site)
    part = PricedStockLine(part_id=org.parts["valve"], quantity=Decimal(5))
    await org.ok(
        d.SaveStockLocation(location=store),
        OpenStock(opening_id=org.new_id(), location_id=store.id, lines=(part,), as_of=NOW - HOUR),
        by=None,
    )
    west = await job(desk)
    visit = await sent(desk, west, "alpha")
    line = RequestLine(part_id=org.parts["valve"], quantity=Decimal(1))
    await tell(org, f.RequestParts(job_id=west, visit_id=visit, request_id=org.new_id(), lines=(line,)))
    await org.ok(p.WithdrawVisit(job_id=west, visit_id=visit, plan_version=1), by="dan")
    await ruled(desk, store_hours=(p.OpenHours(from_min=6 * 60, to_min=9 * 60),), breaks=())
    closed = await proposal(desk)
    assert {line["why"][0]["code"] for line in closed["unassigned"]} == {"parts"}
    await ruled(desk, store_hours=(p.OpenHours(from_min=11 * 60, to_min=17 * 60),), breaks=())
    plan = await proposal(desk)
    (fetched,) = [stop for stop in plan["stops"] if stop["kind"] == "store"]
    assert fetched["store_id"] == str(store.id)
    assert datetime.fromisoformat(fetched["begin_at"]) >= NOW + HOUR
    assert begin(step_of(plan, west)) >= datetime.fromisoformat(fetched["end_at"])


async def sent_as(desk: Office, job: Assigned, crew: str) -> None:
    await desk.org.ok(d.AssignVisit(job_id=job.job_id, visit_id=job.visit_id, crew_id=desk.org.crews[crew]), by="dan")


async def test_two_person_job_sends_two_crews_at_once(desk: Office) -> None:
    await loaded(desk, crews=2)
    both = await job(desk)
    plan = await proposal(desk)
    steps = [step for step in plan["steps"] if step["job_id"] == str(both)]
    assert {step["after"]["crew"] for step in steps} == {"Alpha", "Beta"}
    assert begin(steps[0]) == begin(steps[1])
    await committed(desk, plan)
    assert len(await visits_of(desk, both)) == 2


async def test_joint_visit_of_two_departments_takes_one_crew_of_each(desk: Office) -> None:
    await loaded(desk, crews=2, required_skills=(Skill(code="water"),), second_skills=(Skill(code="gas", level=2),))
    for name, code in (("amy", "water"), ("ali", "water"), ("bob", "gas")):
        await on_shift(desk, name, NOW - HOUR, NOW + 7 * HOUR, skills=(Skill(code=code, level=2),))
    joint = await job(desk)
    steps = [step for step in (await proposal(desk))["steps"] if step["job_id"] == str(joint)]
    assert [step["after"]["crew"] for step in steps] == ["Alpha", "Beta"]
    assert begin(steps[0]) == begin(steps[1])


async def test_wrong_owner_the_crew_waits_until_the_relief_begins(desk: Office) -> None:
    found, next_one = await job(desk), await job(desk, north_deg=0.002)
    visit = await sent(desk, found, "alpha", NOW - HOUR)
    await sent(desk, next_one, "alpha", NOW + 10 * MIN)
    await tell(desk.org, fact(f.ReportNotOurs, Assigned(found, visit), owner="gas works"))
    plan = await proposal(desk, "repair")
    relief = [s for s in plan["steps"] if s["job_id"] == str(found)]
    assert [(s["kind"], s["after"]["crew"]) for s in relief] == [("added", "Beta")]
    mine = step_of(plan, next_one)
    assert mine["kind"] in ("moved", "reassigned")
    assert mine["after"]["crew"] == "Beta" or begin(mine) >= begin(relief[0])
    assert (await committed(desk, plan))["committed"] is True
    assert {visit["crew_id"] for visit in await visits_of(desk, found)} == {str(id) for id in desk.org.crews.values()}


async def test_lunch_not_taken_by_half_past_one_is_taken_within_the_grace(desk: Office) -> None:
    await ruled(desk, breaks=(p.BreakRule(from_min=8 * 60, to_min=9 * 60 + 50, duration_min=30),))
    await job(desk)
    breaks = [s for s in (await proposal(desk))["stops"] if s["kind"] == "break"]
    lunch = {s["crew_id"]: datetime.fromisoformat(s["begin_at"]) for s in breaks}
    assert NOW <= lunch[str(desk.org.crews["alpha"])] <= NOW + 90 * MIN


async def test_lunch_that_was_reported_is_not_planned_again(desk: Office) -> None:
    await ruled(desk, breaks=(p.BreakRule(from_min=9 * 60, to_min=10 * 60 + 30, duration_min=30),))
    busy = Assigned(await job(desk), desk.org.new_id())
    await job(desk, north_deg=0.002)
    await sent_as(desk, busy, "alpha")
    await tell(desk.org, fact(f.StartWork, busy), at=NOW - HOUR)
    before = await proposal(desk)
    assert str(desk.org.crews["alpha"]) in {s["crew_id"] for s in before["stops"]}
    await tell(desk.org, fact(f.PauseWork, busy, reason="lunch"), at=NOW - 40 * MIN)
    after = await proposal(desk)
    assert str(desk.org.crews["alpha"]) not in {s["crew_id"] for s in after.get("stops", ())}


async def test_last_job_past_the_shift_is_not_planned_and_says_why(desk: Office) -> None:
    for name in BASES:
        shift = Shift(id=desk.org.new_id(), person_id=desk.org.people[name], from_at=NOW, to_at=NOW + 90 * MIN)
        await desk.org.ok(d.SaveShift(shift=shift))
    await only_short_shifts(desk)
    jobs = [await job(desk, north_deg=0.001 * n, priority=Priority.NORMAL) for n in range(4)]
    plan = await proposal(desk)
    assert len(plan["unassigned"]) == len(jobs) - 2
    assert {line["why"][0]["code"] for line in plan["unassigned"]} == {"shift"}


async def only_short_shifts(desk: Office) -> None:
    """End the long shifts of the desk, so that those that end soon are left."""
    rows = await desk.get("/shifts", limit=200)
    for row in rows["items"]:
        if datetime.fromisoformat(row["to_at"]) == NOW + 8 * HOUR:
            ended = Shift(
                id=row["id"],
                person_id=row["person_id"],
                from_at=datetime.fromisoformat(row["from_at"]),
                to_at=NOW - MIN,
            )
            await desk.org.ok(d.SaveShift(shift=ended))


async def test_certificate_expires_today_and_work_ends_before(desk: Office) -> None:
    await loaded(desk, required_skills=(Skill(code="gas", level=2),))
    expires = Skill(code="gas", level=2, expires_at=NOW + 100 * MIN)
    lon, lat = base("east")
    holder = Person(
        id=desk.org.people["bob"],
        code="bob",
        name="Bob",
        roles=(Role.TECHNICIAN,),
        lon_deg=lon,
        lat_deg=lat,
        skills=(expires,),
    )
    await desk.org.ok(d.SavePerson(person=holder))
    jobs = [await job(desk, "east", north_deg=0.001 * n) for n in range(2)]
    plan = await proposal(desk)
    (done,) = [step for step in plan["steps"] if step["kind"] == "added"]
    assert datetime.fromisoformat(done["after"]["end_at"]) <= NOW + 100 * MIN
    (left,) = plan["unassigned"]
    assert {done["job_id"], left["job_id"]} == {str(id) for id in jobs}
    assert {why["code"] for why in left["why"]} == {"skill_expired", "skill_missing"}


async def test_night_log_is_planned_for_after_nine_and_not_dispatched_before(desk: Office) -> None:
    """What was only logged at night is held until it is released; it has its place in the plan of the morning."""
    released = NOW + HOUR
    logged = await job(desk)
    await desk.org.ok(d.HoldJob(job_id=logged, reason=HoldReason.OTHER_PARTY, until=released), by="dan")
    plan = await proposal(desk)
    assert begin(step_of(plan, logged)) >= released
    assert (await committed(desk, plan))["committed"] is True
    (visit,) = await visits_of(desk, logged)
    assert visit["state"] == "scheduled"
    await job(desk, north_deg=0.001)
    again = await proposal(desk)
    assert str(logged) not in changes(again), "it keeps its place, held as it is"


async def test_arrival_limits_by_district_are_kept_and_what_cannot_be_kept_is_told(desk: Office) -> None:
    near = await job(desk, "west", job_type="repair", north_deg=0.001)
    far = [await job(desk, "east", job_type="repair", north_deg=0.001 * n) for n in range(3)]
    plan = await proposal(desk)
    late = {step["job_id"] for step in plan["steps"] if step.get("late")}
    assert str(near) not in late
    assert len(late & {str(id) for id in far}) >= 1
    assert plan["cost"]["late"] == len(late)
    assert all(begin(step_of(plan, id)) > NOW + 45 * MIN for id in far if str(id) in late)


async def test_campaign_over_days_is_planned_for_later_days_without_being_dispatched(desk: Office) -> None:
    org = desk.org
    for name in BASES:
        for day in (1, 2):
            at = NOW + timedelta(days=day)
            shift = Shift(id=org.new_id(), person_id=org.people[name], from_at=at, to_at=at + 4 * HOUR)
            await org.ok(d.SaveShift(shift=shift))
    await only_short_shifts_of_today(desk)
    homes = [await job(desk, north_deg=0.0005 * n) for n in range(10)]
    plan = await proposal(desk, horizon_days=3, limit_s=1)
    days = {begin(step_of(plan, id)).date() for id in homes if str(id) in changes(plan)}
    assert len(days) == 2
    done = await committed(desk, plan)
    assert {step["status"] for step in done["steps"]} == {"applied"}
    states = {visit["state"] for id in homes for visit in await visits_of(desk, id)}
    assert states == {"scheduled"}


async def test_a_shift_of_early_tomorrow_is_no_part_of_today(desk: Office) -> None:
    """It begins before the night shift of today has to end, and its crew keeps what it has."""
    org = desk.org
    await only_short_shifts_of_today(desk)
    at = NOW + 16 * HOUR
    for name in BASES:
        shift = Shift(id=org.new_id(), person_id=org.people[name], from_at=at, to_at=at + 8 * HOUR)
        await org.ok(d.SaveShift(shift=shift))
    early, waiting = await job(desk), await job(desk, "east")
    await sent(desk, early, "alpha", at + HOUR)
    today = await proposal(desk)
    assert changes(today) == NOTHING_CHANGES
    assert [line["job_id"] for line in today["unassigned"]] == [str(waiting)]
    tomorrow = await proposal(desk, horizon_days=2)
    assert changes(tomorrow) == {str(waiting): "added"}


async def only_short_shifts_of_today(desk: Office) -> None:
    """Send everybody home for today."""
    for row in (await desk.get("/shifts", limit=200))["items"]:
        from_at = datetime.fromisoformat(row["from_at"])
        if from_at < NOW:
            ended = Shift(id=row["id"], person_id=row["person_id"], from_at=from_at, to_at=NOW - MIN)
            await desk.org.ok(d.SaveShift(shift=ended))


async def test_ten_meters_in_one_building_are_set_up_for_once(desk: Office) -> None:
    await loaded(desk, duration_min=10, setup_min=30)
    meters = [await job(desk) for _ in range(10)]
    plan = await proposal(desk, crew_ids=[str(desk.org.crews["alpha"])])
    ends = [datetime.fromisoformat(step_of(plan, id)["after"]["end_at"]) for id in meters]
    begins = [begin(step_of(plan, id)) for id in meters]
    assert max(ends) - min(begins) <= 130 * MIN + 30 * MIN
    await committed(desk, plan)
    again = await proposal(desk, "repair")
    assert changes(again) == NOTHING_CHANGES, "each stays as long as it takes, set up or not"


async def test_storm_takes_in_what_is_ready_the_most_urgent_first(desk: Office) -> None:
    urgent = [await job(desk, north_deg=0.002 * n, priority=Priority.EMERGENCY) for n in range(3)]
    for n in range(25):
        await job(desk, "east" if n % 2 else "west", north_deg=0.001 * n)
    plan = await proposal(desk, "storm")
    left = {line["job_id"] for line in plan["unassigned"]}
    assert left
    assert not left & {str(id) for id in urgent}
    assert {changes(plan)[str(id)] for id in urgent} == {"added"}


async def test_dispatchers_locks_hold_in_a_plan(desk: Office) -> None:
    """Beta is far from a visit that is locked to it and to its time; nothing takes it away."""
    west = await job(desk)
    visit = await sent(desk, west, "beta", NOW + 2 * HOUR)
    await desk.org.ok(
        p.LockVisit(job_id=west, visit_id=visit, plan_version=1, lock=VisitLock(kind=LockKind.BOTH)), by="dan"
    )
    plan = await proposal(desk, absent_ids=[str(desk.org.crews["beta"])], kind="repair")
    assert changes(plan) == {str(west): "removed"}
    assert plan["unassigned"][0]["why"][0]["code"] == "locked_crew"
    await job(desk, "east", north_deg=0.01)
    kept = await proposal(desk)
    assert str(west) not in changes(kept)


async def test_only_crews_and_districts_that_are_asked_for_are_planned(desk: Office) -> None:
    west, east = await job(desk), await job(desk, "east")
    plan = await proposal(desk, district_id=str(desk.org.districts["east"]))
    assert set(changes(plan)) == {str(east)}
    beta = await proposal(desk, crew_ids=[str(desk.org.crews["beta"])])
    assert {step["after"]["crew"] for step in beta["steps"]} == {"Beta"}
    assert str(west) in changes(beta) or str(west) in {line["job_id"] for line in beta["unassigned"]}
