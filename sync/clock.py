"""When something on site really happened, as an interval. Pure: never reads a clock, never orders, never decides.

The server knows two things for certain: when a request's head arrived, and when it made the anchor that a sample
cites. The device's monotonic clock carries both to the instant of capture. Each bound is used only in the direction
in which a clock that pauses (a browser asleep) leaves it true. Nothing a device reports makes this module raise.
"""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from msgspec import Struct

from mobile_contract.limits import ANCHOR_TOKEN_CHARS, COMMAND_MEMORY_DAYS, MONO_DRIFT_PPM
from mobile_contract.schema.clock import CitedAnchor, ClockSample, GnssFix
from sync.keyring import KEY_ID_BYTES, MAC_BYTES, Keyring

_PURPOSE: Final = "anchor"
_CLAIM_BYTES: Final = 8
# As anchors were once written: the device and 8 bytes of chance beside the time. Queues still cite them.
_OLD_CLAIM_BYTES: Final = 8 + 16 + 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
_FIRST_US: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _US
_LAST_US: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _US

# Beyond these a number is no clock's reading.
_MONO_MAX_MS: Final = 1 << 53
_GNSS_ACCURACY_MAX_MS: Final = 3_600_000
# A wall clock or a satellite time further back than this is a default value or a week roll-over, not a memory.
_MEMORY_US: Final = COMMAND_MEMORY_DAYS * 86_400_000_000
# Two readings in whole milliseconds may be off by one together.
_GRAIN_US: Final = 1_000
# Anchor and receipt may come from two servers whose clocks differ.
_SKEW_US: Final = 1_000_000


class ClockMethod(StrEnum):
    """What bounds a corrected time: only the receipt, the way to the sending, an anchor, both, or satellites."""

    RECEIPT = "receipt"
    SENT = "sent"
    ANCHOR = "anchor"
    ANCHOR_SENT = "anchor_sent"
    GNSS = "gnss"


class AnchorClaims(Struct, frozen=True):
    """What the server says of an anchor: when it made it, and for which device."""

    server_time: datetime
    device: UUID


class CorrectedTime(Struct, frozen=True, kw_only=True):
    """When it happened: within [`not_before`, `not_after`] (open to the past when None), most likely at `best`.

    All in UTC. With `suspect` the device's clocks contradict each other, and only the receipt bounds the time.
    `raw_wall` is what the user's clock showed.
    """

    not_before: datetime | None
    not_after: datetime
    best: datetime
    method: ClockMethod
    suspect: bool
    raw_wall: datetime


def make_anchor(keyring: Keyring, server_time: datetime, device: UUID) -> str:
    """Write the token of `begin.anchor`. `server_time` is aware; the device is not written, but what it brings is checked with it."""
    claim = _to_us(server_time).to_bytes(_CLAIM_BYTES, "big", signed=True)
    raw = bytes.fromhex(keyring.current.id) + keyring.mac(_PURPOSE, claim + device.bytes) + claim
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_anchor(keyring: Keyring, token: str, device: UUID) -> AnchorClaims | None:
    """Read the token that a sample cites. None for any token that is not ours or not this device's; never raises."""
    if len(token) > ANCHOR_TOKEN_CHARS:
        return None
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    claims = raw[KEY_ID_BYTES + MAC_BYTES :]
    if len(claims) == _CLAIM_BYTES:
        message = claims + device.bytes
    elif len(claims) == _OLD_CLAIM_BYTES and claims[8:24] == device.bytes:
        message = claims
    else:
        return None
    key_id, mac = raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES : KEY_ID_BYTES + MAC_BYTES]
    if keyring.check(_PURPOSE, key_id.hex(), message, mac) != "good":
        return None
    return AnchorClaims(_to_datetime(int.from_bytes(claims[:8], "big", signed=True)), device)


def cited_anchor(keyring: Keyring, sample: ClockSample, device: UUID) -> AnchorClaims | None:
    """Read the anchor of a sample. None when it cites none, or none that is ours; never raises."""
    return None if sample.anchor is None else read_anchor(keyring, sample.anchor.token, device)


