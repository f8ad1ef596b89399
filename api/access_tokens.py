"""Access tokens: who signed in, for a quarter of an hour. Makes and reads them; never says what the person may do.

Roles are not in the token: each request asks the database, so that a change or a revocation counts at once.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import OctKey
from joserfc.jws import JWSRegistry
from msgspec import Struct

from api.problems import ProblemError
from sync.keyring import Keyring

LIFETIME: Final = timedelta(minutes=15)
_PURPOSE: Final = "access token"
_ISSUER: Final = "onsite"
_ALGORITHM: Final = "HS256"
_TOKEN_CHARS_MAX: Final = 2_000
_REGISTRY: Final = JWSRegistry(algorithms=[_ALGORITHM])


class Claims(Struct, frozen=True):
    """What an access token says."""

    iss: str
    org: UUID
    sub: UUID
    sid: UUID
    iat: int
    exp: int


def make_access_token(keyring: Keyring, *, org_id: UUID, person_id: UUID, sign_in_id: UUID, now: datetime) -> str:
    """Make an access token that is good for 15 minutes."""
    key_id, secret = next(iter(keyring.sub_keys(_PURPOSE).items()))
    issued = int(now.timestamp())
    claims = Claims(_ISSUER, org_id, person_id, sign_in_id, issued, issued + int(LIFETIME.total_seconds()))
    header = {"alg": _ALGORITHM, "typ": "at+jwt", "kid": key_id}
    payload: dict[str, Any] = msgspec.to_builtins(claims)
    return jwt.encode(header, payload, OctKey.import_key(secret), registry=_REGISTRY)


def is_access_token(keyring: Keyring, header: dict[str, Any]) -> bool:
    """Tell by a JWT's (unproven) header whether it claims to be one of ours."""
    key_id = header.get("kid")
    return header.get("alg") == _ALGORITHM and isinstance(key_id, str) and key_id in keyring.sub_keys(_PURPOSE)


def read_access_token(keyring: Keyring, text: str, key_id: str, *, now: datetime) -> Claims:
    """Prove an access token. Raises ProblemError (unauthenticated, token_expired)."""
    if len(text) > _TOKEN_CHARS_MAX:
        raise ProblemError("unauthenticated")
    key = OctKey.import_key(keyring.sub_keys(_PURPOSE)[key_id])
    try:
        token = jwt.decode(text, key, registry=_REGISTRY)
        claims = msgspec.convert(token.claims, Claims)
        jwt.JWTClaimsRegistry(now=int(now.timestamp()), iss={"essential": True, "value": _ISSUER}).validate(
            token.claims
        )
    except ExpiredTokenError:
        raise ProblemError("token_expired") from None
    except (JoseError, ValueError, msgspec.MsgspecError):
        raise ProblemError("unauthenticated") from None
    return claims
