"""The text of secrets that the server makes: device tokens, API keys, refresh and reset tokens. Never stores one.

`<kind>_<org, 32 hex>_<id, 32 hex>_<secret, 43 base64url>`: the ids find the row without a search, the secret is 256
random bits, of which only the SHA-256 is stored. The kinds are words that secret scanners can look for.
"""

import hashlib
import hmac
import re
import secrets
from enum import StrEnum
from typing import Final
from uuid import UUID

from msgspec import Struct

SECRET_BYTES: Final = 32
_FORM: Final = re.compile(r"(os[dkrpt])_([0-9a-f]{32})_([0-9a-f]{32})_([A-Za-z0-9_-]{43})", re.ASCII)


class TokenKind(StrEnum):
    """What a token is for."""

    DEVICE = "osd"
    API_KEY = "osk"
    REFRESH = "osr"
    PASSWORD_RESET = "osp"
    TRACKER = "ost"


class Token(Struct, frozen=True):
    """A token taken apart. The secret never shows in a representation."""

    kind: TokenKind
    org_id: UUID
    id: UUID
    secret: str

    def __repr__(self) -> str:
        return f"Token({self.kind}, {self.id})"

    @property
    def text(self) -> str:
        """Write the token as it travels."""
        return f"{self.kind}_{self.org_id.hex}_{self.id.hex}_{self.secret}"

    @property
    def secret_hash(self) -> bytes:
        """Hash the secret as it is stored: 32 bytes."""
        return hashlib.sha256(self.secret.encode()).digest()

    def matches(self, secret_hash: bytes | None) -> bool:
        """Compare with a stored hash in constant time; None matches nothing."""
        return hmac.compare_digest(self.secret_hash, secret_hash or bytes(32)) and secret_hash is not None


def mint_token(kind: TokenKind, org_id: UUID, id: UUID) -> Token:
    """Make a token with a new random secret."""
    return Token(kind, org_id, id, secrets.token_urlsafe(SECRET_BYTES))


def read_token(text: str, kind: TokenKind) -> Token | None:
    """Take a token of one kind apart; None for anything else."""
    match = _FORM.fullmatch(text)
    if match is None or match[1] != kind:
        return None
    return Token(kind, UUID(match[2]), UUID(match[3]), match[4])
