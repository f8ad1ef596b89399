"""Work calendars from published holidays: days off and make-up working days of a country. Asks `holidays`, and for China `chinesecalendar`.

Those two are lists inside packages: nothing is fetched. Saves by `save_calendar` alone.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final
from uuid import UUID, uuid5

import asyncpg
import chinese_calendar
import holidays
from chinese_calendar import constants
from msgspec import Struct
from msgspec.structs import replace

from api.operator_error import OperatorError
from api.organisations import operator_ask
from jobs.policies import shipped_policies
from jobs.store import rows
from jobs.store.rows import Want
from mobile_contract.errors import ERRORS
from mobile_contract.schema.approval import CalendarDay, WorkCalendar, WorkingHours
from mobile_contract.schema.approval_commands import SaveCalendar
from mobile_contract.schema.base import LocalText
from sync.execute import run
from sync.transaction import org_transaction

CHINA: Final = "CN"
MONDAY: Final = 1
_SPAN = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


_KNOWN = "select id from work_calendar where org_id = $1 and code = $2"
_SITES = "select code, id from site where org_id = $1 and code = any($2) order by code limit 10000"


class CalendarOrder(Struct, frozen=True, kw_only=True):
    """Which calendar to make or bring up to date; no hours: those it has, or those of the shipped ladder R1."""

    country: str
    years: tuple[int, ...]
    subdivision: str = ""
    code: str = "work"
    name: str = ""
    hours: tuple[WorkingHours, ...] = ()
    site_codes: tuple[str, ...] = ()
    zone: str | None = None
    dry_run: bool = False


async def make_calendar(
    pool: asyncpg.Pool, org_id: UUID, order: CalendarOrder, *, now: datetime
) -> tuple[WorkCalendar, str]:
    """Make a calendar or replace the days of some years in it; gives it and what became of it. Raises OperatorError."""
    days = days_of(order.country, order.years, order.subdivision)
    async with org_transaction(pool, org_id) as conn:
        known = await _known(conn, org_id, order.code)
        sites = {row["code"]: row["id"] for row in await conn.fetch(_SITES, org_id, list(order.site_codes))}
    missing = sorted(set(order.site_codes) - sites.keys())
    if missing:
        raise OperatorError(f"There is no site with the code {missing[0]}; import it first.")
    made = known or WorkCalendar(
        id=calendar_id(org_id, order.code), code=order.code, name=LocalText(en=order.code), hours=shipped_hours(org_id)
    )
    changed = replace(
        with_days(made, order.years, days),
        name=LocalText(en=order.name) if order.name else made.name,
        hours=order.hours or made.hours,
        site_ids=tuple(sorted(sites.values())) or made.site_ids,
        zone=order.zone or made.zone,
    )
    if order.dry_run:
        return changed, "nothing written"
    (answer,) = await run(pool, org_id, [operator_ask(org_id, SaveCalendar(calendar=changed), now=now)], now=now)
    if not answer.took_effect:
        raise OperatorError(f"{ERRORS[answer.code].en} {answer.detail.get('fault', '')}".rstrip())
    return changed, "as it was" if answer.code == "unchanged" else ("changed" if known else "made")


def shipped_hours(org_id: UUID) -> tuple[WorkingHours, ...]:
    """Give the working hours that come with the ladder R1."""
    return next(p.working_hours for p in shipped_policies(org_id, "EUR") if p.calendar is not None)


async def _known(conn: asyncpg.Connection, org_id: UUID, code: str) -> WorkCalendar | None:
    id = await conn.fetchval(_KNOWN, org_id, code)
    found = await rows.load(conn, org_id, [Want("work_calendar", "id", (id,))]) if id is not None else []
    return next((stored.document for stored in found if isinstance(stored.document, WorkCalendar)), None)


def calendar_id(org_id: UUID, code: str) -> UUID:
    """Name the calendar of a code, so that making it again changes it."""
    return uuid5(org_id, f"work_calendar/{code}")


def days_of(country: str, years: Iterable[int], subdivision: str = "") -> tuple[CalendarDay, ...]:
    """List the days of some years that differ from their weekday, in order: days off, and make-up working days with Monday's hours.

    For China a year that the State Council has published comes from `chinesecalendar`; of a later one only the holidays are known, not the
    make-up days, so all of it is estimated. Raises OperatorError for an unknown country or subdivision.
    """
    days: list[CalendarDay] = []
    for year in sorted(set(years)):
        published = country == CHINA and not subdivision and year in _published()
        days += _days_in_china(year) if published else _days_in(country, year, subdivision)
    return tuple(sorted(days, key=lambda day: day.day))


def with_days(calendar: WorkCalendar, years: Iterable[int], days: Iterable[CalendarDay]) -> WorkCalendar:
    """Replace the days of some years in a calendar; those of other years stay."""
    known = set(years)
    kept = [day for day in calendar.days if day.day.year not in known]
    return replace(calendar, days=tuple(sorted([*kept, *days], key=lambda day: day.day)))


def hours_from(text: str) -> tuple[WorkingHours, ...]:
    """Read `1-5 09:00-12:00,13:00-18:00; 6 09:00-12:00` (1 = Monday; no days: 1-5) as working hours. Raises OperatorError."""
    found: list[WorkingHours] = []
    for part in text.split(";"):
        days, _, spans = part.strip().rpartition(" ")
        weekdays = numbers_from(days or "1-5", "days of the week", 1, 7)
        found += [
            WorkingHours(weekday=day, from_min=begin, to_min=end)
            for day in sorted(set(weekdays))
            for begin, end in (_span(span.strip()) for span in spans.split(","))
        ]
    return tuple(found)


def numbers_from(text: str, what: str, lowest: int, highest: int) -> tuple[int, ...]:
    """Read `1-5` or `1,3,5` or `2026`. Raises OperatorError."""
    found: list[int] = []
    for part in text.split(","):
        begin, dash, end = part.strip().partition("-")
        if not begin.isdigit() or (dash and not end.isdigit()):
            raise OperatorError(f"{part.strip()!r} says no {what}: write {lowest}, or {lowest}-{lowest + 1}.")
        found += range(int(begin), int(end or begin) + 1)
        if not found or not lowest <= min(found) <= max(found) <= highest:
            raise OperatorError(f"{what} are from {lowest} to {highest}.")
    return tuple(found)


def _span(text: str) -> tuple[int, int]:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise OperatorError(f"{text!r} is no span of hours: write 09:00-18:00, or 09:00-12:00,13:00-18:00.")
    begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if not 0 <= begin < end <= 24 * 60:
        raise OperatorError(f"{text} does not end after it begins; a night is two spans.")
    return begin, end


def _published() -> frozenset[int]:
    return frozenset(day.year for day in constants.workdays) | frozenset(day.year for day in constants.holidays)


def _days_in_china(year: int) -> list[CalendarDay]:
    off = chinese_calendar.get_holidays(date(year, 1, 1), date(year, 12, 31), include_weekends=False)
    worked = [day for day in constants.workdays if day.year == year]
    return [
        *(CalendarDay(day=day, name=_chinese(constants.holidays.get(day))) for day in off),
        *(CalendarDay(day=day, as_weekday=MONDAY, name=_chinese(constants.workdays.get(day))) for day in worked),
    ]


def _chinese(name: str | None) -> LocalText | None:
    """Say a holiday's name in both languages; of a day that is worked, what it makes up for."""
    if name is None:
        return None
    chinese = {holiday.value: holiday.chinese for holiday in constants.Holiday}
    return LocalText(en=name, zh=chinese.get(name, ""))


def _days_in(country: str, year: int, subdivision: str) -> list[CalendarDay]:
    try:
        known = holidays.country_holidays(country, subdiv=subdivision or None, years=year, language="en_US")
    except NotImplementedError as error:
        raise OperatorError(f"No holidays are known of {country} {subdivision}".rstrip() + f": {error}") from None
    chinese = holidays.country_holidays(country, years=year, language="zh_CN") if country == CHINA else {}
    worked = sorted(day for day in getattr(known, "weekend_workdays", ()) if day.year == year)
    unpublished = country == CHINA
    return [
        *(
            CalendarDay(
                day=day,
                name=LocalText(en=name[:300], zh=chinese.get(day, "")[:300]),
                # So does `holidays` mark what is reckoned and not announced.
                estimated=unpublished or "estimated" in name.lower(),
            )
            for day, name in sorted(known.items())
            if day.year == year
        ),
        *(CalendarDay(day=day, as_weekday=MONDAY, estimated=unpublished) for day in worked),
    ]
