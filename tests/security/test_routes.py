"""Every route that is no command × who calls: nobody, every role, a key, a phone, an old token, and ids of another organisation."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest

from api.access_tokens import make_access_token
from api.app import bare_app
from api.openapi import openapi_document
from api.settings import Settings
from mobile_contract.schema.material_commands import OpenForm
from mobile_contract.schema.people import Role
from tests.api.office import signed_in
from tests.api.serving import on_loopback
from tests.api.warehouse import warehouse
from tests.arrange import NOW, Org
from tests.security.routes import DEVICE, HIDDEN, PUBLIC, ROUTES
from tests.security.world import World, changed, headers_of, stored
from tests.sync.phone import batch

OPERATIONS: dict[str, tuple[str, str]] = {
    operation["operationId"]: (method, path)
    for path, methods in openapi_document(bare_app())["paths"].items()
    for method, operation in methods.items()
    if isinstance(operation, dict) and not operation["operationId"].startswith("command_")
}
NOBODYS = str(UUID(int=7))


def of(*kinds: str) -> list[str]:
    """Name the routes of some kinds of callers; without a kind those of persons."""
    return [name for name, line in ROUTES.items() if (line.who if line.who in (DEVICE, PUBLIC) else "") in kinds]


async def call(world: World, name: str, headers: Mapping[str, str], id: str = NOBODYS) -> httpx.Response:
    """Call a route as its line says, with one id wherever the path names one."""
    method, path = OPERATIONS[name]
    line = ROUTES[name]
    for parameter in (
        "slip_id",
        "form_id",
        "job_id",
        "device_id",
        "person_id",
        "key_id",
        "entry_id",
        "tracker_id",
        "plan_id",
        "command_id",
    ):
        path = path.replace(f"{{{parameter}}}", id)
    for parameter, value in line.path.items():
        path = path.replace(f"{{{parameter}}}", value)
    sent = {**headers, "Onsite-Contract": "1.0"} if line.who in (DEVICE, PUBLIC) else dict(headers)
    if line.keyed:
        sent["Idempotency-Key"] = str(world.ours.new_id())
    return await world.site.client.request(method.upper(), path, json=line.body, params=line.query, headers=sent)


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_route_has_a_line_or_is_one_of_the_page() -> None:
    assert set(ROUTES) == set(OPERATIONS)
    described = {path for _, path in OPERATIONS.values()}
    routed = {route.path_format for route in bare_app().routes}
    commands = {path for path in routed if path.startswith("/api/v1/commands/")}
    assert {path.rstrip("/") or "/" for path in routed - commands} - described - HIDDEN == set()


@pytest.mark.parametrize("name", of("", DEVICE))
async def test_nobody_and_who_brings_the_wrong_kind_of_token_is_refused(
    world: World, owner: asyncpg.Connection, name: str
) -> None:
    before = await stored(owner, world)
    admin = world.members[Role.ADMIN]
    phone, key = headers_of(admin.phone.enrolled), await world.key("read", "open_job")
    wrong = [admin.headers, key] if ROUTES[name].who == DEVICE else [phone]
    refresh = {"Authorization": f"Bearer osr_{world.ours.id.hex}_{world.ours.id.hex}_{'x' * 43}"}
    basic = {"Authorization": admin.headers["Authorization"].replace("Bearer", "Basic")}
    for headers in ({}, {"Authorization": "Bearer "}, basic, refresh, *wrong):
        answer = await call(world, name, headers)
        refused(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert [table for table in changed(before, await stored(owner, world)) if table != "ours/api_key"] == []


@pytest.mark.parametrize("name", of(""))
async def test_each_role_calls_exactly_the_routes_of_its_line(
    world: World, owner: asyncpg.Connection, name: str
) -> None:
    line = ROUTES[name]
    before = await stored(owner, world)
    for role in set(Role) - line.roles:
        refused(await call(world, name, world.members[role].headers), 403, "forbidden")
    assert changed(before, await stored(owner, world)) == []
    for role in line.roles if not line.stream else ():
        # Signing out ends the sign-in that is used: each has one for this.
        answer = await call(world, name, await signed_in(world.site, world.ours, role.value))
        if line.unknown:
            refused(answer, answer.status_code, line.unknown)
        elif answer.status_code >= 400:
            assert answer.json()["code"] in ("unknown_person", "login_failed"), answer.text
    assert changed(before, await stored(owner, world), of="theirs") == []


@pytest.mark.parametrize("name", of(""))
async def test_a_key_reads_with_its_scope_and_calls_nothing_else(world: World, name: str) -> None:
    line = ROUTES[name]
    reading, other = await world.key("read"), await world.key("open_job")
    refused(await call(world, name, other), 403, "forbidden")
    if not line.key:
        refused(await call(world, name, reading), 403, "forbidden")
    elif not line.stream:
        answer = await call(world, name, reading)
        assert answer.status_code == 200 or answer.json()["code"] == line.unknown, answer.text


@pytest.mark.parametrize("name", of(""))
async def test_an_access_token_of_a_quarter_of_an_hour_ago_opens_nothing(world: World, name: str) -> None:
    admin = world.members[Role.ADMIN]
    sign_in_id = UUID(int=1)
    old = make_access_token(
        world.site.services.keyring,
        org_id=world.ours.id,
        person_id=admin.id,
        sign_in_id=sign_in_id,
        now=NOW - timedelta(minutes=15, seconds=1),
    )
    refused(await call(world, name, {"Authorization": f"Bearer {old}"}), 401, "token_expired")


PAPERS: dict[UUID, tuple[UUID, UUID]] = {}


async def papers_of(org: Org) -> tuple[UUID, UUID]:
    """Give a form and a slip of an organisation, made when it is first asked: several tests share it."""
    if org.id not in PAPERS:
        PAPERS[org.id] = await make_papers(org)
    return PAPERS[org.id]


async def make_papers(org: Org) -> tuple[UUID, UUID]:
    """Begin a form and hand out a part in an organisation; give the form and the slip."""
    job, form_id = await org.assigned_job(), org.new_id()
    await org.ok(OpenForm(job_id=job.job_id, form_id=form_id), by="dan")
    places = await warehouse(org)
    await places.receive("main", "clamp", "10")
    return form_id, await places.issued(job, await places.approved(job, ("clamp", "1"), by="max"))


@pytest.fixture
async def theirs(world: World) -> dict[str, str]:
    """Give ids of things that the other organisation really has, by the code with which they are unknown to us."""
    org = world.theirs
    enrolled = await org.device("bob")
    job_id = await org.open_job()
    broken = b'{"n":1,"session":"%s","cmd":{"id":"%s","name":"add_note","args":{}}}' % (
        str(next(iter(enrolled.sessions.values())).session_id).encode(),
        str(org.new_id()).encode(),
    )
    body = batch([]).replace(b'"commands":[]', b'"commands":[%b]' % broken)
    handed = await world.site.client.post("/sync/v1/push", content=body, headers=headers_of(enrolled))
    assert handed.json()["outcomes"][0]["status"] == "quarantined"
    admin = await signed_in(world.site, org, Role.ADMIN.value)
    (entry,) = (await world.site.client.get("/api/v1/quarantine", headers=admin)).json()["items"][-1:]
    form_id, slip_id = await papers_of(org)
    key = await world.site.client.post("/api/v1/api-keys", json=ROUTES["people_make_key"].body, headers=admin)
    tracks = {"person_id": str(org.people["bob"]), "name": "van"}
    tracker = await world.site.client.post("/api/v1/trackers", json=tracks, headers=admin)
    plan = await world.site.client.post("/api/v1/plans", json=ROUTES["plans_make"].body, headers=admin)
    return {
        "unknown_plan": plan.json()["id"],
        "unknown_job": str(job_id),
        "unknown_device": str(enrolled.id),
        "unknown_person": str(org.people["bob"]),
        "unknown_key": key.json()["key_id"],
        "unknown_tracker": tracker.json()["tracker_id"],
        "unknown_form": str(form_id),
        "unknown_slip": str(slip_id),
        "not_found": entry["entry_id"],
    }


async def test_what_another_organisation_has_is_unknown_and_stays_as_it_is(
    world: World, owner: asyncpg.Connection, theirs: dict[str, str]
) -> None:
    before = await stored(owner, world)
    admin = world.members[Role.ADMIN].headers
    named = [name for name, line in ROUTES.items() if line.unknown]
    answers = {name: await call(world, name, admin, theirs[ROUTES[name].unknown]) for name in named}
    assert {name: a.json()["code"] for name, a in answers.items()} == {n: ROUTES[n].unknown for n in named}
    make = {"person_id": theirs["unknown_person"]}
    refused(await world.site.client.post("/api/v1/devices/enrolments", json=make, headers=admin), 404, "unknown_person")
    take = {"person_id": theirs["unknown_person"]}
    path = f"/api/v1/jobs/{await world.ours.open_job()}/take-suggestion"
    keyed = {**admin, "Idempotency-Key": str(world.ours.new_id())}
    taken = await world.site.client.post(path, json=take, headers=keyed)
    assert taken.status_code in (404, 409, 422), taken.text
    assert changed(before, await stored(owner, world), of="theirs") == []


@pytest.mark.parametrize("name", [n for n, line in ROUTES.items() if line.key and not line.stream and not line.unknown])
async def test_lists_hold_nothing_of_another_organisation(world: World, theirs: dict[str, str], name: str) -> None:
    answer = await call(world, name, world.members[Role.ADMIN].headers)
    assert answer.status_code == 200
    known = {*theirs.values(), *map(str, world.theirs.people.values()), *map(str, world.theirs.districts.values())}
    known |= {str(world.theirs.id), str(world.theirs.site), *map(str, world.theirs.crews.values())}
    assert [id for id in sorted(known) if id in answer.text] == []


@pytest.mark.parametrize("name", [name for name in of(DEVICE) if not ROUTES[name].stream])
async def test_a_phone_calls_its_routes_and_a_session_of_another_opens_nothing_more(world: World, name: str) -> None:
    mine, other = world.members[Role.TECHNICIAN].phone, world.members[Role.CREW_LEAD].phone
    answer = await call(world, name, headers_of(mine.enrolled))
    assert answer.status_code == 200, answer.text
    answer = await call(world, name, headers_of(mine.enrolled, Onsite_Session=str(other.session())))
    if name in ("pull_pull", "pull_repair"):
        refused(answer, 403, "session_unknown")
    else:
        # Nobody's: no position is taken, no session given, no command judged as the other's.
        assert answer.status_code == 200
    spliced = f"osd_{world.theirs.id.hex}_{mine.id.hex}_{mine.enrolled.token.secret}"
    refused(
        await call(world, name, headers_of(mine.enrolled, Authorization=f"Bearer {spliced}")), 401, "unauthenticated"
    )


async def test_metrics_are_closed_in_production_without_a_token(settings: Settings) -> None:

    async with on_loopback(msgspec.structs.replace(settings, production=True)) as site:
        refused(await site.client.get("/metrics"), 403, "forbidden")
    async with on_loopback(msgspec.structs.replace(settings, production=True, metrics_token="m" * 32)) as site:
        refused(await site.client.get("/metrics"), 401, "unauthenticated")
        answer: Any = await site.client.get("/metrics", headers={"Authorization": f"Bearer {'m' * 32}"})
        assert answer.status_code == 200
