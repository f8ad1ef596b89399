"""An arranged organisation behind the application, with people of its office signed in. Never mocks; the clock stands at NOW."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
from msgspec import Struct
from uuid_utils.compat import uuid7

from api.access_tokens import make_access_token
from api.store import credentials, sign_ins
from sync.transaction import org_transaction
from tests import arrange
from tests.api.serving import PASSWORD, Site


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self, at: datetime = arrange.NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, span: timedelta) -> datetime:
        """Let time pass and give the new time."""
        self.at += span
        return self.at


class Office(Struct, frozen=True):
    """An organisation and its people's headers, by name."""

    org: arrange.Org
    site: Site
    headers: dict[str, dict[str, str]]

    async def get(self, path: str, *, by: str = "dan", headers: Mapping[str, str] | None = None, **params: Any) -> Any:
        """Get a path and give the body; AssertionError unless it is a 200."""
        answer = await self.raw(path, by=by, headers=headers, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def raw(
        self, path: str, *, by: str = "dan", headers: Mapping[str, str] | None = None, **params: Any
    ) -> httpx.Response:
        """Get a path and give the answer whatever it is."""
        sent = {**self.headers[by], **(headers or {})}
        return await self.site.client.get(f"/api/v1{path}", params=params, headers=sent)

    async def post(self, path: str, body: Any, *, by: str = "dan", key: object = "") -> httpx.Response:
        """Post a body, with an Idempotency-Key when one is given."""
        sent = {**self.headers[by], **({"Idempotency-Key": str(key)} if key else {})}
        return await self.site.client.post(f"/api/v1{path}", json=body, headers=sent)


async def office(site: Site, pool: asyncpg.Pool, seed: int, *names: str) -> Office:
    """Make an organisation and sign in the people named, `dan` at least."""
    org = await arrange.organisation(pool, seed)
    made = Office(org, site, {})
    for name in {"dan", *names}:
        made.headers[name] = await signed_in(site, org, name)
    return made


async def signed_in(site: Site, org: arrange.Org, name: str) -> dict[str, str]:
    """Begin a sign-in of a person and give the header; without the password, whose hash takes a second."""
    now = site.services.clock()
    sign_in = sign_ins.NewSignIn(sign_in_id=uuid7(), person_id=org.people[name], expires_at=now + timedelta(days=1))
    async with org_transaction(org.pool, org.id) as conn:
        await sign_ins.start(conn, org.id, sign_in, now=now)
    token = make_access_token(
        site.services.keyring, org_id=org.id, person_id=sign_in.person_id, sign_in_id=sign_in.sign_in_id, now=now
    )
    return {"Authorization": f"Bearer {token}"}


async def give_login(site: Site, org: arrange.Org, name: str, *, must_change: bool = False) -> None:
    """Give a person the common test password; the login is the name."""
    hashed = await site.services.passwords.hash(PASSWORD)
    new = credentials.NewCredential(
        person_id=org.people[name], login=name, password_hash=hashed, must_change=must_change
    )
    async with org_transaction(org.pool, org.id) as conn:
        await credentials.set_credential(conn, org.id, new, now=site.services.clock())


async def slug_of(org: arrange.Org) -> str:
    """Give the organisation's name in addresses."""
    async with org_transaction(org.pool, org.id) as conn:
        return str(await conn.fetchval("select slug from organisation where org_id = $1", org.id))
