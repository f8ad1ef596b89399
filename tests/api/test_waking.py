"""Waking phones: where a device is reached, waking one by hand, and by itself for what is urgent and unseen. A real push service on loopback opens each push."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import msgspec
import pytest

from api.enrolment import revoke_devices
from api.metrics import Metrics
from api.settings import Settings
from api.timers import TIMERS, fire
from api.waking.hosts import Hosts
from api.waking.keys import make_push_key, public_key_of
from api.waking.waker import Waker
from api.waking.web_push import WebPush
from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Priority
from mobile_contract.schema.storm import DeclareStorm
from mobile_contract.schema.waking import LOOK, WakeResult
from mobile_contract.version import CONTRACT
from sync.execute import run
from tests.api.office import Clock, Office, office
from tests.api.serving import Site, in_process
from tests.arrange import NOW, Enrolled, ask_of
from tests.pushing import Browser, PushService, push_service
from tests.waiting import until

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
KEY = make_push_key()


@pytest.fixture(scope="module")
async def pushing() -> AsyncIterator[PushService]:
    async with push_service() as service:
        yield service


@pytest.fixture(scope="module")
async def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
async def site(settings: Settings, pushing: PushService, clock: Clock) -> AsyncIterator[Site]:
    own = msgspec.structs.replace(
        settings, push_key=KEY, push_hosts=pushing.origin, push_contact="mailto:it@water.test"
    )
    async with in_process(own, clock) as running:
        yield running


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int, clock: Clock) -> Office:
    clock.at = NOW
    return await office(site, pool, seed, "dan", "wes")


async def say(site: Site, phone: Enrolled, body: Any) -> httpx.Response:
    """Tell the server something about waking, as a phone does."""
    headers = {"Authorization": f"Bearer {phone.token.text}", "Onsite-Contract": CONTRACT}
    return await site.client.post("/sync/v1/waking", json=body, headers=headers)


async def sleeper(
    desk: Office, pushing: PushService, person: str | None = "amy", crew: str | None = None
) -> tuple[Enrolled, Browser]:
    """Enrol a phone that can be woken."""
    phone = await desk.org.device(None if crew else person, crew=crew, now=NOW - timedelta(hours=1))
    browser = pushing.subscribe()
    answer = await say(desk.site, phone, {"address": browser.address})
    assert answer.status_code == 200, answer.text
    return phone, browser


async def sent(desk: Office, priority: Priority = Priority.URGENT, crew: str = "alpha", **more: Any) -> UUID:
    """Send a crew to a job; gives the visit."""
    job_id, visit_id = desk.org.new_id(), desk.org.new_id()
    lon, lat = desk.org.point("east")
    opened = d.OpenJob(job_id=job_id, job_type="repair", lon_deg=lon, lat_deg=lat, priority=priority, reported_at=NOW)
    who = more or {"crew_id": desk.org.crews[crew]}
    now = desk.site.services.clock()
    await desk.org.ok(opened, d.AssignVisit(job_id=job_id, visit_id=visit_id, **who), by="dan", now=now)
    return visit_id


async def stored(owner: asyncpg.Connection, phone: Enrolled) -> bool:
    found: bool = await owner.fetchval("select exists (select from device_waking where device_id = $1)", phone.id)
    return found


async def test_a_phone_learns_the_key_says_where_it_is_reached_and_takes_it_back(
    desk: Office, pushing: PushService
) -> None:
    phone, browser = await desk.org.device("amy"), pushing.subscribe()
    ways = [{"provider": "web_push", "key": public_key_of(KEY)}]
    assert (await say(desk.site, phone, {})).json() == {"ways": ways, "since": None, "provider": None}
    said = (await say(desk.site, phone, {"address": browser.address})).json()
    assert (said["provider"], said["since"]) == ("web_push", "2026-03-02T02:00:00Z")
    assert (await say(desk.site, phone, {})).json() == said
    assert (await say(desk.site, phone, {"address": None})).json()["since"] is None
    assert (await desk.post(f"/devices/{phone.id}/wake", {})).json()["result"] == "not_reachable"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://127.0.0.1/push/1",
        "http://fcm.googleapis.com/push/1",
        "https://push.example.com/1",
        "https://user:word@fcm.googleapis.com/1",
        "https://localhost/1",
        "ftp://127.0.0.1/1",
    ],
)
async def test_an_address_that_could_lead_inside_is_refused_and_not_kept(
    desk: Office, owner: asyncpg.Connection, pushing: PushService, endpoint: str
) -> None:
    phone = await desk.org.device("amy")
    answer = await say(desk.site, phone, {"address": {**pushing.subscribe().address, "endpoint": endpoint}})
    assert (answer.status_code, answer.json()["code"]) == (422, "push_address_invalid")
    assert not await stored(owner, phone)


async def test_keys_that_nothing_can_be_sealed_for_are_refused(desk: Office, pushing: PushService) -> None:
    phone, good = await desk.org.device("amy"), pushing.subscribe().address
    for wrong in ({"p256dh": "B" * 87}, {"auth": "A" * 24}):
        answer = await say(desk.site, phone, {"address": {**good, **wrong}})
        assert (answer.status_code, answer.json()["code"]) == (422, "push_address_invalid"), wrong


async def test_a_push_says_look_and_nothing_else_and_proves_who_sent_it(desk: Office, pushing: PushService) -> None:
    phone, browser = await sleeper(desk, pushing)
    answer = await desk.post(f"/devices/{phone.id}/wake", {})
    assert answer.json() == {
        "device_id": str(phone.id),
        "result": "sent",
        "code": "wake_sent",
        "text": "The phone was sent a push; it will look as soon as it can.",
        "last_at": "2026-03-02T02:00:00Z",
    }
    (push,) = browser.pushes
    assert push.said == LOOK
    assert (push.headers["ttl"], push.headers["urgency"], push.headers["topic"]) == ("3600", "high", "look")
    assert push.key == public_key_of(KEY)
    assert (push.claims["aud"], push.claims["sub"]) == (pushing.origin, "mailto:it@water.test")
    assert NOW.timestamp() < push.claims["exp"] <= (NOW + timedelta(hours=24)).timestamp()


async def test_a_phone_is_not_woken_twice_within_half_a_minute(
    desk: Office, pushing: PushService, clock: Clock
) -> None:
    phone, browser = await sleeper(desk, pushing)
    results = [(await desk.post(f"/devices/{phone.id}/wake", {})).json()["result"] for _ in range(2)]
    clock.forward(31 * SECOND)
    results.append((await desk.post(f"/devices/{phone.id}/wake", {})).json()["result"])
    assert (results, len(browser.pushes)) == (["sent", "too_soon", "sent"], 2)


@pytest.mark.parametrize(
    ("status", "result", "kept"),
    [
        (201, "sent", True),
        (404, "gone", False),
        (410, "gone", False),
        (400, "refused", True),
        (403, "refused", True),
        (302, "refused", True),
        (429, "failed", True),
        (500, "failed", True),
    ],
)
async def test_what_the_push_service_says_is_told_and_only_a_dead_address_is_forgotten(
    desk: Office, pushing: PushService, owner: asyncpg.Connection, status: int, result: str, kept: bool
) -> None:
    phone, browser = await sleeper(desk, pushing)
    browser.status = status
    answer = (await desk.post(f"/devices/{phone.id}/wake", {})).json()
    assert (answer["result"], answer["code"]) == (result, f"wake_{result}")
    assert await stored(owner, phone) is kept


async def test_planners_wake_phones_of_their_own_organisation(
    desk: Office, pushing: PushService, pool: asyncpg.Pool
) -> None:
    phone, browser = await sleeper(desk, pushing)
    assert (await desk.post(f"/devices/{phone.id}/wake", {}, by="wes")).status_code == 403
    assert (await desk.post(f"/devices/{uuid4()}/wake", {})).json()["code"] == "unknown_device"
    stranger = await office(desk.site, pool, 7, "dan")
    assert (await stranger.post(f"/devices/{phone.id}/wake", {})).json()["code"] == "unknown_device"
    assert browser.pushes == []


async def test_without_a_key_waking_is_off_and_says_so(settings: Settings, pool: asyncpg.Pool, seed: int) -> None:
    async with in_process(msgspec.structs.replace(settings, push_key=""), Clock()) as site:
        desk = await office(site, pool, seed, "dan")
        phone = await desk.org.device("amy")
        assert (await say(site, phone, {})).json() == {"ways": [], "since": None, "provider": None}
        assert (await desk.post(f"/devices/{phone.id}/wake", {})).json()["result"] == "off"
        assert await site.services.waker.wake_due(desk.org.id) == 0


async def test_a_phone_asleep_is_woken_for_an_urgent_visit_three_times_and_then_left_to_people(
    desk: Office, pushing: PushService, clock: Clock
) -> None:
    _, browser = await sleeper(desk, pushing)
    waker = desk.site.services.waker
    await sent(desk)
    woken = []
    # Asked every five seconds for twenty minutes; each push is told by the second in which it came.
    for second in range(0, 20 * 60, 5):
        clock.at = NOW + second * SECOND
        if await waker.wake_due(desk.org.id):
            woken.append(second)
    assert woken == [15, 135, 615]
    assert len(browser.pushes) == 3


async def test_another_urgent_visit_wakes_anew(desk: Office, pushing: PushService, clock: Clock) -> None:
    _, browser = await sleeper(desk, pushing)
    waker = desk.site.services.waker
    await sent(desk)
    clock.forward(20 * SECOND)
    assert await waker.wake_due(desk.org.id) == 1
    await sent(desk)
    clock.forward(20 * SECOND)
    assert await waker.wake_due(desk.org.id) == 0
    clock.forward(15 * SECOND)
    assert await waker.wake_due(desk.org.id) == 1
    assert len(browser.pushes) == 2


async def test_a_phone_that_has_looked_since_is_left_alone(desk: Office, pushing: PushService, clock: Clock) -> None:
    phone, browser = await sleeper(desk, pushing)
    await sent(desk)
    clock.forward(5 * SECOND)
    headers = {"Authorization": f"Bearer {phone.token.text}", "Onsite-Contract": CONTRACT}
    pulled = await desk.site.client.post("/sync/v1/pull", json={}, headers=headers)
    assert pulled.status_code == 200, pulled.text
    await desk.site.services.telemetry.flush(desk.site.services.pool)
    clock.forward(MINUTE)
    assert await desk.site.services.waker.wake_due(desk.org.id) == 0
    assert browser.pushes == []


@pytest.mark.parametrize(
    ("priority", "calm", "storm"), [("emergency", 1, 1), ("urgent", 1, 1), ("normal", 0, 1), ("low", 0, 0)]
)
async def test_which_priority_wakes_follows_the_level_of_the_storm(
    desk: Office, pushing: PushService, clock: Clock, priority: str, calm: int, storm: int
) -> None:
    await sleeper(desk, pushing)
    waker = desk.site.services.waker
    await sent(desk, Priority(priority))
    clock.forward(20 * SECOND)
    assert await waker.wake_due(desk.org.id) == calm
    east = (desk.org.districts["east"],)
    await desk.org.ok(DeclareStorm(storm_id=desk.org.new_id(), level=2, district_ids=east), by="dan")
    clock.forward(3 * MINUTE)
    assert await waker.wake_due(desk.org.id) == storm


async def test_whose_phone_it_is_the_crews_a_members_or_the_persons_and_nobody_elses(
    desk: Office, pushing: PushService, clock: Clock
) -> None:
    phones = {name: (await sleeper(desk, pushing, person=name))[1] for name in ("amy", "ali", "bob")}
    phones["van of alpha"] = (await sleeper(desk, pushing, crew="alpha"))[1]

    async def woken() -> set[str]:
        clock.forward(20 * SECOND)
        await desk.site.services.waker.wake_due(desk.org.id)
        told = {name for name, browser in phones.items() if browser.pushes}
        for browser in phones.values():
            browser.pushes.clear()
        return told

    await sent(desk, crew="alpha")
    assert await woken() == {"amy", "ali", "van of alpha"}
    clock.forward(MINUTE)
    await sent(desk, person_id=desk.org.people["bob"])
    assert "bob" in await woken()


async def test_a_visit_that_was_accepted_or_is_over_wakes_nobody(
    desk: Office, pushing: PushService, clock: Clock
) -> None:
    _, browser = await sleeper(desk, pushing)
    visit_id = await sent(desk)
    (visit,) = [v for v in (await desk.get("/visits"))["items"] if v["id"] == str(visit_id)]
    accept = d.AcceptVisit(job_id=UUID(visit["job_id"]), visit_id=visit_id, plan_version=1)
    await desk.org.ok(accept, by="amy")
    clock.forward(20 * SECOND)
    assert await desk.site.services.waker.wake_due(desk.org.id) == 0
    assert browser.pushes == []


async def test_of_several_processes_one_wakes_the_phone(desk: Office, pushing: PushService, clock: Clock) -> None:
    _, browser = await sleeper(desk, pushing)
    await sent(desk)
    clock.forward(20 * SECOND)
    waker = desk.site.services.waker
    assert sum(await asyncio.gather(*(waker.wake_due(desk.org.id) for _ in range(4)))) == 1
    assert len(browser.pushes) == 1


async def test_a_phone_is_woken_by_itself_after_the_commit_that_sent_its_crew(
    desk: Office, pushing: PushService, clock: Clock
) -> None:
    _, browser = await sleeper(desk, pushing)
    pool, provider = desk.site.services.pool, WebPush(KEY, Hosts(pushing.origin))
    job_id, (lon, lat) = desk.org.new_id(), desk.org.point("east")
    commands = (
        d.OpenJob(job_id=job_id, job_type="repair", lon_deg=lon, lat_deg=lat, priority=Priority.EMERGENCY),
        d.AssignVisit(job_id=job_id, visit_id=desk.org.new_id(), crew_id=desk.org.crews["alpha"]),
    )
    asks = [ask_of(command, desk.org.actor("dan"), id=desk.org.new_id(), now=NOW) for command in commands]
    clock.forward(16 * SECOND)
    async with Waker(pool, provider, clock=clock, counted=Metrics().wakes, wait_s=0.05).running() as waker:
        answers = await run(pool, desk.org.id, asks, now=NOW, poke=waker.hear)
        assert all(answer.took_effect for answer in answers)
        await until(lambda: bool(browser.pushes), timeout_s=20)
    assert [push.said for push in browser.pushes] == [LOOK]


async def test_a_push_service_that_does_not_answer_keeps_no_other_organisation_waiting(
    desk: Office, pushing: PushService, clock: Clock, pool: asyncpg.Pool
) -> None:
    other = await office(desk.site, pool, 81, "dan")
    slow, quick = sorted((desk, other), key=lambda each: each.org.id)
    answers = asyncio.Event()
    for _ in range(12):
        _, silent = await sleeper(slow, pushing, crew="alpha")
        silent.answers = answers
    _, browser = await sleeper(quick, pushing)
    await sent(slow)
    await sent(quick)
    clock.forward(20 * SECOND)
    (wake,) = (timer for timer in TIMERS if timer.name == "wake")
    try:
        for _ in range(2):
            async with asyncio.timeout(5):
                await fire(desk.site.services, wake)
        await until(lambda: bool(browser.pushes), timeout_s=5)
    finally:
        answers.set()
    await until(lambda: bool(silent.pushes), timeout_s=20)


async def test_a_push_service_that_fails_leaves_the_commands_alone(
    desk: Office, pushing: PushService, clock: Clock
) -> None:
    _, browser = await sleeper(desk, pushing)
    browser.status = 503
    visit_id = await sent(desk)
    clock.forward(20 * SECOND)
    assert await desk.site.services.waker.wake_due(desk.org.id) == 0
    assert str(visit_id) in {visit["id"] for visit in (await desk.get("/visits"))["items"]}


async def test_a_revoked_phone_is_reached_no_more(
    desk: Office, pushing: PushService, owner: asyncpg.Connection
) -> None:
    phone, browser = await sleeper(desk, pushing)
    await revoke_devices(desk.site.services, desk.org.actor("dan"), [phone.id])
    assert not await stored(owner, phone)
    answer = await say(desk.site, phone, {"address": browser.address})
    assert answer.json()["code"] == "device_revoked"
    assert (await desk.post(f"/devices/{phone.id}/wake", {})).json()["result"] == WakeResult.NOT_REACHABLE


async def test_a_phone_that_enrolled_anew_takes_its_address_along(
    desk: Office, pushing: PushService, owner: asyncpg.Connection
) -> None:
    first, browser = await sleeper(desk, pushing)
    second = await desk.org.device("amy")
    await say(desk.site, second, {"address": browser.address})
    assert not await stored(owner, first)
    assert await stored(owner, second)


async def test_the_board_says_which_phones_a_push_reaches(desk: Office, pushing: PushService) -> None:
    await sleeper(desk, pushing, person="amy")
    await desk.org.device("bob")
    crews = {crew["code"]: crew for crew in (await desk.get("/board"))["crews"]}
    told = {code: [phone.get("can_wake", False) for phone in crews[code]["phones"]] for code in ("alpha", "beta")}
    assert told == {"alpha": [True], "beta": [False]}


async def test_an_address_that_has_expired_is_not_used(desk: Office, pushing: PushService, clock: Clock) -> None:
    phone = await desk.org.device("amy")
    until_at = (NOW + MINUTE).isoformat()
    await say(desk.site, phone, {"address": {**pushing.subscribe().address, "expires_at": until_at}})
    clock.forward(2 * MINUTE)
    assert (await desk.post(f"/devices/{phone.id}/wake", {})).json()["result"] == "not_reachable"
    for edge in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"):
        answer = await say(desk.site, phone, {"address": {**pushing.subscribe().address, "expires_at": edge}})
        assert answer.status_code == 200, answer.text
