"""The commands' route: idempotent by its key, refused as problems, answered as outcomes, closed to whoever may not."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from mobile_contract.registry import COMMANDS
from mobile_contract.schema.people import Role
from mobile_contract.version import CONTRACT
from tests.api.serving import PASSWORD, Org, Site, make_org, make_person, sign_in, signed_in


async def _send(site: Site, headers: dict[str, str], name: str, args: Any, key: UUID | None = None) -> httpx.Response:
    given = {**headers, "Idempotency-Key": str(key or uuid4())}
    return await site.client.post(f"/api/v1/commands/{name}", json=args, headers=given)


def _site_args(name: str = "Pump house") -> dict[str, Any]:
    site_id = str(uuid4())
    return {"site": {"id": site_id, "code": f"s-{site_id[:8]}", "name": name}}


async def _count(owner: asyncpg.Connection, org: Org, table: str) -> int:
    return int(await owner.fetchval(f"select count(*) from {table} where org_id = $1", org.id))


async def test_a_command_takes_effect_once_however_often_it_is_sent(
    site: Site, org: Org, owner: asyncpg.Connection
) -> None:
    headers = await signed_in(site, org, Role.ADMIN)
    args, key = _site_args(), uuid4()
    answers = await asyncio.gather(*(_send(site, headers, "save_site", args, key) for _ in range(4)))
    assert [a.status_code for a in answers] == [200] * 4
    assert {(a.json()["status"], a.json()["code"], a.json()["command_id"]) for a in answers} == {
        ("applied", "ok", str(key))
    }
    assert sorted(a.json().get("repeated", False) for a in answers) == [False, True, True, True]
    assert await _count(owner, org, "site") == 1


async def test_the_same_key_for_something_else_is_refused(site: Site, org: Org, owner: asyncpg.Connection) -> None:
    headers = await signed_in(site, org, Role.ADMIN)
    key = uuid4()
    assert (await _send(site, headers, "save_site", _site_args(), key)).status_code == 200
    answer = await _send(site, headers, "save_site", _site_args("Another"), key)
    assert (answer.status_code, answer.json()["code"]) == (409, "id_reused")
    assert await _count(owner, org, "site") == 1


@pytest.mark.parametrize("key", ["", "x", "12345678-1234-1234-1234"])
async def test_a_command_without_a_good_key_is_refused(site: Site, org: Org, key: str) -> None:
    headers = {**await signed_in(site, org, Role.ADMIN), **({"Idempotency-Key": key} if key else {})}
    answer = await site.client.post("/api/v1/commands/save_site", json=_site_args(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


async def test_an_unknown_command_wrong_types_and_foreign_ids_change_nothing(
    site: Site, org: Org, owner: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    headers = await signed_in(site, org, Role.ADMIN)
    other = await make_org(pool)
    theirs = _site_args()
    stranger = await signed_in(site, other, Role.ADMIN)
    assert (await _send(site, stranger, "save_site", theirs)).status_code == 200
    cases: list[tuple[str, Any, int, str]] = [
        ("explode", {}, 422, "unknown_command"),
        ("release_job", {"job_id": 5}, 422, "invalid"),
        ("release_job", {}, 422, "invalid"),
        ("release_job", {"job_id": str(uuid4()), "sudo": True}, 422, "invalid"),
        ("release_job", {"job_id": str(uuid4())}, 404, "unknown_job"),
        ("open_job", {"job_id": str(uuid4()), "job_type": "repair", "lon_deg": 500}, 422, "invalid"),
        (
            "save_usage_point",
            {"usage_point": {"id": str(uuid4()), "site_id": theirs["site"]["id"], "code": "u"}},
            422,
            "unknown_reference",
        ),
    ]
    for name, args, status, code in cases:
        answer = await _send(site, headers, name, args)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (name, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert await _count(owner, org, "site") == 0 and await _count(owner, org, "job") == 0
    assert await _count(owner, org, "usage_point") == 0


@pytest.mark.parametrize("number", ["NaN", "1e1000000", "9" * 5000, "-Infinity", "1" * 40])
async def test_a_number_nobody_counts_with_is_refused(
    site: Site, org: Org, owner: asyncpg.Connection, number: str
) -> None:
    headers = await signed_in(site, org, Role.ADMIN)
    part = {"id": str(uuid4()), "code": "p", "name": {"en": "P"}, "unit_cost": number}
    answer = await _send(site, headers, "save_part", {"part": part})
    assert 400 <= answer.status_code < 500, answer.text
    assert await _count(owner, org, "part") == 0


async def test_text_that_looks_like_sql_or_script_is_only_text(site: Site, org: Org, owner: asyncpg.Connection) -> None:
    headers = await signed_in(site, org, Role.ADMIN)
    text = "'; drop table site; -- <script>alert(1)</script> \\ \u202e 水"
    assert (await _send(site, headers, "save_site", _site_args(text))).status_code == 200
    assert await owner.fetchval("select name from site where org_id = $1", org.id) == text


async def test_roles_decide_and_a_refusal_is_stored_under_its_key(site: Site, org: Org) -> None:
    headers = await signed_in(site, org, Role.TECHNICIAN)
    key, args = uuid4(), _site_args()
    for _ in range(2):
        answer = await _send(site, headers, "save_site", args, key)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_an_explicit_if_match_is_checked_and_a_malformed_one_named(site: Site, org: Org) -> None:
    headers = {**await signed_in(site, org, Role.ADMIN), "If-Match": "what"}
    answer = await _send(site, headers, "save_site", _site_args())
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_a_decision_made_on_an_older_job_is_refused_only_when_it_says_so(
    site: Site, org: Org, owner: asyncpg.Connection
) -> None:
    headers = await signed_in(site, org, Role.ADMIN)
    job_type = {"id": str(uuid4()), "code": "repair", "version": 1, "name": {"en": "Repair"}}
    assert (await _send(site, headers, "load_job_type", {"job_type": job_type})).status_code == 200
    job_id = str(uuid4())
    assert (await _send(site, headers, "open_job", {"job_id": job_id, "job_type": "repair"})).status_code == 200
    hold = {"job_id": job_id, "reason": "customer"}
    answer = await _send(site, {**headers, "If-Match": '"999"'}, "hold_job", hold)
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    ver = "select ver from sync_doc where org_id = $1 and kind = 'job' and id = $2"
    seen = await owner.fetchval(ver, org.id, UUID(job_id))
    answer = await _send(
        site, {**headers, "If-Match": f'"{seen}"'}, "cancel_job", {"job_id": job_id, "reason": "twice"}
    )
    assert answer.status_code == 200, answer.text
    assert await owner.fetchval(ver, org.id, UUID(job_id)) == seen + 1
    answer = await _send(site, headers, "reopen_job", {"job_id": job_id, "reason": "it leaks again"})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("how", ["offboard_person", "save_person"])
async def test_a_person_who_is_offboarded_loses_sign_ins_resets_and_devices(
    site: Site, org: Org, owner: asyncpg.Connection, how: str
) -> None:
    admin = await signed_in(site, org, Role.ADMIN)
    person = {"id": str(uuid4()), "code": "leaver", "name": "Leaver", "roles": ["technician"]}
    assert (await _send(site, admin, "save_person", {"person": person})).status_code == 200
    path = f"/api/v1/persons/{person['id']}/credential"
    assert (
        await site.client.put(path, json={"login": "leaver", "password": PASSWORD}, headers=admin)
    ).status_code == 204
    headers = await sign_in(site, org, "leaver")
    code = await site.client.post("/api/v1/devices/enrolments", json={"person_id": person["id"]}, headers=admin)
    spoken, phone = {"Onsite-Contract": CONTRACT}, {"code": code.json()["code"], "device_name": "p"}
    device = (await site.client.post("/sync/v1/enrol", json=phone, headers=spoken)).json()
    reset = (await site.client.post(f"/api/v1/persons/{person['id']}/password-reset", headers=admin)).json()

    leaving = {"person_id": person["id"]} if how == "offboard_person" else {"person": {**person, "active": False}}
    answer = await _send(site, admin, how, leaving)
    assert answer.status_code == 200, answer.text
    assert (await site.client.get("/api/v1/auth/me", headers=headers)).status_code == 401
    login = {"org": org.slug, "login": "leaver", "password": PASSWORD}
    assert (await site.client.post("/api/v1/auth/login", json=login)).status_code == 401
    again = {"reset_token": reset["reset_token"], "new": "let me in again 1"}
    assert (await site.client.post("/api/v1/auth/password-reset", json=again)).status_code == 401
    bearer = {"Authorization": f"Bearer {device['device_token']}", **spoken}
    assert (await site.client.post("/sync/v1/sessions", headers=bearer)).json()["sessions"] == []
    revoked = "select revoked_at is not null from sync_device where org_id = $1 and device_id = $2"
    assert await owner.fetchval(revoked, org.id, UUID(device["device_id"]))


async def test_an_integration_sends_what_its_key_names(site: Site, org: Org) -> None:
    admin = await signed_in(site, org, Role.ADMIN)
    made = await site.client.post("/api/v1/api-keys", json={"name": "desk", "scopes": ["save_site"]}, headers=admin)
    key = {"Authorization": f"Bearer {made.json()['api_key']}"}
    assert (await _send(site, key, "save_site", _site_args())).status_code == 200
    assert (await _send(site, key, "save_contact", {"contact": {"id": str(uuid4()), "name": "C"}})).status_code == 403


async def test_every_command_of_the_registry_answers_garbage_with_a_problem(site: Site, org: Org) -> None:
    headers = await signed_in(site, org, *Role)
    for name in COMMANDS:
        answer = await _send(site, headers, name, {"nonsense": [1, None]})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), (name, answer.text)
        assert answer.json()["errors"][0]["field"].startswith("$"), name


async def test_people_of_one_organisation_are_nobody_in_another(site: Site, org: Org, pool: asyncpg.Pool) -> None:
    other = await make_org(pool)
    stranger = await make_person(site, other, Role.TECHNICIAN, login="stranger")
    admin = await signed_in(site, org, Role.ADMIN)
    for answer in (
        await site.client.put(f"/api/v1/persons/{stranger}/credential", json={"login": "mine"}, headers=admin),
        await site.client.post(f"/api/v1/persons/{stranger}/password-reset", headers=admin),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_person")
    await sign_in(site, other, "stranger")
