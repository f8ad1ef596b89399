"""The hash of a document, the digest of a bucket and the digest of a command. Pure; golden vectors in `vectors/digest.json`."""

import hashlib
from collections.abc import Iterable
from typing import Final, Self
from uuid import UUID

from msgspec import Struct

from mobile_contract.ids import uuid_text
from mobile_contract.schema.messages import BucketDigest

_MASK: Final = (1 << 64) - 1
_SIGN: Final = 1 << 63


def document_hash(kind: str, id: UUID, ver: int, body: bytes) -> int:
    """Hash one document: unsigned 64 bits.

    The first 8 bytes, big-endian, of SHA-256 over kind, id as lower-case text, `ver` in decimal and the bytes of the
    body, joined by NUL. The body is hashed as it stands, never re-encoded.
    """
    head = b"%b\0%b\0%d\0" % (kind.encode(), uuid_text(id), ver)
    return int.from_bytes(hashlib.sha256(head + body).digest()[:8], "big")


def command_digest(cmd: bytes) -> bytes:
    """Digest a command: SHA-256 (32 bytes) of the bytes of `cmd` as the device sends them."""
    return hashlib.sha256(cmd).digest()


def to_signed(h: int) -> int:
    """Turn unsigned 64 bits into the signed number that a PostgreSQL bigint holds. A number that is signed already stays."""
    h &= _MASK
    return h - (1 << 64) if h & _SIGN else h


def from_signed(h: int) -> int:
    """Turn a PostgreSQL bigint into unsigned 64 bits. A number that is unsigned already stays."""
    return h & _MASK


def to_hex(h: int) -> str:
    """Write 64 bits, signed or unsigned, as 16 lower-case hex digits."""
    return f"{h & _MASK:016x}"


def from_hex(text: str) -> int:
    """Read 16 lower-case hex digits as unsigned 64 bits. Raises ValueError for any other text."""
    if len(text) != 16 or not set(text) <= set("0123456789abcdef"):
        raise ValueError("a digest is 16 lower-case hex digits")
    return int(text, 16)


class Digest(Struct, frozen=True):
    """Count and XOR of document hashes. Order does not matter, and adding then removing changes nothing."""

    count: int = 0
    xor: int = 0

    @classmethod
    def of(cls, hashes: Iterable[int]) -> Self:
        """Digest document hashes, signed or unsigned. Nothing gives (0, 0)."""
        count = xor = 0
        for h in hashes:
            count += 1
            xor ^= h
        return cls(count, xor & _MASK)

    @classmethod
    def from_wire(cls, wire: BucketDigest) -> Self:
        """Read `[count, hex]`. Raises ValueError for anything but 16 hex digits."""
        return cls(wire.n, from_hex(wire.x))

    def add(self, h: int) -> Self:
        """Give the digest with one more document of hash `h`, signed or unsigned."""
        return type(self)(self.count + 1, (self.xor ^ h) & _MASK)

    def remove(self, h: int) -> Self:
        """Give the digest without a document of hash `h`, signed or unsigned."""
        return type(self)(self.count - 1, (self.xor ^ h) & _MASK)

    def to_wire(self) -> BucketDigest:
        """Write `[count, hex]`."""
        return BucketDigest(self.count, to_hex(self.xor))
