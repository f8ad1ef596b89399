"""Signing in, refreshing, signing out, passwords: what works, what is refused, and that both look alike where they must."""

import base64
import json
import logging
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from api.settings import Settings
from mobile_contract.schema.people import Role
from sync.tokens import TokenKind, mint_token
from tests.api.serving import PASSWORD, Org, Site, in_process, make_org, make_person, sign_in, signed_in
from tests.waiting import until


async def _login(site: Site, org: Org, login: str, password: str = PASSWORD) -> dict[str, str]:
    answer = await site.client.post("/api/v1/auth/login", json={"org": org.slug, "login": login, "password": password})
    assert answer.status_code == 200, answer.text
    body: dict[str, str] = answer.json()
    return body


async def test_a_person_signs_in_and_is_told_who_it_is(site: Site, org: Org) -> None:
    person_id = await make_person(site, org, Role.DISPATCHER, login="mei")
    headers = await sign_in(site, org, " MEI ")
    me = (await site.client.get("/api/v1/auth/me", headers=headers)).json()
    assert me == {"org_id": str(org.id), "via": "person", "roles": ["dispatcher"], "person_id": str(person_id)}


async def test_unknown_org_unknown_login_and_wrong_password_get_one_answer(site: Site, org: Org) -> None:
    await make_person(site, org, Role.DISPATCHER, login="known")
    answers = []
    for slug, login in ((org.slug, "known"), (org.slug, "unknown"), ("no-such-org", "known")):
        ask = {"org": slug, "login": login, "password": "wrong wrong wrong"}
        answer = await site.client.post("/api/v1/auth/login", json=ask)
        body = answer.json()
        body.pop("instance")
        answers.append((answer.status_code, body, answer.headers["www-authenticate"]))
    assert answers[0][0] == 401 and answers[0][1]["code"] == "login_failed"
    assert answers[0] == answers[1] == answers[2]


async def test_a_login_of_one_organisation_is_nothing_in_another(site: Site, org: Org, pool: asyncpg.Pool) -> None:
    other = await make_org(pool)
    await make_person(site, org, Role.ADMIN, login="root")
    ask = {"org": other.slug, "login": "root", "password": PASSWORD}
    assert (await site.client.post("/api/v1/auth/login", json=ask)).status_code == 401


