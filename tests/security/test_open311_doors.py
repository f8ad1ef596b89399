"""GeoReport's routes × who calls: nobody, every role, keys of each scope. Its answers are another's format; its doors are ours."""

import asyncpg
import pytest

from mobile_contract.schema.people import Role
from tests.security.lines import LETTERS
from tests.security.routes import OFFICE
from tests.security.test_routes import refused
from tests.security.world import World, changed, headers_of, stored

READS = ("services.json", "services.xml", "services/repair.json", "requests.json", "requests.xml", "requests/x.json")
REPORT = {"service_code": "repair", "address_string": "1 Canal Street", "description": "leak"}
INTAKE = "ADMGCBEI"


def path(name: str) -> str:
    return f"/open311/v2/{name}"


@pytest.mark.parametrize("name", READS)
async def test_each_role_of_the_office_reads_and_nobody_else(world: World, name: str) -> None:
    client, phone = world.site.client, headers_of(world.members[Role.ADMIN].phone.enrolled)
    for headers in ({}, {"Authorization": "Bearer "}, phone):
        refused(await client.get(path(name), headers=headers), 401, "unauthenticated")
    readers = {LETTERS[letter] for letter in OFFICE}
    for role in Role:
        answer = await client.get(path(name), headers=world.members[role].headers)
        if role in readers:
            assert answer.status_code in (200, 404), answer.text
        else:
            refused(answer, 403, "forbidden")


@pytest.mark.parametrize("name", READS)
async def test_a_key_needs_the_scope_of_public_intake(world: World, name: str) -> None:
    for scopes in (("read",), ("register_request", "open_job"), ("positions",), ("open3111",)):
        refused(await world.site.client.get(path(name), headers=await world.key(*scopes)), 403, "forbidden")
    for scope in ("open311", "open311:repair"):
        answer = await world.site.client.get(path(name), headers=await world.key(scope))
        assert answer.status_code in (200, 404) and isinstance(answer.content, bytes)


async def test_who_may_register_a_request_may_report_and_nobody_else(world: World, owner: asyncpg.Connection) -> None:
    client = world.site.client
    keys = [await world.key("read"), await world.key("register_request"), await world.key("open311:survey")]
    before = await stored(owner, world)
    refused(await client.post(path("requests.json"), data=REPORT), 401, "unauthenticated")
    refused(await client.post(path("requests.json"), data={**REPORT, "api_key": "osk_x"}), 401, "unauthenticated")
    phone = headers_of(world.members[Role.ADMIN].phone.enrolled)
    refused(await client.post(path("requests.json"), data=REPORT, headers=phone), 401, "unauthenticated")
    for headers in keys[:2]:
        refused(await client.post(path("requests.json"), data=REPORT, headers=headers), 403, "forbidden")
    assert (await client.post(path("requests.json"), data=REPORT, headers=keys[2])).status_code == 400
    may = {LETTERS[letter] for letter in INTAKE}
    for role in set(Role) - may:
        refused(
            await client.post(path("requests.json"), data=REPORT, headers=world.members[role].headers), 403, "forbidden"
        )
    assert changed(before, await stored(owner, world)) == []
    for role in may:
        answer = await client.post(path("requests.json"), data=REPORT, headers=world.members[role].headers)
        assert answer.status_code == 200, answer.text
    key = (await world.key("open311"))["Authorization"].removeprefix("Bearer ")
    assert (await client.post(path("requests.json"), data={**REPORT, "api_key": key})).status_code == 200
    assert changed(before, await stored(owner, world), of="theirs") == []


async def test_another_media_type_or_too_much_is_refused(world: World) -> None:
    client, headers = world.site.client, await world.key("open311")
    refused(await client.post(path("requests.json"), json=REPORT, headers=headers), 415, "unsupported_media_type")
    refused(
        await client.post(path("requests.json"), data={"description": "x" * 70_000}, headers=headers),
        413,
        "body_too_large",
    )
    refused(await client.post(path("requests.json"), data={"description": "\0"}, headers=headers), 400, "malformed")
    for name in ("services/repair", "services/repair.html", "requests/x"):
        refused(await client.get(path(name), headers=headers), 404, "not_found")
