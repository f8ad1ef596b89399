"""The keys of server-made tokens (cursors, anchors, …), derived from the one secret. Never stores a key and never encrypts.

Each purpose has a sub-key of its own, so that a token of one kind is never taken for another. The secret may be
changed at any time: what was made with the previous one stays valid as long as that one is configured too.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct

MAC_BYTES: Final = 16
KEY_ID_BYTES: Final = 4

Verdict = Literal["good", "bad_mac", "unknown_key"]


class Key(Struct, frozen=True):
    """A master key with its public name (8 hex digits). The secret never shows in a representation."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.id!r})"


class Keyring(Struct, frozen=True):
    """The key that makes tokens and the one before it, which still verifies them."""

    current: Key
    previous: Key | None = None

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Authenticate a message for one purpose with the current key: 16 bytes."""
        return _mac(self.current, purpose, message)

    def check(self, purpose: str, key_id: str, message: bytes, mac: bytes) -> Verdict:
        """Judge a message's MAC in constant time. Never raises."""
        for key in (self.current, self.previous):
            if key is not None and key.id == key_id:
                return "good" if hmac.compare_digest(_mac(key, purpose, message), mac) else "bad_mac"
        return "unknown_key"

    def sub_keys(self, purpose: str) -> dict[str, bytes]:
        """Give the sub-keys of one purpose for a format that makes its own MAC: 32 bytes by key id, the current one first."""
        keys = (self.current, self.previous)
        return {key.id: _sub_key(key, purpose) for key in keys if key is not None}


def make_keyring(secret: bytes, previous: bytes | None = None) -> Keyring:
    """Derive the keyring from the configured secret, and from the one it replaced. Raises ValueError below 16 bytes."""
    return Keyring(_key(secret), None if previous is None else _key(previous))


def hkdf_sha256(secret: bytes, *, salt: bytes, label: bytes, length: int) -> bytes:
    """Derive `length` bytes (at most 8,160) from a secret for one label: HKDF with SHA-256, RFC 5869."""
    extracted = hmac.digest(salt or bytes(32), secret, hashlib.sha256)
    block, out = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + label + bytes([counter]), hashlib.sha256)
        out += block
    return out[:length]


def _key(secret: bytes) -> Key:
    if len(secret) < 16:
        raise ValueError("the secret needs at least 16 bytes")
    key_id = hkdf_sha256(secret, salt=b"onsite", label=b"key id", length=KEY_ID_BYTES)
    return Key(key_id.hex(), hkdf_sha256(secret, salt=b"onsite", label=b"master", length=32))


def _mac(key: Key, purpose: str, message: bytes) -> bytes:
    return hmac.digest(_sub_key(key, purpose), message, hashlib.sha256)[:MAC_BYTES]


@lru_cache(maxsize=64)
def _sub_key(key: Key, purpose: str) -> bytes:
    return hkdf_sha256(key.secret, salt=b"onsite", label=b"purpose " + purpose.encode(), length=32)
