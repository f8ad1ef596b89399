"""Outcomes leave a device's bucket once it has shown them, and only then; the stored answers stay."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from api.database import connect_as_app
from api.settings import Settings
from mobile_contract.schema import decisions as d
from mobile_contract.schema.job import HoldReason
from mobile_contract.schema.messages import PullAsk
from sync.life import ensure_life
from sync.pokes import Pokes
from sync.seen import forget_seen
from sync.waiting import Waiting
from tests.arrange import NOW, Assigned, Org, organisation
from tests.devices import StrictDevice, assert_device_equals_server
from tests.sync import looking
from tests.sync.phone import Phone, note


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    await ensure_life(pool)
    return await organisation(pool, seed)


@pytest.fixture
async def waiting(settings: Settings, pool: asyncpg.Pool) -> AsyncIterator[Waiting]:
    async with Pokes(pool, lambda: connect_as_app(settings)).running() as pokes:
        yield Waiting(pokes, clock=lambda: NOW, forget=forget_seen)


def device_of(org: Org, phone: Phone) -> StrictDevice:
    return StrictDevice(org_id=org.id, id=phone.id, person_id=org.people["amy"])


def told(org: Org, phone: Phone, job: Assigned) -> UUID:
    """Queue a remark that is applied with a flag, so that there is more to tell than that it was."""
    return phone.do(note(org, job), after=(org.new_id(),))


async def pull(waiting: Waiting, device: StrictDevice, pool: asyncpg.Pool, seen_n: int) -> None:
    device.apply(await waiting.pull(device.source(pool), PullAsk(cursor=device.cursor, seen_n=seen_n)))


def outcomes(device: StrictDevice) -> int:
    return sum(kind == "outcome" for kind, _ in device.documents)


async def test_what_was_shown_leaves_and_its_stored_answer_stays(
    pool: asyncpg.Pool, waiting: Waiting, org: Org, phone: Phone, job: Assigned
) -> None:
    device = device_of(org, phone)
    ids = [told(org, phone, job) for _ in range(3)]
    await phone.taken()
    await pull(waiting, device, pool, 0)
    assert (outcomes(device), device.acked_n) == (3, 3)
    await pull(waiting, device, pool, 2)
    await pull(waiting, device, pool, 2)
    assert outcomes(device) == 1
    await pull(waiting, device, pool, 3)
    await pull(waiting, device, pool, 3)
    assert (outcomes(device), device.acked_n) == (0, 3)
    assert [(await looking.outcome(org, id))["status"] for id in ids] == ["applied"] * 3
    assert all(outcome.status == "applied" for outcome in await phone.taken()), "sent again, answered the same"
    await assert_device_equals_server(device, pool, now=NOW)


async def test_what_took_effect_and_no_more_is_told_by_the_push_alone(
    pool: asyncpg.Pool, waiting: Waiting, org: Org, phone: Phone, job: Assigned
) -> None:
    device = device_of(org, phone)
    plain = phone.do(note(org, job))
    flagged = told(org, phone, job)
    refused = phone.do(d.CancelJob(job_id=job.job_id, reason="not mine to cancel"))
    first = [(o.id, o.status) for o in await phone.taken()]
    assert first == [(plain, "applied"), (flagged, "applied"), (refused, "rejected")]
    await pull(waiting, device, pool, 0)
    assert {id for kind, id in device.documents if kind == "outcome"} == {flagged, refused}
    assert [(o.id, o.status) for o in await phone.taken()] == first, "whoever missed the answer asks again"


async def test_what_has_not_arrived_does_not_leave_whatever_the_device_says(
    pool: asyncpg.Pool, waiting: Waiting, org: Org, phone: Phone, job: Assigned
) -> None:
    device = device_of(org, phone)
    await pull(waiting, device, pool, 0)
    told(org, phone, job)
    await phone.taken()
    await pull(waiting, device, pool, 99)
    assert outcomes(device) == 1
    for _ in range(2):
        await pull(waiting, device, pool, 1)
    assert outcomes(device) == 0


async def test_a_held_decision_stays_until_it_has_its_answer(
    pool: asyncpg.Pool, waiting: Waiting, org: Org, phone: Phone, job: Assigned
) -> None:
    device = device_of(org, phone)
    first = org.new_id()
    held = phone.do(d.HoldJob(job_id=job.job_id, reason=HoldReason.PARTS), after=(first,))
    await phone.taken()
    await pull(waiting, device, pool, 0)
    for _ in range(2):
        await pull(waiting, device, pool, 1)
    assert ("outcome", held) in device.documents
