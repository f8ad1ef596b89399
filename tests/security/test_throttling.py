"""Guessing is slow, tells nothing, and is no way to lock somebody else out. Addresses come as a trusted proxy names them."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest

from api.enrolment import ENROL
from api.settings import Settings
from api.sign_in import LOGIN_ANYWHERE, LOGIN_HERE
from api.store import throttle
from api.store.throttle import Rate
from mobile_contract.schema.people import Role
from sync.transaction import org_transaction
from tests.api.office import Clock
from tests.api.serving import PASSWORD, Org, Site, make_org, make_person, on_loopback, signed_in
from tests.arrange import NOW

OWNER, THIEF = "203.0.113.7", "198.51.100.66"
WRONG = "wrong wrong wrong"


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with on_loopback(settings, clock=Clock(NOW)) as running:
        yield running


@pytest.fixture
async def org(pool: asyncpg.Pool) -> Org:
    return await make_org(pool)


async def login(site: Site, org: Org, name: str, password: str, *, address: str) -> httpx.Response:
    ask = {"org": org.slug, "login": name, "password": password}
    return await site.client.post("/api/v1/auth/login", json=ask, headers={"X-Forwarded-For": address})


async def use_up(site: Site, org: Org, rate: Rate, *parts: str) -> None:
    """Take every place of a limit, as so many tries would."""
    async with org_transaction(site.services.pool, org.id) as conn:
        takes = [
            await throttle.take(conn, org.id, rate, rate.key(*parts), now=site.services.clock())
            for _ in range(rate.burst + 1)
        ]
        assert takes[0] is None and takes[-1] is not None


async def test_who_guesses_from_one_address_locks_nobody_out_elsewhere(site: Site, org: Org) -> None:
    await make_person(site, org, Role.DISPATCHER, login="mei")
    await use_up(site, org, LOGIN_HERE, "mei", THIEF)
    for _ in range(LOGIN_ANYWHERE.burst + 10):
        assert (await login(site, org, "mei", WRONG, address=THIEF)).status_code == 429
    assert (await login(site, org, "mei", PASSWORD, address=OWNER)).status_code == 200


async def test_who_guesses_from_everywhere_is_slowed_and_the_owner_signs_in_where_she_always_does(
    site: Site, org: Org
) -> None:
    await make_person(site, org, Role.DISPATCHER, login="mei")
    assert (await login(site, org, "mei", PASSWORD, address=OWNER)).status_code == 200
    await use_up(site, org, LOGIN_ANYWHERE, "mei")
    answer = await login(site, org, "mei", PASSWORD, address=THIEF)
    assert answer.status_code == 429 and 0 < int(answer.headers["retry-after"]) <= 21
    assert (await login(site, org, "mei", PASSWORD, address=OWNER)).status_code == 200
    # Where she signs in, guesses are as few as anywhere.
    await use_up(site, org, LOGIN_HERE, "mei", OWNER)
    assert (await login(site, org, "mei", PASSWORD, address=OWNER)).status_code == 429
    clock = site.services.clock
    assert isinstance(clock, Clock)
    clock.forward(timedelta(seconds=31))
    assert (await login(site, org, "mei", PASSWORD, address=OWNER)).status_code == 200


async def test_a_limit_is_of_one_login_in_one_organisation(site: Site, org: Org, pool: asyncpg.Pool) -> None:
    other = await make_org(pool)
    for each in (org, other):
        await make_person(site, each, Role.DISPATCHER, login="mei")
    await make_person(site, org, Role.DISPATCHER, login="lin")
    await use_up(site, org, LOGIN_HERE, "mei", THIEF)
    assert (await login(site, org, "MEI ", PASSWORD, address=THIEF)).status_code == 429, (
        "the same login, written otherwise"
    )
    assert (await login(site, org, "lin", PASSWORD, address=THIEF)).status_code == 200
    assert (await login(site, other, "mei", PASSWORD, address=THIEF)).status_code == 200


async def test_nobody_gets_a_new_address_by_saying_so(settings: Settings) -> None:
    untrusting = msgspec.structs.replace(settings, trusted_proxies="192.0.2.1")
    async with on_loopback(untrusting, clock=Clock(NOW)) as site:
        org = await make_org(site.services.pool)
        await use_up(site, org, LOGIN_HERE, "mei", "127.0.0.1")
        for n in range(3):
            assert (await login(site, org, "mei", WRONG, address=f"203.0.113.{n}")).status_code == 429


async def test_a_login_that_nobody_has_takes_as_long_as_one_that_somebody_has(site: Site, org: Org) -> None:
    """Without the check against nobody's hash an unknown login would be answered in a tenth of the time."""
    await make_person(site, org, Role.DISPATCHER, login="mei")
    took: dict[str, list[float]] = {"mei": [], "unknown": [], "no organisation": []}
    for _ in range(4):
        for name, times in took.items():
            asked = org if name != "no organisation" else Org(org.id, f"none-{uuid4().hex[:8]}")
            begun = time.perf_counter()
            answer = await login(site, asked, name, WRONG, address=OWNER)
            times.append(time.perf_counter() - begun)
            assert (answer.status_code, answer.json()["code"]) == (401, "login_failed")
    assert min(took["unknown"]) > min(took["mei"]) / 3, took
    assert min(took["no organisation"]) > min(took["mei"]) / 3, took


async def test_that_somebody_has_left_is_told_to_who_knows_the_password_alone(site: Site, org: Org) -> None:
    await make_person(site, org, Role.DISPATCHER, login="gone", active=False)
    wrong, right = [await login(site, org, "gone", word, address=OWNER) for word in (WRONG, PASSWORD)]
    assert (wrong.status_code, wrong.json()["code"]) == (401, "login_failed")
    assert (right.status_code, right.json()["code"]) == (403, "person_inactive")


async def test_guessing_codes_is_limited_by_address_and_uses_no_code_up(site: Site, org: Org) -> None:
    person_id = await make_person(site, org, Role.TECHNICIAN)
    admin = await signed_in(site, org, Role.ADMIN)
    made: Any = await site.client.post("/api/v1/devices/enrolments", json={"person_id": str(person_id)}, headers=admin)
    ask = {"code": made.json()["code"], "device_name": "x"}

    async def enrol(address: str) -> int:
        headers = {"X-Forwarded-For": address, "Onsite-Contract": "1.0"}
        return (await site.client.post("/sync/v1/enrol", json=ask, headers=headers)).status_code

    await use_up(site, org, ENROL, THIEF)
    assert await enrol(THIEF) == 429
    assert await enrol(OWNER) == 201
    assert await enrol(OWNER) == 401