async def test_too_many_wrong_passwords_wait_even_when_the_right_one_comes(site: Site, org: Org) -> None:
    await make_person(site, org, Role.DISPATCHER, login="guessed")
    ask = {"org": org.slug, "login": "guessed", "password": "wrong wrong wrong"}
    codes = [(await site.client.post("/api/v1/auth/login", json=ask)).status_code for _ in range(11)]
    assert codes == [401] * 10 + [429]
    answer = await site.client.post("/api/v1/auth/login", json={**ask, "password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 31


async def test_refresh_rotates_and_a_second_use_ends_the_whole_sign_in(site: Site, org: Org) -> None:
    await make_person(site, org, Role.DISPATCHER, login="rotating")
    first = await _login(site, org, "rotating")
    second = (await site.client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert second["refresh_token"] != first["refresh_token"]
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    assert (await site.client.get("/api/v1/auth/me", headers=headers)).status_code == 200

    stolen = await site.client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
    assert (stolen.status_code, stolen.json()["code"]) == (401, "token_reused")
    assert (await site.client.get("/api/v1/auth/me", headers=headers)).status_code == 401
    after = await site.client.post("/api/v1/auth/refresh", json={"refresh_token": second["refresh_token"]})
    assert (after.status_code, after.json()["code"]) == (401, "unauthenticated")


async def test_a_guessed_secret_neither_refreshes_nor_ends_the_sign_in(site: Site, org: Org) -> None:
    await make_person(site, org, Role.DISPATCHER, login="attacked")
    tokens = await _login(site, org, "attacked")
    _, org_hex, token_hex, _ = tokens["refresh_token"].split("_", 3)
    forged = f"osr_{org_hex}_{token_hex}_{'A' * 43}"
    assert (await site.client.post("/api/v1/auth/refresh", json={"refresh_token": forged})).status_code == 401
    good = await site.client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert good.status_code == 200


async def test_signing_out_ends_access_and_refresh_at_once(site: Site, org: Org) -> None:
    await make_person(site, org, Role.DISPATCHER, login="leaving")
    tokens = await _login(site, org, "leaving")
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await site.client.post("/api/v1/auth/logout", headers=headers)).status_code == 204
    assert (await site.client.get("/api/v1/auth/me", headers=headers)).status_code == 401
    answer = await site.client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert answer.status_code == 401


async def test_an_access_token_ends_after_a_quarter_of_an_hour_and_a_sign_in_after_a_month(settings: Settings) -> None:
    time = [datetime(2026, 3, 2, 8, 0, tzinfo=UTC)]
    async with in_process(settings, clock=lambda: time[0]) as site:
        org = await make_org(site.services.pool)
        await make_person(site, org, Role.DISPATCHER, login="slow")
        tokens = await _login(site, org, "slow")
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        time[0] += timedelta(minutes=14, seconds=59)
        assert (await site.client.get("/api/v1/auth/me", headers=headers)).status_code == 200
        time[0] += timedelta(seconds=2)
        answer = await site.client.get("/api/v1/auth/me", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
        time[0] += timedelta(days=30)
        answer = await site.client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert answer.status_code == 401


async def test_a_change_of_roles_counts_from_the_next_request(site: Site, org: Org, owner: asyncpg.Connection) -> None:
    person_id = await make_person(site, org, Role.ADMIN, login="demoted")
    headers = await sign_in(site, org, "demoted")
    assert (await site.client.get("/api/v1/api-keys", headers=headers)).status_code == 200
    await owner.execute("update person set roles = $3 where org_id = $1 and id = $2", org.id, person_id, ["technician"])
    assert (await site.client.get("/api/v1/api-keys", headers=headers)).status_code == 403
    await owner.execute("update person set active = false where org_id = $1 and id = $2", org.id, person_id)
    answer = await site.client.get("/api/v1/auth/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "person_inactive")


async def test_changing_the_password_ends_every_other_sign_in(site: Site, org: Org) -> None:
    await make_person(site, org, Role.DISPATCHER, login="careful")
    here, there = await sign_in(site, org, "careful"), await sign_in(site, org, "careful")
    ask = {"current": PASSWORD, "new": "another long 4nswer"}
    assert (
        await site.client.post("/api/v1/auth/password", json={**ask, "current": "wrong"}, headers=here)
    ).status_code == 401
    assert (await site.client.post("/api/v1/auth/password", json=ask, headers=here)).status_code == 204
    assert (await site.client.get("/api/v1/auth/me", headers=here)).status_code == 200
    assert (await site.client.get("/api/v1/auth/me", headers=there)).status_code == 401
    await sign_in(site, org, "careful", "another long 4nswer")


@pytest.mark.parametrize("weak", ["aaaaaaaaaaaaaaa", "ababababababab", "my name is CAREFREE!"])
async def test_a_weak_password_is_refused(site: Site, org: Org, weak: str) -> None:
    await make_person(site, org, Role.DISPATCHER, login="carefree")
    headers = await sign_in(site, org, "carefree")
    answer = await site.client.post("/api/v1/auth/password", json={"current": PASSWORD, "new": weak}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "password_weak")


async def test_a_password_set_by_an_administrator_must_be_changed_before_anything_else(site: Site, org: Org) -> None:
    admin = await signed_in(site, org, Role.ADMIN)
    person_id = await make_person(site, org, Role.DISPATCHER)
    path = f"/api/v1/persons/{person_id}/credential"
    ask = {"login": "Newcomer", "password": "first day 2026 ok"}
    assert (await site.client.put(path, json=ask, headers=admin)).status_code == 204
    tokens = await _login(site, org, "newcomer", "first day 2026 ok")
    assert tokens["must_change_password"]
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = await site.client.get("/api/v1/devices", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "password_must_change")
    change = {"current": "first day 2026 ok", "new": "second thought 17"}
    assert (await site.client.post("/api/v1/auth/password", json=change, headers=headers)).status_code == 204
    assert (await site.client.get("/api/v1/devices", headers=headers)).status_code == 200


async def test_a_reset_token_works_once_and_ends_the_ones_before_it(site: Site, org: Org) -> None:
    admin = await signed_in(site, org, Role.ADMIN)
    person_id = await make_person(site, org, Role.DISPATCHER, login="forgetful")
    old = await sign_in(site, org, "forgetful")
    path = f"/api/v1/persons/{person_id}/password-reset"
    earlier = (await site.client.post(path, headers=admin)).json()["reset_token"]
    token = (await site.client.post(path, headers=admin)).json()["reset_token"]
    new = "remembered for once"
    results = []
    for text in (earlier, token, token):
        answer = await site.client.post("/api/v1/auth/password-reset", json={"reset_token": text, "new": new})
        results.append(answer.status_code)
    assert results == [401, 204, 401]
    assert (await site.client.get("/api/v1/auth/me", headers=old)).status_code == 401
    await sign_in(site, org, "forgetful", new)


async def test_a_login_that_somebody_has_is_taken(site: Site, org: Org) -> None:
    admin = await signed_in(site, org, Role.ADMIN)
    await make_person(site, org, Role.DISPATCHER, login="taken")
    other = await make_person(site, org, Role.DISPATCHER)
    answer = await site.client.put(f"/api/v1/persons/{other}/credential", json={"login": "TAKEN"}, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "login_taken")


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Basic eDp5", "Bearer x", "Bearer a.b.c", "Bearer é", "Bearer " + "a" * 20_000]
)
async def test_a_header_that_holds_no_token_proves_nothing(site: Site, given: str) -> None:
    headers = httpx.Headers([(b"Authorization", given.encode())] if given else [])
    answer = await site.client.get("/api/v1/auth/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_an_api_key_sends_and_reads_only_what_its_scopes_name(site: Site, org: Org) -> None:
    admin = await signed_in(site, org, Role.ADMIN)
    made = await site.client.post("/api/v1/api-keys", json={"name": "desk", "scopes": ["open_job"]}, headers=admin)
    key = {"Authorization": f"Bearer {made.json()['api_key']}"}
    assert (await site.client.get("/api/v1/devices", headers=key)).status_code == 403
    headers = {**key, "Idempotency-Key": str(uuid4())}
    answer = await site.client.post(
        "/api/v1/commands/cancel_job", json={"job_id": str(uuid4()), "reason": "x"}, headers=headers
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await site.client.delete(f"/api/v1/api-keys/{made.json()['key_id']}", headers=admin)).status_code == 204
    assert (await site.client.get("/api/v1/devices", headers=key)).status_code == 401
    listed = (await site.client.get("/api/v1/api-keys", headers=admin)).json()["items"]
    assert [line["name"] for line in listed] == ["desk"] and "revoked_at" in listed[0]


async def test_a_key_may_not_name_a_command_that_no_integration_may_send(site: Site, org: Org) -> None:
    admin = await signed_in(site, org, Role.ADMIN)
    answer = await site.client.post("/api/v1/api-keys", json={"name": "x", "scopes": ["save_person"]}, headers=admin)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "$.scopes")


async def test_an_unknown_or_foreign_token_of_each_kind_is_refused(site: Site, org: Org) -> None:
    for kind in TokenKind:
        headers = {"Authorization": f"Bearer {mint_token(kind, org.id, uuid4()).text}"}
        assert (await site.client.get("/api/v1/auth/me", headers=headers)).status_code == 401


async def test_no_secret_reaches_the_log(site: Site, org: Org, caplog: pytest.LogCaptureFixture) -> None:
    admin = await signed_in(site, org, Role.ADMIN)
    await make_person(site, org, Role.DISPATCHER, login="logged")
    caplog.set_level(logging.INFO)
    caplog.clear()
    with capture_logs() as events:
        tokens = await _login(site, org, "logged")
        await site.client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        await site.client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        made = (
            await site.client.post("/api/v1/api-keys", json={"name": "k", "scopes": ["read"]}, headers=admin)
        ).json()

    def told() -> list[dict[str, object]]:
        return [line for record in caplog.records for line in getattr(record, "lines", ())]

    # Lines are written together, in the next turn of the loop.
    await until(lambda: bool(told()) and told()[-1]["route"] == "/api/v1/api-keys")
    text = repr(events) + repr(told()) + caplog.text
    assert [line["route"] for line in told()[-4:]] == [
        "/api/v1/auth/login",
        "/api/v1/auth/refresh",
        "/api/v1/auth/refresh",
        "/api/v1/api-keys",
    ]
    for secret in (PASSWORD, "logged", *tokens.values(), made["api_key"]):
        assert str(secret) not in text or str(secret) in (tokens["org_id"], tokens["person_id"], "900")


@pytest.mark.parametrize("key_id", [[], {}, 7, None, True])
async def test_a_token_whose_key_id_is_no_text_is_refused(site: Site, key_id: object) -> None:
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": key_id}).encode()).decode()
    answer = await site.client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {head}.e30.x"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("path", "field", "kind"),
    [("refresh", "refresh_token", TokenKind.REFRESH), ("password-reset", "reset_token", TokenKind.PASSWORD_RESET)],
)
async def test_tokens_of_organisations_that_do_not_exist_leave_nothing_behind(
    site: Site, owner: asyncpg.Connection, path: str, field: str, kind: TokenKind
) -> None:
    nowhere = uuid4()
    ask = {field: mint_token(kind, nowhere, uuid4()).text, "new": PASSWORD}
    if path == "refresh":
        del ask["new"]
    answer = await site.client.post(f"/api/v1/auth/{path}", json=ask)
    assert answer.status_code in (400, 401, 403, 422), answer.text
    assert await owner.fetchval("select count(*) from throttle where org_id = $1", nowhere) == 0
