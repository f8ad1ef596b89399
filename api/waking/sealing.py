"""Sealing a push so that only the phone can read it: RFC 8291 over the content coding `aes128gcm` of RFC 8188, one record. Draws no chance by itself."""

import secrets
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

SALT_BYTES: Final = 16
AUTH_BYTES: Final = 16
POINT_BYTES: Final = 65
RECORD_BYTES: Final = 4096
_LAST_RECORD: Final = b"\x02"
_TAG_BYTES: Final = 16


class Chance(Struct, frozen=True):
    """What is drawn anew for each push: a key of its own and a salt of 16 bytes."""

    key: ec.EllipticCurvePrivateKey
    salt: bytes

    def __repr__(self) -> str:
        return "Chance()"


def draw() -> Chance:
    """Draw what one push is sealed with."""
    return Chance(ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(SALT_BYTES))


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """Give a public key as an uncompressed point of 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def seal(message: bytes, *, p256dh: bytes, auth: bytes, chance: Chance) -> bytes:
    """Seal a message for whoever has the private half of `p256dh` (an uncompressed point) and `auth` (16 bytes).

    Raises ValueError when the point is not on the curve or the message does not fit in one record.
    """
    if len(message) + len(_LAST_RECORD) + _TAG_BYTES > RECORD_BYTES:
        raise ValueError("the message does not fit in one record")
    receiver = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    sender = point_of(chance.key.public_key())
    shared = chance.key.exchange(ec.ECDH(), receiver)
    secret = _derive(shared, salt=auth, info=b"WebPush: info\0" + p256dh + sender, length=32)
    key = _derive(secret, salt=chance.salt, info=b"Content-Encoding: aes128gcm\0", length=16)
    nonce = _derive(secret, salt=chance.salt, info=b"Content-Encoding: nonce\0", length=12)
    head = chance.salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(sender)]) + sender
    return head + AESGCM(key).encrypt(nonce, message + _LAST_RECORD, None)


def _derive(material: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(material)
