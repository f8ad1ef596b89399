"""Local days and working time: weekdays, holidays, make-up working days. Pure functions of the instant that is passed in; reads no clock."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mobile_contract.schema.approval import WorkCalendar, WorkingHours


def local_day(at: datetime, zone: str) -> date:
    """Name the calendar day of an instant in a zone. Raises ZoneInfoNotFoundError for an unknown zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def is_working_time(hours: Iterable[WorkingHours], *, at: datetime, zone: str) -> bool:
    """Tell whether an instant lies in the working hours `[from, to)`; without any hours every instant does.

    Raises ZoneInfoNotFoundError for an unknown zone.
    """
    spans = list(hours)
    local = at.astimezone(ZoneInfo(zone))
    return not spans or _within(spans, local.isoweekday(), local)


def is_worked(calendar: WorkCalendar, *, at: datetime, zone: str) -> bool:
    """Tell whether a calendar has working time at an instant; `zone` is the organisation's, for a calendar without one.

    On a holiday nobody works; on a make-up working day the hours of the weekday hold that it stands for.
    Raises ZoneInfoNotFoundError for an unknown zone.
    """
    local = at.astimezone(ZoneInfo(calendar.zone or zone))
    day = next((d for d in calendar.days if d.day == local.date()), None)
    weekday = local.isoweekday() if day is None else day.as_weekday
    return weekday is not None and (not calendar.hours or _within(calendar.hours, weekday, local))


def calendar_in_force(
    calendars: Iterable[WorkCalendar], *, site_id: UUID | None, code: str | None
) -> WorkCalendar | None:
    """Find the calendar of a site, else the one with the code; None when there is neither. Of two for a site the lower code."""
    known = sorted(calendars, key=lambda calendar: calendar.code)
    own = (c for c in known if site_id is not None and site_id in c.site_ids)
    return next(own, None) or next((c for c in known if code is not None and c.code == code), None)


def is_zone(name: str) -> bool:
    """Tell whether a name is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def calendar_faults(calendar: WorkCalendar) -> list[str]:
    """List what keeps a calendar from answering for every instant; a usable one gives an empty list."""
    faults = [] if calendar.zone is None or is_zone(calendar.zone) else [f"there is no time zone {calendar.zone}"]
    faults += hours_faults(calendar.hours)
    days = [day.day for day in calendar.days]
    if len(set(days)) < len(days):
        faults.append("a day is named twice")
    return faults


def hours_faults(hours: Iterable[WorkingHours]) -> list[str]:
    """List what is wrong with working hours; usable ones give an empty list."""
    backwards = any(span.from_min >= span.to_min for span in hours)
    return ["working hours end after they begin; a night is two rows"] if backwards else []


def _within(spans: Iterable[WorkingHours], weekday: int, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    return any(span.weekday == weekday and span.from_min <= minute < span.to_min for span in spans)
