"""A device's clocks: what it says about time, and the anchors it stands on. Never corrects a time; the server does.

Three readings are needed. `wall` is what the user sees and may set; `mono_ms` counts on through sleep and is never set
(Android `elapsedRealtime`, iOS `mach_continuous_time`); `boot` names the stretch over which `mono_ms` runs on.
"""

import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

from mobile_contract.client.store import Store
from mobile_contract.limits import ANCHORS_KEPT
from mobile_contract.schema.clock import CitedAnchor, ClockSample

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROCESS = str(uuid4())


class Clock(Protocol):
    """The clocks of a device, injected so that a simulation can turn them."""

    def wall(self) -> datetime:
        """Read the user's clock: an aware instant, possibly wrong."""
        ...

    def mono_ms(self) -> int:
        """Read the clock that counts sleep, in milliseconds."""
        ...

    def boot(self) -> str:
        """Name the stretch over which `mono_ms` runs on."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait between two attempts."""
        ...


class SystemClock:
    """The clocks of this machine. Where the system names no boot, the process counts as one."""

    def wall(self) -> datetime:
        """Read the system's clock in UTC."""
        return datetime.now(UTC)

    def mono_ms(self) -> int:
        """Read the clock that counts sleep where there is one, in milliseconds."""
        which = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return time.clock_gettime_ns(which) // 1_000_000

    def boot(self) -> str:
        """Name the boot of this machine, or this process."""
        return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else _PROCESS

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def sample(store: Store, clock: Clock) -> ClockSample:
    """Read all clocks at once, citing the latest anchor of this boot. An anchor from the future of `mono_ms` is not cited."""
    mono_ms, boot = clock.mono_ms(), clock.boot()
    row = store.row(
        "select token, mono_ms, boot, round_trip_ms from anchor where boot = ? and mono_ms <= ? order by no desc limit 1",
        (boot, mono_ms),
    )
    anchor = CitedAnchor(token=row[0], mono_ms=row[1], boot=row[2], round_trip_ms=row[3]) if row else None
    return ClockSample(wall=clock.wall(), mono_ms=mono_ms, boot=boot, anchor=anchor)


def keep_anchor(store: Store, anchor: CitedAnchor) -> None:
    """Keep an anchor inside the caller's transaction; the oldest beyond the last 20 go."""
    store.run(
        "insert into anchor (token, mono_ms, boot, round_trip_ms) values (?, ?, ?, ?)",
        (anchor.token, anchor.mono_ms, anchor.boot, anchor.round_trip_ms),
    )
    store.run(
        "delete from anchor where no not in (select no from anchor order by no desc limit ?)",
        (ANCHORS_KEPT,),
    )


def uuid7(wall: datetime, source: random.Random) -> UUID:
    """Make a UUIDv7 of an instant and 74 random bits (RFC 9562)."""
    milliseconds = int(wall.timestamp() * 1000) & ((1 << 48) - 1)
    high, low = source.getrandbits(12), source.getrandbits(62)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
