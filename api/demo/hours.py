"""When the demo's day is: today, where it is late afternoon now, so that a live page shows a day that has just been worked."""

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

# One zone for each hour, none of which changes its clocks.
_ZONES: Final = (
    "Asia/Shanghai", "Asia/Tokyo", "Australia/Brisbane", "Pacific/Guadalcanal", "Pacific/Majuro", "Pacific/Pago_Pago",
    "Pacific/Honolulu", "Pacific/Gambier", "Pacific/Pitcairn", "America/Phoenix", "America/Costa_Rica", "America/Panama",
    "America/Puerto_Rico", "America/Sao_Paulo", "America/Noronha", "Atlantic/Cape_Verde", "Africa/Abidjan", "Africa/Lagos",
    "Africa/Johannesburg", "Europe/Istanbul", "Asia/Dubai", "Asia/Karachi", "Asia/Dhaka", "Asia/Bangkok",
)  # fmt: skip
MORNING: Final = time(7, 30)
EVENING: Final = time(17, 0)
_LATEST: Final = timedelta(hours=1)


class Hours(Struct, frozen=True):
    """A day to play: from when crews are enrolled until the last thing that happens, in an IANA zone."""

    zone: str
    begin: datetime
    end: datetime

    def at(self, hour: int, minute: int = 0) -> datetime:
        """Give the instant of a local time of the day."""
        return datetime.combine(
            self.begin.astimezone(ZoneInfo(self.zone)).date(), time(hour, minute), ZoneInfo(self.zone)
        )

    def local(self, instant: datetime) -> str:
        """Say an instant as local hours and minutes."""
        return instant.astimezone(ZoneInfo(self.zone)).strftime("%H:%M")


def zone_of_late_afternoon(now: datetime) -> str:
    """Name a zone in which it is between 17:00 and 18:00."""
    return next(zone for zone in _ZONES if now.astimezone(ZoneInfo(zone)).hour == EVENING.hour)


def hours_of(zone: str, now: datetime) -> Hours:
    """Give the latest day of a zone that is through: until now where the evening has just begun."""
    local = now.astimezone(ZoneInfo(zone))
    day = local.date() if local.time() >= EVENING else local.date() - timedelta(days=1)
    begin = datetime.combine(day, MORNING, ZoneInfo(zone))
    evening = datetime.combine(day, EVENING, ZoneInfo(zone))
    return Hours(zone, begin, min(now, evening + _LATEST))
