"""A reference device that sleeps: it says where a push reaches it, is woken for an urgent job, looks, and is left alone from then on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from api.settings import Settings
from api.waking.keys import make_push_key
from mobile_contract.client.transport import Refused
from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Priority
from mobile_contract.schema.waking import LOOK, WakingAsk, WebPushAddress
from tests.api.serving import Site, on_loopback
from tests.arrange import Org
from tests.mobile_contract.client.field import Phone
from tests.mobile_contract.client.office import TestClock
from tests.pushing import PushService, push_service


@pytest.fixture
async def pushing() -> AsyncIterator[PushService]:
    async with push_service() as service:
        yield service


@pytest.fixture
async def server(settings: Settings, clock: TestClock, pushing: PushService) -> AsyncIterator[Site]:
    own = msgspec.structs.replace(settings, push_key=make_push_key(), push_hosts=pushing.origin)
    async with on_loopback(own, clock=clock.wall) as site:
        yield site


@pytest.fixture
async def phone(server: Site, clock: TestClock, org: Org, tmp_path: Path, seed: int) -> AsyncIterator[Phone]:
    phone = Phone(tmp_path / "phone.sqlite3", server, clock, seed)
    await phone.enrol(org, person="amy")
    yield phone
    phone.close()


async def test_a_sleeping_device_is_woken_for_an_urgent_job_looks_and_is_left_alone(
    server: Site, clock: TestClock, org: Org, pushing: PushService, phone: Phone
) -> None:
    services, browser = server.services, pushing.subscribe()
    setup = await asyncio.to_thread(
        phone.device.waking, WakingAsk(address=msgspec.convert(browser.address, WebPushAddress))
    )
    assert (setup.provider, setup.since) == ("web_push", clock.wall())
    await phone.synced()
    await services.telemetry.flush(services.pool)
    clock.pass_time(1200)
    job_id, (lon, lat) = org.new_id(), org.point("east")
    await org.ok(
        d.OpenJob(job_id=job_id, job_type="repair", lon_deg=lon, lat_deg=lat, priority=Priority.EMERGENCY),
        d.AssignVisit(job_id=job_id, visit_id=org.new_id(), crew_id=org.crews["alpha"]),
        by="dan",
        now=clock.wall(),
    )
    clock.pass_time(20)
    assert await services.waker.wake_due(org.id) == 1
    assert [push.said for push in browser.pushes] == [LOOK]
    await phone.synced()
    assert ("job", job_id) in phone.device.shown()
    await services.telemetry.flush(services.pool)
    clock.pass_time(300)
    assert await services.waker.wake_due(org.id) == 0


async def test_a_device_takes_back_where_it_is_reached_and_is_told_what_the_server_does_not_call(
    clock: TestClock, pushing: PushService, phone: Phone
) -> None:
    address = msgspec.convert(pushing.subscribe().address, WebPushAddress)
    await asyncio.to_thread(phone.device.waking, WakingAsk(address=address))
    assert (await asyncio.to_thread(phone.device.waking)).since == clock.wall()
    assert (await asyncio.to_thread(phone.device.waking, WakingAsk(address=None))).since is None
    inside = msgspec.structs.replace(address, endpoint="http://127.0.0.1:1/x")
    with pytest.raises(Refused) as refused:
        await asyncio.to_thread(phone.device.waking, WakingAsk(address=inside))
    assert refused.value.code == "push_address_invalid"
