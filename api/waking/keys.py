"""The key that phones subscribe for, as text. Light to import: settings check it. Sends nothing."""

import base64
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SCALAR_BYTES: Final = 32


def make_push_key() -> str:
    """Draw a key: the private scalar of a point of P-256, base64url without padding."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return _text(number.to_bytes(_SCALAR_BYTES, "big"))


def public_key_of(push_key: str) -> str:
    """Give the public half as browsers take it: an uncompressed point, base64url. Raises ValueError for a text that is no key."""
    point = private_key(push_key).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return _text(point)


def private_key(push_key: str) -> ec.EllipticCurvePrivateKey:
    """Read a key. Raises ValueError for a text that is none."""
    raw = base64.b64decode(push_key + "=" * (-len(push_key) % 4), altchars=b"-_", validate=True)
    if len(raw) != _SCALAR_BYTES:
        raise ValueError("a push key is 32 bytes in base64url")
    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
