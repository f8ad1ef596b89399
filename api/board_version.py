"""Where a board stands: a PostgreSQL snapshot, the days shown and what crews looked like, sealed. Never reads the database.

It protects nothing secret: who may see what is asked anew each time. The seal only makes sure that what comes back is what was given;
anything else means that the board is fetched anew.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from sync.cursor import is_snapshot
from sync.keyring import KEY_ID_BYTES, MAC_BYTES, Keyring

_PURPOSE: Final = "board"
_DIGEST_BYTES: Final = 8
_HEAD_BYTES: Final = KEY_ID_BYTES + MAC_BYTES
# Crews whose looks a version tells apart; of more it holds one digest of all, and sends all when one changed.
CREWS_APART_MAX: Final = 400


class Standing(Struct, frozen=True, array_like=True, kw_only=True):
    """Where a board stands. `reference` is the digest of what has no changes of its own; `crews` those of the crews' JSON in order of id.

    `today`: no days were asked for, so that the board is over when its day is.
    """

    life: UUID
    snapshot: str
    from_at: datetime
    to_at: datetime
    reference: bytes
    crews: bytes
    today: bool = False


_DECODER: Final = msgspec.msgpack.Decoder(Standing)


def looks(crews: Mapping[UUID, str]) -> bytes:
    """Digest what crews look like: 8 bytes for each in order of id, or 8 for all where they are many."""
    if len(crews) > CREWS_APART_MAX:
        return _digest("\n".join(crews[id] for id in sorted(crews)))
    return b"".join(_digest(crews[id]) for id in sorted(crews))


def reference(text: str, crews: Mapping[UUID, str]) -> bytes:
    """Digest what makes a board to be fetched anew when it changes: districts, job types, which crews there are."""
    return _digest("\n".join((text, *(str(id) for id in sorted(crews)))))


def differing(known: bytes, crews: Mapping[UUID, str]) -> list[UUID]:
    """Name the crews that do not look as in `known`, which was made of the same crews; in order of id."""
    if known == (now := looks(crews)):
        return []
    ids = sorted(crews)
    if len(ids) > CREWS_APART_MAX or len(known) != len(now):
        return ids
    spans = (slice(i * _DIGEST_BYTES, (i + 1) * _DIGEST_BYTES) for i in range(len(ids)))
    return [id for id, span in zip(ids, spans, strict=True) if known[span] != now[span]]


def seal(keyring: Keyring, org_id: UUID, standing: Standing) -> str:
    """Write a version as an opaque text for its organisation."""
    payload = msgspec.msgpack.encode(standing)
    mac = keyring.mac(_PURPOSE, org_id.bytes + payload)
    raw = bytes.fromhex(keyring.current.id) + mac + payload
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unseal(keyring: Keyring, org_id: UUID, version: str) -> Standing | None:
    """Read a version that came back; None for one that was not given to this organisation. Never raises."""
    try:
        raw = base64.b64decode(version.encode("ascii") + b"=" * (-len(version) % 4), altchars=b"-_", validate=True)
        key_id, mac, payload = raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:_HEAD_BYTES], raw[_HEAD_BYTES:]
        if keyring.check(_PURPOSE, key_id.hex(), org_id.bytes + payload, mac) != "good":
            return None
        standing = _DECODER.decode(payload)
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError):
        return None
    return standing if is_snapshot(standing.snapshot) else None


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()
