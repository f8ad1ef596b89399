"""Local days and working time in an organisation's IANA zone. Pure functions of the instant that is passed in; reads no clock."""

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from mobile_contract.schema.approval import WorkingHours


def local_day(at: datetime, zone: str) -> date:
    """Name the calendar day of an instant in a zone. Raises ZoneInfoNotFoundError for an unknown zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def is_working_time(hours: Iterable[WorkingHours], *, at: datetime, zone: str) -> bool:
    """Tell whether an instant lies in the working hours `[from, to)`; without any hours every instant does.

    Raises ZoneInfoNotFoundError for an unknown zone.
    """
    spans = list(hours)
    local = at.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    return not spans or any(
        span.weekday == local.isoweekday() and span.from_min <= minute < span.to_min for span in spans
    )
