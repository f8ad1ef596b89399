"""Bearer tokens of an identity provider (OpenID Connect): proven against its published keys. Never maps one to a person.

Accepts signatures by public key only: an HMAC token "signed" with a public key, or an unsigned one, is refused by its header.
"""

import asyncio
import time
from datetime import datetime
from typing import Any, Final

import httpx
import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from msgspec import Struct

from api.problems import ProblemError
from mobile_contract.limits import KIB

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
LEEWAY_S: Final = 30
KEYS_FRESH_S: Final = 600.0
# Keys that have not been renewed for so long are not trusted any more, should the provider stay silent.
KEYS_USABLE_S: Final = 86_400.0
# A token with an unknown key id makes us ask the provider, but not more often than this.
ASK_AGAIN_S: Final = 15.0
_TIMEOUT_S: Final = 5.0
_DOCUMENT_BYTES: Final = 256 * KIB
_TOKEN_CHARS_MAX: Final = 8_000
_REGISTRY: Final = JWSRegistry(algorithms=list(ALGORITHMS))

log = structlog.get_logger()


class Subject(Struct, frozen=True):
    """Whom a proven token is about. `email` is empty unless the provider says that it verified it."""

    issuer: str
    subject: str
    email: str


class Oidc:
    """Proves the tokens of one issuer for one audience; keeps the issuer's keys."""

    def __init__(self, issuer: str, audience: str, jwks_url: str = "") -> None:
        self._issuer = issuer
        self._audience = audience
        self._jwks_url = jwks_url
        self._keys: KeySet | None = None
        self._read_at = 0.0
        self._asked_at = -ASK_AGAIN_S
        self._asking = asyncio.Lock()
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False)

    async def prove(self, text: str, header: dict[str, Any], *, now: datetime) -> Subject:
        """Prove a token. Raises ProblemError (unauthenticated, token_expired, oidc_unavailable)."""
        if len(text) > _TOKEN_CHARS_MAX or header.get("alg") not in ALGORITHMS:
            raise ProblemError("unauthenticated")
        keys = await self._keys_for(header.get("kid"))
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            token = jwt.decode(text, keys, registry=_REGISTRY)
            registry.validate(token.claims)
        except ExpiredTokenError:
            raise ProblemError("token_expired") from None
        except (JoseError, ValueError, TypeError):
            raise ProblemError("unauthenticated") from None
        claims = token.claims
        verified = claims.get("email_verified") is True and isinstance(claims.get("email"), str)
        return Subject(self._issuer, claims["sub"], claims["email"] if verified else "")

    async def close(self) -> None:
        """Close the connection to the provider."""
        await self._client.aclose()

    async def _keys_for(self, key_id: object) -> KeySet:
        if self._is_good(key_id):
            return self._known()
        async with self._asking:
            if not self._is_good(key_id) and time.monotonic() - self._asked_at >= ASK_AGAIN_S:
                self._asked_at = time.monotonic()
                await self._read_keys()
        return self._known()

    def _is_good(self, key_id: object) -> bool:
        if self._keys is None or time.monotonic() - self._read_at > KEYS_FRESH_S:
            return False
        return key_id is None or any(key.kid == key_id for key in self._keys)

    def _known(self) -> KeySet:
        if self._keys is None or time.monotonic() - self._read_at > KEYS_USABLE_S:
            raise ProblemError("oidc_unavailable")
        return self._keys

    async def _read_keys(self) -> None:
        try:
            if not self._jwks_url:
                found = await self._document(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
                if found.get("issuer") != self._issuer:
                    raise ValueError("the discovery document names another issuer")
                self._jwks_url = str(found["jwks_uri"])
            self._keys = KeySet.import_key_set(await self._document(self._jwks_url))  # type: ignore[arg-type]
            self._read_at = time.monotonic()
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("oidc_keys_unreadable", error=type(error).__name__)

    async def _document(self, url: str) -> dict[str, Any]:
        async with self._client.stream("GET", url, headers={"Accept": "application/json"}) as answer:
            answer.raise_for_status()
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > _DOCUMENT_BYTES:
                    raise ValueError("the document is too long")
        return msgspec.json.decode(bytes(body), type=dict[str, Any])
