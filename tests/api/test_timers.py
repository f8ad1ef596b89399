"""Work by the clock: one leader, everything due is done for every organisation, twice does no harm; and the gauges beside it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from api.database import connect_as_app
from api.services import Services
from api.settings import Settings
from api.sign_in import LOGIN_HERE
from api.store import throttle
from api.timers import LOCK, TIMERS, Timer, fire, organisations, timing
from mobile_contract.schema import decisions as d
from mobile_contract.schema.approval import ApproverRef, Delegation, Escalation
from mobile_contract.schema.approval_commands import SaveDelegation
from mobile_contract.schema.job import HoldReason
from mobile_contract.schema.people import Role
from sync.transaction import org_transaction
from tests.api.office import Clock, office
from tests.api.serving import Site, in_process
from tests.arrange import NOW, Org, organisation
from tests.jobs.approvals import asked, now_of, shipped
from tests.sync.phone import phone_of
from tests.waiting import until


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with in_process(settings, Clock()) as running:
        yield running


def timer(name: str) -> Timer:
    return next(each for each in TIMERS if each.name == name)


async def held(org: Org) -> int:
    async with org_transaction(org.pool, org.id) as conn:
        found: int = await conn.fetchval("select count(*) from sync_held where org_id = $1", org.id)
    return found


async def hold_something(org: Org) -> None:
    """Hand in a claim that follows a command nobody ever sends."""
    phone = await phone_of(org, "amy")
    phone.do(d.ClaimJob(job_id=await org.open_job(), visit_id=org.new_id()), after=(org.new_id(),))
    await phone.taken()


async def test_a_decision_held_for_five_days_is_refused_once(site: Site, pool: asyncpg.Pool, seed: int) -> None:
    org = await organisation(pool, seed)
    await hold_something(org)
    clock = site.services.clock
    assert isinstance(clock, Clock)
    await fire(site.services, timer("expire_held"))
    assert await held(org) == 1
    before = clock.at
    clock.forward(timedelta(days=5, seconds=1))
    try:
        first, second = await asyncio.gather(
            fire(site.services, timer("expire_held")), fire(site.services, timer("expire_held"))
        )
    finally:
        clock.at = before
    assert await held(org) == 0
    assert first + second >= 1
    async with org_transaction(pool, org.id) as conn:
        rows = await conn.fetch(
            "select status, code from sync_outcome where org_id = $1 and name = 'claim_job'", org.id
        )
    assert [tuple(row) for row in rows] == [("rejected", "dependency_expired")]


async def test_every_organisation_has_its_turn_and_one_that_fails_stops_none(
    site: Site, pool: asyncpg.Pool, seed: int
) -> None:
    orgs = [(await organisation(pool, seed + n)).id for n in range(2)]
    seen = []

    async def work(_: Services, org_id: object, __: object) -> int:
        seen.append(org_id)
        if org_id == orgs[0]:
            raise ValueError("a fault of one organisation")
        return 1

    done = await fire(site.services, Timer("test", 1, work))
    known = [org_id async for org_id in organisations(pool)]
    assert seen == known
    assert set(orgs) <= set(seen)
    assert done == len(seen) - 1


async def test_purging_drops_what_expired_long_ago_and_nothing_else(site: Site, pool: asyncpg.Pool, seed: int) -> None:
    desk = await office(site, pool, seed, "ada")
    made = await desk.post("/devices/enrolments", {"person_id": str(desk.org.people["amy"])}, by="ada")
    assert made.status_code == 201, made.text
    clock = site.services.clock
    assert isinstance(clock, Clock)

    async def codes() -> int:
        async with org_transaction(pool, desk.org.id) as conn:
            found: int = await conn.fetchval("select count(*) from enrolment where org_id = $1", desk.org.id)
        return found

    before = clock.at
    try:
        for days, left in ((20, 1), (20, 0)):
            clock.forward(timedelta(days=days))
            await fire(site.services, timer("purge"))
            assert await codes() == left
    finally:
        clock.at = before


async def test_rate_limits_of_the_past_are_purged_however_many_there_are(
    site: Site, pool: asyncpg.Pool, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "AT_ONCE", 10)
    org, now = await organisation(pool, seed), site.services.clock()
    async with org_transaction(pool, org.id) as conn:
        for n in range(35):
            await throttle.take(conn, org.id, LOGIN_HERE, LOGIN_HERE.key(str(n)), now=now - timedelta(hours=1))
        await throttle.take(conn, org.id, LOGIN_HERE, LOGIN_HERE.key("of now"), now=now)
    await timer("purge").work(site.services, org.id, now)
    async with org_transaction(pool, org.id) as conn:
        left = await conn.fetch("select key from throttle where org_id = $1", org.id)
    assert [row["key"] for row in left] == [LOGIN_HERE.key("of now")]


async def test_one_process_leads_and_another_takes_over(settings: Settings, site: Site) -> None:
    rival = await connect_as_app(settings)
    ask = "select count(*) from pg_locks where locktype = 'advisory' and classid = $1::bigint::oid and objid = $2::bigint::oid"
    async with timing(site.services):
        await until(lambda: rival.fetchval(ask, *LOCK))
        assert not await rival.fetchval("select pg_try_advisory_lock($1, $2)", *LOCK)
    # The leader has gone: its connection took the lock along.
    assert await until(lambda: rival.fetchval("select pg_try_advisory_lock($1, $2)", *LOCK))
    rival.terminate()


async def test_the_metrics_tell_what_waits_and_ask_the_database_at_most_every_15_seconds(
    site: Site, pool: asyncpg.Pool, seed: int
) -> None:
    org = await organisation(pool, seed)
    await hold_something(org)
    await org.open_job(now=NOW - timedelta(hours=2))
    gauges = site.services.metrics.gauges
    gauges._asked_at = -1e9
    page = (await site.client.get("/metrics")).text
    figures = dict(line.split(" ") for line in page.splitlines() if line.startswith("onsite_") and "{" not in line)
    assert float(figures["onsite_database_up"]) == 1
    assert float(figures["onsite_held_decisions"]) >= 1
    assert float(figures["onsite_arrivals_overdue"]) >= 1
    assert float(figures["onsite_transaction_span"]) >= 0
    asked_at = gauges._asked_at
    await site.client.get("/metrics")
    assert gauges._asked_at == asked_at


async def test_holds_that_end_and_rows_that_are_too_old_have_timers(site: Site, pool: asyncpg.Pool, seed: int) -> None:
    org = await organisation(pool, seed)
    job = await org.assigned_job()
    hold = d.HoldJob(job_id=job.job_id, reason=HoldReason.PARTS, until=site.services.clock() + timedelta(hours=1))
    await org.ok(hold, by="dan")
    async with org_transaction(pool, org.id) as conn:
        await conn.execute(
            "insert into sync_session (org_id, session_id, device_id, person_id, from_at, to_at, issued_at) values ($1, $2, $2, $2, $3, $3, $3)",
            *(org.id, org.new_id(), site.services.clock() - timedelta(days=500)),
        )
    clock = site.services.clock
    assert isinstance(clock, Clock)
    before = clock.at
    clock.forward(timedelta(hours=2))
    try:
        for name in ("release_holds", "retain"):
            await fire(site.services, timer(name))
    finally:
        clock.at = before
    async with org_transaction(pool, org.id) as conn:
        assert await conn.fetchval("select held_for from job where org_id = $1 and id = $2", org.id, job.job_id) is None
        assert await conn.fetchval("select count(*) from sync_session where org_id = $1", org.id) == 0


async def test_what_waits_too_long_and_what_is_delegated_is_followed_by_the_clock(
    site: Site, pool: asyncpg.Pool, seed: int
) -> None:
    org = await organisation(pool, seed)
    await shipped(org, escalation=Escalation(after_min=30, to=ApproverRef(role=Role.DEPUTY_GM)))
    approval = await asked(org, "60")
    lent = Delegation(
        id=org.new_id(),
        from_id=org.people["max"],
        to_id=org.people["dan"],
        from_at=NOW + timedelta(minutes=10),
        to_at=NOW + timedelta(days=1),
    )
    await org.ok(SaveDelegation(delegation=lent), by="max")
    clock, delegate = site.services.clock, f"me/{org.people['dan']}"
    assert isinstance(clock, Clock)
    before = clock.at
    try:
        for minutes, seen in (
            (0, ["role/manager"]),
            (10, [delegate, "role/manager"]),
            (30, [delegate, "role/deputy_gm", "role/manager"]),
        ):
            clock.at = NOW + timedelta(minutes=minutes)
            await fire(site.services, timer("escalate"))
            await fire(site.services, timer("follow_delegations"))
            assert (await now_of(org, approval)).inboxes == tuple(seen)
    finally:
        clock.at = before
