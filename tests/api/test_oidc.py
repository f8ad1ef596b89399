"""Bearer tokens of an identity provider: real signatures, a real key server on loopback, and every forgery refused."""

import asyncio
import base64
import contextlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from api import oidc
from api.settings import Settings
from mobile_contract.schema.people import Role
from tests.api.serving import Org, Site, in_process, make_org, make_person

AUDIENCE = "onsite-tests"


class Provider:
    """An identity provider on loopback: a discovery document, a key set, and how often each was asked for."""

    def __init__(self) -> None:
        self.keys: list[Any] = [RSAKey.generate_key(2048, {"kid": "one"})]
        self.asked: list[str] = []
        self.issuer = ""
        self.silent = False

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).split()[1].decode()
        while (await reader.readline()).strip():
            pass
        self.asked.append(path)
        if self.silent:
            writer.close()
            return
        body: object = KeySet(self.keys).as_dict(private=False)
        if path.endswith("openid-configuration"):
            body = {"issuer": self.issuer, "jwks_uri": self.issuer + "/keys"}
        text = json.dumps(body).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            % len(text)
            + text
        )
        await writer.drain()
        writer.close()

    def token(self, key: Any = None, alg: str = "RS256", **claims: Any) -> str:
        key = key or self.keys[0]
        said = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "subject-1",
            "exp": int((datetime.now(UTC) + timedelta(minutes=5)).timestamp()),
            "email": "Mei@Example.org",
            "email_verified": True,
        }
        said.update(claims)
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode({"alg": alg, "kid": key.kid}, said, key, algorithms=[alg])


@contextlib.asynccontextmanager
async def _provider() -> AsyncIterator[Provider]:
    provider = Provider()
    server = await asyncio.start_server(provider.answer, "127.0.0.1", 0)
    provider.issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield provider


@contextlib.asynccontextmanager
async def _world(settings: Settings) -> AsyncIterator[tuple[Provider, Site, Org]]:
    async with _provider() as provider:
        with_oidc = msgspec.structs.replace(settings, oidc_issuer=provider.issuer, oidc_audience=AUDIENCE)
        async with in_process(with_oidc) as site:
            yield provider, site, await make_org(site.services.pool)


async def _me(site: Site, org: Org, token: str) -> tuple[int, dict[str, Any]]:
    answer = await site.client.get(
        "/api/v1/auth/me", headers={"Authorization": f"Bearer {token}", "Onsite-Org": org.slug}
    )
    return answer.status_code, answer.json()


async def test_a_verified_email_that_is_a_login_links_the_subject_for_good(settings: Settings) -> None:
    async with _world(settings) as (provider, site, org):
        person_id = await make_person(site, org, Role.DISPATCHER, login="mei@example.org")
        status, body = await _me(site, org, provider.token())
        assert (status, body["person_id"], body["roles"]) == (200, str(person_id), ["dispatcher"])
        status, body = await _me(site, org, provider.token(email="changed@example.org", email_verified=False))
        assert (status, body["person_id"]) == (200, str(person_id))
        assert provider.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_an_unverified_email_and_an_unknown_one_are_nobody(settings: Settings) -> None:
    async with _world(settings) as (provider, site, org):
        await make_person(site, org, Role.DISPATCHER, login="mei@example.org")
        for claims in (
            {"email_verified": False},
            {"email_verified": "true"},
            {"email": "x@example.org"},
            {"email": None},
        ):
            assert (await _me(site, org, provider.token(**claims)))[0] == 401
        other = await make_org(site.services.pool)
        assert (await _me(site, other, provider.token()))[0] == 401
        assert (await _me(site, Org(org.id, ""), provider.token()))[0] == 401


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iss": "http://127.0.0.1:1"}, "unauthenticated"),
        ({"aud": "another"}, "unauthenticated"),
        ({"aud": None}, "unauthenticated"),
        ({"exp": 1}, "token_expired"),
        ({"exp": None}, "unauthenticated"),
        ({"nbf": 4_000_000_000}, "unauthenticated"),
        ({"sub": None}, "unauthenticated"),
    ],
)
async def test_a_token_for_another_or_at_another_time_is_refused(
    settings: Settings, claims: dict[str, Any], code: str
) -> None:
    async with _world(settings) as (provider, site, org):
        await make_person(site, org, Role.DISPATCHER, login="mei@example.org")
        status, body = await _me(site, org, provider.token(**claims))
        assert (status, body["code"]) == (401, code)


def _signed_with_the_public_key(key: RSAKey, payload: str) -> str:
    """Make the classic forgery: HMAC, with the published key as the shared secret. The library refuses to make it."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
    mac = hmac.digest(key.as_pem(private=False), f"{head}.{payload}".encode(), "sha256")
    return f"{head}.{payload}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


async def test_forged_signatures_are_refused(settings: Settings) -> None:
    async with _world(settings) as (provider, site, org):
        await make_person(site, org, Role.DISPATCHER, login="mei@example.org")
        own = provider.keys[0]
        stranger = RSAKey.generate_key(2048, {"kid": "one"})
        good = provider.token()
        head, payload, signature = good.split(".")
        unsigned = "eyJhbGciOiJub25lIn0." + payload + "."
        forged = [
            provider.token(stranger),
            _signed_with_the_public_key(own, payload),
            unsigned,
            f"{head}.{payload}.",
            good[:-4] + "AAAA",
        ]
        for token in forged:
            assert (await _me(site, org, token))[0] == 401
        assert (await _me(site, org, good))[0] == 200
        assert signature


async def test_a_new_key_is_fetched_but_unknown_key_ids_do_not_hammer_the_provider(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _world(settings) as (provider, site, org):
        await make_person(site, org, Role.DISPATCHER, login="mei@example.org")
        assert (await _me(site, org, provider.token()))[0] == 200
        rotated = ECKey.generate_key("P-256", {"kid": "two"})
        provider.keys.append(rotated)
        for _ in range(5):
            assert (await _me(site, org, provider.token(rotated, alg="ES256")))[0] == 401
        assert provider.asked.count("/keys") == 1
        monkeypatch.setattr(oidc, "ASK_AGAIN_S", 0.0)
        assert (await _me(site, org, provider.token(rotated, alg="ES256")))[0] == 200
        assert provider.asked.count("/keys") == 2


async def test_a_silent_provider_is_said_to_be_unavailable(settings: Settings) -> None:
    async with _world(settings) as (provider, site, org):
        provider.silent = True
        status, body = await _me(site, org, provider.token())
        assert (status, body["code"]) == (503, "oidc_unavailable")


async def test_without_an_issuer_configured_no_foreign_token_counts(site: Site, org: Org) -> None:
    key = RSAKey.generate_key(2048, {"kid": "one"})
    token = jwt.encode({"alg": "RS256", "kid": "one"}, {"sub": "x"}, key, algorithms=["RS256"])
    assert (await _me(site, org, token))[0] == 401