def correct(
    captured: ClockSample, sent: ClockSample, received_at: datetime, anchor: AnchorClaims | None
) -> CorrectedTime:
    """Bound the instant of `captured`, sent with the sample `sent` in a request whose head arrived at `received_at`.

    `anchor` is what the server says of `captured.anchor`. Not later than the receipt less the monotonic time from
    capture to sending (same boot); not earlier than the anchor plus the monotonic time since its receipt (same boot;
    else than the anchor itself, which the sample could not have cited before); satellites narrow both. An honest
    monotonic clock may drift by 100 ppm. An empty interval is `suspect`, and then the receipt alone bounds the time.

    `best` lies in the interval: satellite time; else the wall clock where the monotonic clock bounds both sides; else
    the monotonic estimate from the one side; else the receipt less what passed by the wall clock since the capture.
    """
    receipt = _to_us(received_at)
    only_receipt = _Bounds(None, receipt, _by_wall(captured, sent, receipt), ClockMethod.RECEIPT)
    bounds = _by_satellite(_by_monotonic(captured, sent, anchor, only_receipt), captured.gnss, receipt)
    suspect = bounds is None
    bounds = bounds or only_receipt
    lower = bounds.lower
    best = min(bounds.estimate if lower is None else max(bounds.estimate, lower), bounds.upper)
    return CorrectedTime(
        not_before=None if lower is None else _to_datetime(lower),
        not_after=_to_datetime(bounds.upper),
        best=_to_datetime(best),
        method=bounds.method,
        suspect=suspect,
        raw_wall=_to_datetime(_to_us(captured.wall)),
    )


class _Bounds(Struct, frozen=True):
    """Microseconds since 1970, as integers that cannot overflow: no report can lead to a date that is none."""

    lower: int | None
    upper: int
    estimate: int
    method: ClockMethod


def _by_wall(captured: ClockSample, sent: ClockSample, receipt: int) -> int:
    passed = _to_us(sent.wall) - _to_us(captured.wall)
    return receipt - passed if 0 <= passed <= _MEMORY_US else receipt


def _by_monotonic(
    captured: ClockSample, sent: ClockSample, anchor: AnchorClaims | None, known: _Bounds
) -> _Bounds | None:
    """Bound by anchor and sending. None when a monotonic clock ran backwards or longer than anything is remembered."""
    lower, upper, estimate, method = known.lower, known.upper, known.estimate, known.method
    carried = None
    if anchor is not None and captured.anchor is not None:
        carried = _elapsed_us((captured.anchor.boot, captured.anchor.mono_ms), (captured.boot, captured.mono_ms))
        # Without a monotonic clock from there to here the token still proves that the sample is younger than it.
        lower, method = _to_us(anchor.server_time) + _surely(carried or 0), ClockMethod.ANCHOR
        if carried is not None:
            estimate = lower + _half_trip_us(captured.anchor)
    since = _elapsed_us((captured.boot, captured.mono_ms), (sent.boot, sent.mono_ms))
    if since is not None:
        upper -= _surely(since)
        estimate = upper if carried is None else _to_us(captured.wall)
        method = ClockMethod.SENT if lower is None else ClockMethod.ANCHOR_SENT
    if not all(0 <= each <= _MEMORY_US for each in (carried, since) if each is not None):
        return None
    return _Bounds(lower, upper, estimate, method)


def _by_satellite(known: _Bounds | None, fix: GnssFix | None, receipt: int) -> _Bounds | None:
    """Narrow by a satellite fix that can be one. None when nothing is left of the interval."""
    if known is None:
        return None
    lower, upper, estimate, method = known.lower, known.upper, known.estimate, known.method
    if fix is not None and 0 <= fix.accuracy_ms <= _GNSS_ACCURACY_MAX_MS:
        estimate_by_fix, margin = _to_us(fix.time), fix.accuracy_ms * 1_000
        if estimate_by_fix >= receipt - _MEMORY_US:
            early = estimate_by_fix - margin
            lower, upper = early if lower is None else max(lower, early), min(upper, estimate_by_fix + margin)
            estimate, method = estimate_by_fix, ClockMethod.GNSS
    if lower is not None and lower > upper:
        if lower - upper > _SKEW_US:
            return None
        # Two honest clocks that differ a little: the truth is between what they say.
        lower, upper = upper, min(lower, receipt)
    return _Bounds(lower, upper, estimate, method)


def _elapsed_us(start: tuple[str | None, int | None], end: tuple[str | None, int | None]) -> int | None:
    """Subtract two monotonic readings (boot, ms). None unless both are readings of one boot."""
    (boot, start_ms), (other_boot, end_ms) = start, end
    if not boot or boot != other_boot or start_ms is None or end_ms is None:
        return None
    if not (0 <= start_ms <= _MONO_MAX_MS and 0 <= end_ms <= _MONO_MAX_MS):
        return None
    return (end_ms - start_ms) * 1_000


def _surely(elapsed_us: int) -> int:
    """The time that surely passed while an honest clock counted this much."""
    return max(0, elapsed_us - elapsed_us * MONO_DRIFT_PPM // 1_000_000 - _GRAIN_US)


def _half_trip_us(anchor: CitedAnchor) -> int:
    trip_ms = anchor.round_trip_ms or 0
    return trip_ms * 500 if 0 <= trip_ms <= _MONO_MAX_MS else 0


def _to_us(instant: datetime) -> int:
    return (instant - _EPOCH) // _US


def _to_datetime(us: int) -> datetime:
    return _EPOCH + min(max(us, _FIRST_US), _LAST_US) * _US
