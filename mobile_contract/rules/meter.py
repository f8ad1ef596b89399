"""Whether a meter reading can be true. Pure and the same on phone and server; it doubts, it never refuses.

All amounts are in units of the register, before any multiplier.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from mobile_contract.schema.place import Meter

MOST_DIALS = 12
HIGH_FACTOR = 3
LOW_SHARE = Decimal("0.2")
# Within a week an empty house is nothing to ask about.
QUIET_DAYS = 7
# With no idea of the usual use, a register that ran back has rolled over when it moved less than this share of its range.
ROLL_OVER_SHARE = Decimal("0.1")
# Permanent flow Q3 in m³/h by nominal diameter in mm, the common sizes of ISO 4064-1.
_PERMANENT_FLOW_M3_H = {
    15: Decimal("2.5"),
    20: Decimal(4),
    25: Decimal("6.3"),
    32: Decimal(10),
    40: Decimal(16),
    50: Decimal(25),
    65: Decimal(40),
    80: Decimal(63),
    100: Decimal(100),
    150: Decimal(250),
    200: Decimal(400),
}


class Doubt(StrEnum):
    """Why a reading is doubted."""

    HIGH = "high"
    LOW = "low"
    ZERO = "zero"
    BACKWARD = "backward"
    OFF_THE_DIAL = "off_the_dial"
    OTHER_SERIAL = "other_serial"


class Judgement(Struct, frozen=True, kw_only=True):
    """What was used since the reading before (None: none before, or it ran backward), and what is doubtful about it."""

    used: Decimal | None = None
    rolled_over: bool = False
    doubts: tuple[Doubt, ...] = ()


def judge_reading(meter: Meter, value: Decimal, *, at: datetime, typed_serial: str = "") -> Judgement:
    """Compare a finite register value with the meter's last one; an older reading is compared the other way round."""
    named = (Doubt.OTHER_SERIAL,) if typed_serial.strip() and typed_serial.strip() != meter.serial else ()
    dial = Decimal(10) ** min(max(meter.dial_count, 1), MOST_DIALS)
    if not 0 <= value < dial:
        return Judgement(doubts=(Doubt.OFF_THE_DIAL, *named))
    if meter.last_value is None or meter.last_read_at is None:
        return Judgement(doubts=named)
    earlier, later = (meter.last_value, value) if at >= meter.last_read_at else (value, meter.last_value)
    days = Decimal(abs(at - meter.last_read_at) // timedelta(seconds=1)) / 86_400
    used, rolled_over = later - earlier, False
    most = _most(meter, days)
    if used < 0:
        used, rolled_over = used + dial, True
        # Still below nothing: the last value was beyond this dial, so the dial count is wrong.
        if not 0 <= used <= (dial * ROLL_OVER_SHARE if most is None else most):
            return Judgement(doubts=(Doubt.BACKWARD, *named))
    doubts = (*_doubts(meter, used, days, most), *named)
    return Judgement(used=used, rolled_over=rolled_over, doubts=doubts)


def _most(meter: Meter, days: Decimal) -> Decimal | None:
    """Give the most that can be believed: a multiple of the usual use, else what the pipe lets through; None: no idea.

    At least a day's, so that two readings of one day are not doubted.
    """
    span = max(days, Decimal(1))
    if meter.usual_per_day is not None and meter.usual_per_day > 0:
        return meter.usual_per_day * span * HIGH_FACTOR
    flow_m3_h = _PERMANENT_FLOW_M3_H.get(meter.dn_mm or 0)
    if meter.medium != "water" or meter.unit != "m3" or flow_m3_h is None:
        return None
    return flow_m3_h * 24 * span / (meter.multiplier or 1)


def _doubts(meter: Meter, used: Decimal, days: Decimal, most: Decimal | None) -> tuple[Doubt, ...]:
    if most is not None and used > most:
        return (Doubt.HIGH,)
    if days < QUIET_DAYS:
        return ()
    if used == 0:
        return (Doubt.ZERO,)
    usual = meter.usual_per_day
    return (Doubt.LOW,) if usual is not None and used < usual * days * LOW_SHARE else ()
