"""The cursor that a device carries: a PostgreSQL snapshot and the buckets held, sealed. Never reads the database.

A cursor protects nothing secret, since scope is computed anew for each pull. The MAC only makes sure that what comes
back is what was given; whatever else comes back leads to a comparison of digests, never to a refusal. So reading
one never raises, and says why it cannot be followed.
"""

import base64
import binascii
import itertools
import re
from functools import lru_cache
from typing import Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from mobile_contract import limits
from sync.keyring import KEY_ID_BYTES, MAC_BYTES, Keyring

_PURPOSE: Final = "cursor"
# Format 1 named the device and wrote ids as text; who comes with one is compared.
_FORMAT: Final = 2
_HEAD_BYTES: Final = 1 + KEY_ID_BYTES + MAC_BYTES
# As many characters of a token as are whole bytes, and have the format and the key's id.
_HEAD_CHARS: Final = 8
# Buckets as they are named nearly always: a number and the id. Any other name is a zero and its text.
_NAMED: Final = {1: ("dev/", ""), 2: ("me/", ""), 3: ("crew/", ""), 4: ("district/", "/open"), 5: ("warehouse/", "")}
# The device's own bucket, which every cursor holds, is the number alone: the MAC says whose it is.
_OWN: Final = b"\6"
_UUID_CHARS: Final = 36
# Longer ones are not remembered.
_KNOWN_CHARS: Final = 1_024
# In transactions, of the whole cluster.
_UNDER_WAY_MAX: Final = 1_000
_GONE_BY_MAX: Final = 1_000_000
_SNAPSHOT: Final = re.compile(r"(\d{1,20}):(\d{1,20}):(?:\d{1,20}(?:,\d{1,20})*)?", re.ASCII)

CursorTrouble = Literal["too_long", "malformed", "unknown_key", "bad_mac", "other_major"]


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


class _Packed(Struct, frozen=True, array_like=True):
    """A cursor as it is written, but for the device, which the MAC covers: who brings it has to be the one it was given to.

    `snapshot` is xmin, the distance to xmax, and from each open transaction to the next.
    """

    life: bytes
    snapshot: tuple[int, ...]
    major: int
    buckets: tuple[bytes, ...]
    partial: tuple[bytes, str, bytes, bool] | None = None
    resets: tuple[bytes, ...] = ()


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Packed)


# Many devices stand at the same snapshots.
@lru_cache(maxsize=1_024)
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


def is_by_current_key(keyring: Keyring, token: str) -> bool:
    """Tell whether a token that was opened was sealed with the key that seals now."""
    raw = _unbase64(token[:_HEAD_CHARS])
    return raw is not None and raw[1 : 1 + KEY_ID_BYTES].hex() == keyring.current.id


def is_recent(cursor: Cursor, snapshot: str) -> bool:
    """Tell whether a device to which nothing happened up to a snapshot may as well stay at its cursor: it costs nothing to look from there.

    It does where much was under way when it was made, and one of long ago would come upon what retention has forgotten. Raises ValueError for
    a snapshot that is none.
    """
    begin, end, _ = cursor.snapshot.split(":")
    under_way, gone_by = int(end) - int(begin), snapshot_xmin(snapshot) - int(begin)
    return under_way <= _UNDER_WAY_MAX and 0 <= gone_by <= _GONE_BY_MAX


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
    return (_open_known if len(token) <= _KNOWN_CHARS else _open)(keyring, token, device, major)


def _open(keyring: Keyring, token: str, device: UUID, major: int) -> Cursor | Unusable:
    raw = _unbase64(token)
    if raw is None or len(raw) < _HEAD_BYTES or raw[0] != _FORMAT:
        return Unusable("malformed")
    key_id, mac, payload = raw[1 : 1 + KEY_ID_BYTES], raw[1 + KEY_ID_BYTES : _HEAD_BYTES], raw[_HEAD_BYTES:]
    verdict = keyring.check(_PURPOSE, key_id.hex(), raw[:1] + device.bytes + payload, mac)
    if verdict != "good":
        return Unusable(verdict)
    cursor = _decode(payload, device)
    if cursor is None:
        return Unusable("malformed")
    return cursor if cursor.major == major else Unusable("other_major")


# Who has nothing to fetch comes with the same cursor again and again.
_open_known: Final = lru_cache(maxsize=8_192)(_open)


def _seal(keyring: Keyring, cursor: Cursor) -> str:
    payload = _ENCODER.encode(_packed(cursor))
    head = bytes([_FORMAT])
    mac = keyring.mac(_PURPOSE, head + cursor.device.bytes + payload)
    raw = head + bytes.fromhex(keyring.current.id) + mac + payload
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unbase64(token: str) -> bytes | None:
    try:
        return base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None


def _packed(cursor: Cursor) -> _Packed:
    xmin, xmax, rest = cursor.snapshot.split(":")
    numbers = [int(xmin), *map(int, rest.split(",") if rest else ())]
    steps = (b - a for a, b in itertools.pairwise(numbers))
    part, own = cursor.partial, f"dev/{cursor.device}"
    return _Packed(
        life=cursor.life.bytes,
        snapshot=(numbers[0], int(xmax) - numbers[0], *steps),
        major=cursor.major,
        buckets=tuple(_OWN if name == own else _pack_name(name) for name in cursor.buckets),
        partial=None if part is None else (_pack_name(part.bucket), part.after_kind, part.after_id.bytes, part.reset),
        resets=tuple(map(_pack_name, cursor.resets)),
    )


def _decode(payload: bytes, device: UUID) -> Cursor | None:
    # The MAC was good, so only another version of this code can have written what does not decode.
    try:
        packed = _DECODER.decode(payload)
        xmin, width, *steps = packed.snapshot
        _, *opened = itertools.accumulate(steps, initial=xmin)
        snapshot = f"{xmin}:{xmin + width}:{','.join(map(str, opened))}"
        part = packed.partial
        cursor = Cursor(
            life=UUID(bytes=packed.life),
            snapshot=snapshot,
            device=device,
            major=packed.major,
            buckets=tuple(f"dev/{device}" if name == _OWN else _unpack_name(name) for name in packed.buckets),
            partial=None if part is None else Partial(_unpack_name(part[0]), part[1], UUID(bytes=part[2]), part[3]),
            resets=tuple(map(_unpack_name, packed.resets)),
        )
    except (msgspec.MsgspecError, ValueError, IndexError, KeyError):
        return None
    return cursor if is_snapshot(cursor.snapshot) else None


@lru_cache(maxsize=4096)
def _pack_name(name: str) -> bytes:
    for number, (begin, end) in _NAMED.items():
        if name.startswith(begin) and name.endswith(end) and len(name) == len(begin) + _UUID_CHARS + len(end):
            packed = bytes([number]) + _uuid_bytes(name[len(begin) :][:_UUID_CHARS])
            if len(packed) > 1 and _unpack_name(packed) == name:
                return packed
    return b"\0" + name.encode()


@lru_cache(maxsize=4096)
def _unpack_name(packed: bytes) -> str:
    if packed[0] == 0:
        return packed[1:].decode()
    begin, end = _NAMED[packed[0]]
    return f"{begin}{UUID(bytes=packed[1:])}{end}"


def _uuid_bytes(text: str) -> bytes:
    try:
        return UUID(text).bytes
    except ValueError:
        return b""
