"""The cursor that a device carries: a PostgreSQL snapshot and the buckets held, sealed. Never reads the database.

A cursor protects nothing secret, since scope is computed anew for each pull. The MAC only makes sure that what comes
back is what was given; whatever else comes back leads to a comparison of digests, never to a refusal. So reading
one never raises, and says why it cannot be followed.
"""

import base64
import binascii
import itertools
import re
import zlib
from typing import Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from mobile_contract import limits
from sync.keyring import KEY_ID_BYTES, MAC_BYTES, Keyring

_PURPOSE: Final = "cursor"
_FORMAT: Final = 1
_PLAIN, _DEFLATED = 0, 1
_HEAD_BYTES: Final = 2 + KEY_ID_BYTES + MAC_BYTES
# What a cursor may unpack to: far above 64 buckets and 1,000 open transactions.
_PAYLOAD_BYTES: Final = 64 * limits.KIB
_SNAPSHOT: Final = re.compile(r"(\d{1,20}):(\d{1,20}):(?:\d{1,20}(?:,\d{1,20})*)?", re.ASCII)

CursorTrouble = Literal["too_long", "malformed", "unknown_key", "bad_mac", "other_device", "other_major"]


class Partial(Struct, frozen=True, array_like=True):
    """The bucket that is being filled and the last key sent of it. With `reset` the device still shows its old copy."""

    bucket: str
    after_kind: str = ""
    after_id: UUID = UUID(int=0)
    reset: bool = False


class Cursor(Struct, frozen=True, array_like=True):
    """Where a device stands.

    `snapshot` is the text of a `pg_snapshot`; `buckets` are those held whole, in the order that frames index;
    `resets` wait to be sent anew while their old copy is shown.
    """

    life: UUID
    snapshot: str
    device: UUID
    major: int
    buckets: tuple[str, ...] = ()
    partial: Partial | None = None
    resets: tuple[str, ...] = ()


class Unusable(Struct, frozen=True):
    """A cursor that cannot be followed, and why."""

    code: CursorTrouble


_DECODER: Final = msgspec.msgpack.Decoder(Cursor)


def is_snapshot(text: str) -> bool:
    """Tell whether a text is a `pg_snapshot` that PostgreSQL would accept: xmin <= open ones, ascending, < xmax."""
    match = _SNAPSHOT.fullmatch(text)
    if match is None:
        return False
    xmin, xmax, rest = text.split(":")
    numbers = [int(xmin), *(int(x) for x in rest.split(",") if x), int(xmax)]
    ascending = all(a < b for a, b in itertools.pairwise(numbers[1:]))
    return 0 < numbers[0] <= numbers[1] and ascending and numbers[-1] < 1 << 63


def snapshot_xmin(snapshot: str) -> int:
    """Read the xmin of a snapshot. Raises ValueError for a text that is none."""
    if not is_snapshot(snapshot):
        raise ValueError("not a snapshot")
    return int(snapshot.partition(":")[0])


def seal_cursor(keyring: Keyring, cursor: Cursor) -> str:
    """Write a cursor as an opaque token of at most 8 KiB.

    Where a crowd of open transactions would make it longer, the snapshot is coarsened to its xmin: the next page then
    repeats some rows and skips none. Raises ValueError for a snapshot that is none or for more buckets than the limits allow.
    """
    if not is_snapshot(cursor.snapshot):
        raise ValueError("not a snapshot")
    token = _seal(keyring, cursor)
    if len(token) > limits.CURSOR_BYTES:
        xmin = snapshot_xmin(cursor.snapshot)
        token = _seal(keyring, msgspec.structs.replace(cursor, snapshot=f"{xmin}:{xmin}:"))
    if len(token) > limits.CURSOR_BYTES:
        raise ValueError("a cursor of more than 8 KiB: more buckets than the limits allow")
    return token


def open_cursor(keyring: Keyring, token: str, *, device: UUID, major: int) -> Cursor | Unusable:
    """Read a token that a device brought. Gives the cursor, or why it cannot be followed; never raises.

    The life is not judged here: compare `cursor.life` with that of the database, in the snapshot of the pull.
    """
    if len(token) > limits.CURSOR_BYTES:
        return Unusable("too_long")
    raw = _unbase64(token)
    if raw is None or len(raw) < _HEAD_BYTES or raw[0] != _FORMAT:
        return Unusable("malformed")
    key_id, mac, payload = raw[2 : 2 + KEY_ID_BYTES], raw[2 + KEY_ID_BYTES : _HEAD_BYTES], raw[_HEAD_BYTES:]
    verdict = keyring.check(_PURPOSE, key_id.hex(), raw[:2] + payload, mac)
    if verdict != "good":
        return Unusable(verdict)
    cursor = _decode(raw[1], payload)
    if cursor is None:
        return Unusable("malformed")
    if cursor.device != device:
        return Unusable("other_device")
    return cursor if cursor.major == major else Unusable("other_major")


def _seal(keyring: Keyring, cursor: Cursor) -> str:
    plain = msgspec.msgpack.encode(cursor)
    packed = zlib.compress(plain, 6)
    payload, form = (packed, _DEFLATED) if len(packed) < len(plain) else (plain, _PLAIN)
    head = bytes([_FORMAT, form])
    mac = keyring.mac(_PURPOSE, head + payload)
    raw = head + bytes.fromhex(keyring.current.id) + mac + payload
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unbase64(token: str) -> bytes | None:
    try:
        return base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None


def _decode(form: int, payload: bytes) -> Cursor | None:
    # The MAC was good, so only another version of this code can have written what does not decode.
    try:
        if form == _DEFLATED:
            unpacker = zlib.decompressobj()
            payload = unpacker.decompress(payload, _PAYLOAD_BYTES)
            if not unpacker.eof:
                return None
        cursor = _DECODER.decode(payload)
    except (zlib.error, msgspec.MsgspecError):
        return None
    return cursor if is_snapshot(cursor.snapshot) else None
