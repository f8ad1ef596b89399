"""Work calendars: which one holds, days unlike their weekday, local days where a clock is put forward; and what makes one unusable."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import msgspec
import pytest

from mobile_contract.rules.calendar import calendar_faults, calendar_in_force, is_worked, local_day
from mobile_contract.schema.approval import CalendarDay, WorkCalendar, WorkingHours
from mobile_contract.schema.base import LocalText

SITE = UUID(int=5)
SHIFTS = tuple(
    WorkingHours(weekday=day, from_min=begin, to_min=end)
    for day in range(1, 6)
    for begin, end in ((540, 720), (780, 1080))
)


def calendar(*days: CalendarDay, **fields: object) -> WorkCalendar:
    made = WorkCalendar(id=uuid4(), code="work", name=LocalText(en="Work"), hours=SHIFTS, days=days)
    return msgspec.structs.replace(made, **fields)


def worked(held: WorkCalendar, local: str, zone: str = "Asia/Shanghai") -> bool:
    return is_worked(held, at=datetime.fromisoformat(local).astimezone(UTC), zone=zone)


@pytest.mark.parametrize(
    ("local", "works"),
    [
        ("2026-11-24T11:59:59+08:00", True),
        ("2026-11-24T12:00:00+08:00", False),
        ("2026-11-24T12:59:59+08:00", False),
        ("2026-11-24T13:00:00+08:00", True),
        ("2026-11-29T10:00:00+08:00", False),
    ],
)
def test_a_lunch_break_is_a_gap_between_two_spans(local: str, works: bool) -> None:
    assert worked(calendar(), local) is works


def test_a_make_up_working_day_has_the_hours_of_the_weekday_it_stands_for() -> None:
    friday_short = (*SHIFTS[:-2], WorkingHours(weekday=5, from_min=540, to_min=720))
    made_up = calendar(CalendarDay(day=date(2026, 10, 10), as_weekday=5), hours=friday_short)
    assert worked(made_up, "2026-10-10T11:00:00+08:00")
    assert not worked(made_up, "2026-10-10T14:00:00+08:00")


def test_nobody_works_on_a_holiday_even_where_the_calendar_has_no_hours() -> None:
    always = calendar(CalendarDay(day=date(2026, 10, 1)), hours=())
    assert not worked(always, "2026-10-01T00:00:00+08:00")
    assert worked(always, "2026-10-02T00:00:00+08:00")


def test_the_calendars_own_zone_comes_before_the_organisations() -> None:
    assert not worked(calendar(zone="Europe/Berlin"), "2026-11-24T10:00:00+08:00")
    assert worked(calendar(zone="Europe/Berlin"), "2026-11-24T10:00:00+01:00")


def test_a_site_has_its_own_calendar_else_the_one_that_the_policy_names() -> None:
    plain, own, twice = calendar(), calendar(code="mall", site_ids=(SITE,)), calendar(code="a", site_ids=(SITE,))
    for known in ([plain, own, twice], [twice, own, plain]):
        assert calendar_in_force(known, site_id=SITE, code="work") == twice
        assert calendar_in_force(known, site_id=uuid4(), code="work") == plain
        assert calendar_in_force(known, site_id=None, code="night") is None
        assert calendar_in_force(known, site_id=None, code=None) is None


def test_a_local_day_is_the_zones_even_when_its_clock_is_put_forward() -> None:
    assert local_day(datetime(2026, 3, 28, 23, 30, tzinfo=UTC), "Europe/Berlin") == date(2026, 3, 29)
    assert local_day(datetime(2026, 3, 29, 22, 30, tzinfo=UTC), "Europe/Berlin") == date(2026, 3, 30)


@pytest.mark.parametrize(
    "fields",
    [
        {"zone": "Mars/Olympus"},
        {"hours": (WorkingHours(weekday=1, from_min=600, to_min=600),)},
        {"days": (CalendarDay(day=date(2026, 1, 1)), CalendarDay(day=date(2026, 1, 1), as_weekday=1))},
    ],
)
def test_a_calendar_that_cannot_answer_is_faulty(fields: dict[str, object]) -> None:
    assert calendar_faults(calendar()) == []
    assert calendar_faults(calendar(**fields))
