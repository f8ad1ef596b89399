"""Waking a sleeping phone: how a device says where it is reached, and what became of waking it. Owns shapes only.

A push says nothing but "look": what there is to see comes by pull.
"""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from mobile_contract.schema.base import Code, Instant, Line
from mobile_contract.schema.listing import Shown

LOOK = b'{"onsite":"look"}'
"""All that a push says, once it is decrypted."""

_B64URL = "^[A-Za-z0-9_-]+={0,2}$"


class WakeProvider(StrEnum):
    """A way to reach a sleeping phone."""

    WEB_PUSH = "web_push"


class WebPushAddress(Struct, frozen=True, kw_only=True):
    """Where a browser is reached: of its PushSubscription the `endpoint`, both `keys`, and `expirationTime` as an instant."""

    endpoint: Annotated[str, Meta(min_length=8, max_length=1024)]
    p256dh: Annotated[
        str, Meta(min_length=86, max_length=92, pattern=_B64URL, description="P-256 public key, uncompressed.")
    ]
    auth: Annotated[str, Meta(min_length=21, max_length=24, pattern=_B64URL, description="16 random bytes.")]
    expires_at: Instant | None = None


class WakingAsk(Struct, frozen=True, kw_only=True):
    """Say where this device is reached. Null: nowhere any more; left out: only ask how things stand."""

    address: WebPushAddress | UnsetType | None = UNSET


class WakingWay(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """A way that this server can use; `key` is what a browser takes as `applicationServerKey` (base64url, P-256 uncompressed)."""

    provider: WakeProvider
    key: str


class WakingSetup(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """How a device may have itself woken (none: the operator has not set it up), and since when it is reached (null: it is not).

    A subscription is made for a key: where `key` is another one by now, the device subscribes anew.
    """

    ways: tuple[WakingWay, ...]
    since: Instant | None
    provider: WakeProvider | None


class WakeResult(StrEnum):
    """What became of waking a phone. `sent`: its push service took it, which does not say that the phone has looked."""

    SENT = "sent"
    NOT_REACHABLE = "not_reachable"
    GONE = "gone"
    REFUSED = "refused"
    FAILED = "failed"
    TOO_SOON = "too_soon"
    OFF = "off"


class WakeAnswer(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """What became of waking a phone, in words too; `last_at`: when it was last sent a push."""

    device_id: UUID
    result: WakeResult
    code: Code
    text: Line
    last_at: Instant | None
