"""What a device says about time: a sample of its clocks. Owns the Structs only; `sync.clock` judges them.

The numbers carry no range on purpose: a broken clock must never make a report from the field unreadable.
A value that cannot be (negative, beyond 2^53) counts as missing.
"""

from typing import Annotated

from msgspec import Meta

from mobile_contract.schema.base import Instant, Value


class GnssFix(Value, frozen=True, kw_only=True):
    """Satellite time at the instant of the sample, true within `accuracy_ms` either way."""

    time: Instant
    accuracy_ms: int


class CitedAnchor(Value, frozen=True, kw_only=True):
    """The anchor a sample stands on: `begin.anchor` as received, and what the device saw when it came.

    `mono_ms` and `boot` are of the receipt; `round_trip_ms` runs from the request's first byte to that receipt.
    """

    token: str
    mono_ms: int
    boot: str
    round_trip_ms: int | None = None


class ClockSample(Value, frozen=True, kw_only=True):
    """A device's clocks at one instant.

    `wall` is the clock the user sees; `mono_ms` a clock that counts sleep and is never set; `boot` names the
    stretch over which `mono_ms` runs on (a boot of the phone, a load of the page). Without a usable
    monotonic clock both are left out.
    """

    wall: Instant
    mono_ms: Annotated[int, Meta(description="Milliseconds of a clock that counts sleep.")] | None = None
    boot: str | None = None
    gnss: GnssFix | None = None
    anchor: CitedAnchor | None = None
