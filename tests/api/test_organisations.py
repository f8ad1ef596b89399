"""Making an organisation from the command line: its administrator can sign in, a second time is refused, nothing is left half made."""

import secrets
from datetime import UTC, datetime

import asyncpg
import pytest

from api.operator_error import OperatorError
from api.organisations import NewOrganisation, create, find, find_login
from api.sign_in import make_reset
from tests.api.serving import Org, Site

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def _new(slug: str = "", **other: str) -> NewOrganisation:
    values = {"slug": slug or f"made-{secrets.token_hex(4)}", "name": "Waterworks", "zone": "Asia/Shanghai", **other}
    return NewOrganisation(**values)


async def test_the_first_administrator_signs_in_and_must_choose_a_password(site: Site, pool: asyncpg.Pool) -> None:
    new = _new(admin_login="Chief")
    made = await create(pool, new, now=datetime.now(UTC))
    assert made.password not in repr(made)
    ask = {"org": new.slug, "login": "chief", "password": made.password}
    tokens = (await site.client.post("/api/v1/auth/login", json=ask)).json()
    assert tokens["must_change_password"] and tokens["person_id"] == str(made.person_id)
    me = await site.client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert me.json()["roles"] == ["admin"]


async def test_a_slug_that_is_taken_says_what_to_do_and_changes_nothing(pool: asyncpg.Pool) -> None:
    new = _new()
    made = await create(pool, new, now=NOW)
    with pytest.raises(OperatorError, match="reset-password"):
        await create(pool, new, now=NOW)
    assert await find(pool, new.slug) == made.org_id


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "Upper"},
        {"slug": "a--b"},
        {"slug": "x"},
        {"zone": "Mars/Base"},
        {"currency": "euro"},
        {"language": "fr"},
        {"name": " "},
    ],
)
async def test_a_wrong_value_is_named(pool: asyncpg.Pool, wrong: dict[str, str]) -> None:
    with pytest.raises(OperatorError):
        await create(pool, _new(**wrong), now=NOW)


async def test_an_operator_lets_an_administrator_back_in(site: Site, pool: asyncpg.Pool) -> None:
    new = _new()
    made = await create(pool, new, now=datetime.now(UTC))
    person_id = await find_login(pool, made.org_id, "ADMIN")
    token = await make_reset(pool, made.org_id, person_id, by=None, now=datetime.now(UTC))
    ask = {"reset_token": token.reset_token, "new": "brand new beginnings"}
    assert (await site.client.post("/api/v1/auth/password-reset", json=ask)).status_code == 204
    login = {"org": new.slug, "login": "admin", "password": "brand new beginnings"}
    assert "must_change_password" not in (await site.client.post("/api/v1/auth/login", json=login)).json()


async def test_an_unknown_organisation_or_login_is_named(pool: asyncpg.Pool, org: Org) -> None:
    with pytest.raises(OperatorError, match="no-such"):
        await find(pool, "no-such")
    with pytest.raises(OperatorError, match="nobody"):
        await find_login(pool, org.id, "nobody")
