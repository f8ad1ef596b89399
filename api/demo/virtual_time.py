"""Time that the player moves: one clock for the server and all devices, so that a working day passes in seconds. Never sleeps."""

import threading
from datetime import datetime, timedelta
from typing import Final

_EPOCH: Final = timedelta(milliseconds=1)


class VirtualClock:
    """The true time of a played day; moves forward only. Safe to read from several threads."""

    def __init__(self, start: datetime) -> None:
        self._lock = threading.Lock()
        self._began = self._now = start

    def now(self) -> datetime:
        """Read the time: aware, UTC."""
        return self._now

    def move_to(self, instant: datetime) -> None:
        """Let time pass until an instant; an instant that is over changes nothing."""
        with self._lock:
            self._now = max(self._now, instant)

    def passed_ms(self) -> int:
        """Count the milliseconds since the player began."""
        return (self._now - self._began) // _EPOCH


class HandsetClock:
    """The clocks of one device: its user's may be wrong by `wrong_by`, the one that counts sleep never is."""

    def __init__(self, true: VirtualClock, boot: str, *, wrong_by: timedelta = timedelta()) -> None:
        self._true, self._boot = true, boot
        self.wrong_by = wrong_by

    def wall(self) -> datetime:
        """Read the user's clock."""
        return self._true.now() + self.wrong_by

    def mono_ms(self) -> int:
        """Read the clock that counts sleep; the device was switched on an hour before the player began."""
        return 3_600_000 + self._true.passed_ms()

    def boot(self) -> str:
        """Name the boot."""
        return self._boot

    def sleep(self, seconds: float) -> None:
        """Pass over a pause between two attempts: nobody waits for real in a played day."""
