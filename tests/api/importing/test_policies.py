"""Policy files and work calendars from the command line's side: what they become, what is refused, and that the same again changes nothing."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest

from api.importing.calendars import CalendarOrder, days_of, hours_from, make_calendar, numbers_from
from api.importing.policies import Fate, import_policies, policy_files
from api.operator_error import OperatorError
from mobile_contract.schema.approval import ApproverRef, Escalation, Policy, Scope, StepRule, WorkCalendar, WorkingHours
from mobile_contract.schema.people import Role
from tests.arrange import NOW, ZONE, Org, organisation
from tests.jobs import stored

PLAZA = """
code = "plaza"
version = 1
subject = "material_request"
calendar = "mall"
after_hours_duty = "night_duty"

[scope]
sites = ["S-1"]
job_types = ["repair"]
districts = ["east"]

[[bands]]
above = "0"
up_to = "50"
role = "engineer"

[[bands]]
above = "50"

[[bands.steps]]
any_of = [{ role = "manager" }, { person = "eve" }]

[[bands.steps]]
all_of = [{ role = "deputy_gm" }, { duty = "duty_chief", role = "manager" }]

[[working_hours]]
weekdays = [1, 7]
from = 10:00:00
to = 00:00:00

[escalation]
after_min = 45
to = { person = "gus" }
"""


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    return await organisation(pool, seed)


def file(folder: Path, text: str = PLAZA, name: str = "plaza.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


async def loaded(org: Org) -> Policy | None:
    return next((policy for policy in await stored.every(org, Policy) if policy.code == "plaza"), None)


async def test_a_file_names_people_and_places_by_their_codes(org: Org, tmp_path: Path) -> None:
    (done,) = await import_policies(org.pool, org.id, policy_files(file(tmp_path)), now=NOW)
    assert (done.code, done.version, done.fate) == ("plaza", 1, Fate.LOADED)
    policy = await loaded(org)
    assert policy is not None
    assert policy.scope == Scope(site_ids=(org.site,), job_types=("repair",), district_ids=(org.districts["east"],))
    second = policy.bands[1]
    assert (second.above, second.up_to, second.role) == (Decimal(50), None, None)
    assert [step.rule for step in second.steps] == [StepRule.ANY_OF, StepRule.ALL_OF]
    assert second.steps[0].approvers == (ApproverRef(role=Role.MANAGER), ApproverRef(person_id=org.people["eve"]))
    assert second.steps[1].approvers[1] == ApproverRef(duty="duty_chief", role=Role.MANAGER)
    assert policy.escalation == Escalation(after_min=45, to=ApproverRef(person_id=org.people["gus"]))
    assert policy.working_hours[1] == WorkingHours(weekday=7, from_min=600, to_min=1440)
    assert (policy.currency, policy.zone, policy.after_hours_duty) == ("CNY", ZONE, "night_duty")


async def test_the_same_file_again_changes_nothing_and_a_changed_one_needs_a_new_version(
    org: Org, tmp_path: Path
) -> None:
    path = file(tmp_path)
    await import_policies(org.pool, org.id, [path], now=NOW)
    (again,) = await import_policies(org.pool, org.id, [path], now=NOW)
    assert again.fate is Fate.UNCHANGED
    file(tmp_path, PLAZA.replace('"50"', '"60"'))
    with pytest.raises(OperatorError, match=r"plaza.toml.*Raise its version"):
        await import_policies(org.pool, org.id, [path], now=NOW)


async def test_of_a_folder_all_files_are_loaded_or_none(org: Org, tmp_path: Path) -> None:
    file(tmp_path)
    file(tmp_path, PLAZA.replace("plaza", "gap").replace('up_to = "50"', 'up_to = "40"'), "zz-gap.toml")
    with pytest.raises(OperatorError, match=r"zz-gap.toml.*each band begins where the one before ends"):
        await import_policies(org.pool, org.id, policy_files(tmp_path), now=NOW)
    assert await loaded(org) is None


async def test_a_dry_run_checks_everything_and_writes_nothing(org: Org, tmp_path: Path) -> None:
    (done,) = await import_policies(org.pool, org.id, [file(tmp_path)], now=NOW, dry_run=True)
    assert done.fate is Fate.LOADED
    assert await loaded(org) is None


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ('person = "eve"', 'person = "nobody"', "no person with the code nobody"),
        ('"S-1"', '"S-9"', "no site with the code S-9"),
        ('"east"', '"north"', "no district with the code north"),
        ("after_min = 45", "after_min = 0", "is no policy"),
        ('role = "engineer"', 'role = "pope"', "is no policy"),
        ("[scope]", "[scope", "is no policy"),
        ('code = "plaza"', 'code = "plaza"\ncolour = "red"', "is no policy"),
    ],
)
async def test_what_is_wrong_is_said_with_the_file(org: Org, tmp_path: Path, was: str, becomes: str, said: str) -> None:
    path = file(tmp_path, PLAZA.replace(was, becomes))
    with pytest.raises(OperatorError, match=f"plaza.toml.*{said}"):
        await import_policies(org.pool, org.id, [path], now=NOW)


def test_where_there_is_no_file_that_is_said(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(OperatorError, match="no policy file"):
            policy_files(path)


# --- calendars


def test_the_published_year_of_china_has_its_make_up_working_days() -> None:
    days = {day.day: day for day in days_of("CN", [2026])}
    assert len(days) == 39
    assert sorted(day for day, each in days.items() if each.as_weekday is not None) == [
        date(2026, 1, 4), date(2026, 2, 14), date(2026, 2, 28), date(2026, 5, 9), date(2026, 9, 20), date(2026, 10, 10),
    ]  # fmt: skip
    national = days[date(2026, 10, 1)]
    assert (national.as_weekday, national.estimated) == (None, False)
    assert national.name is not None
    assert (national.name.en, national.name.zh) == ("National Day", "国庆节")


def test_a_year_that_is_not_published_yet_is_estimated() -> None:
    days = days_of("CN", [2031])
    assert days
    assert all(day.estimated and day.as_weekday is None for day in days)
    assert any(day.name is not None and day.name.zh for day in days)


def test_other_countries_and_their_parts_have_their_own_days() -> None:
    bavaria, germany = (days_of("DE", [2026], part) for part in ("BY", ""))
    epiphany = date(2026, 1, 6)
    assert epiphany in {day.day for day in bavaria}
    assert epiphany not in {day.day for day in germany}
    for unknown in (("XX", ""), ("DE", "QQ")):
        with pytest.raises(OperatorError, match="No holidays are known"):
            days_of(unknown[0], [2026], unknown[1])


async def test_a_calendar_is_made_and_another_year_is_put_beside_the_first(org: Org) -> None:
    first, fate = await make_calendar(org.pool, org.id, CalendarOrder(country="CN", years=(2026,)), now=NOW)
    assert (fate, first.hours[0]) == ("made", WorkingHours(weekday=1, from_min=540, to_min=1080))
    assert (await make_calendar(org.pool, org.id, CalendarOrder(country="CN", years=(2026,)), now=NOW))[
        1
    ] == "as it was"
    order = CalendarOrder(
        country="CN", years=(2027,), hours=hours_from("1-6 08:00-12:00"), site_codes=("S-1",), name="Works"
    )
    dry, said = await make_calendar(org.pool, org.id, CalendarOrder(country="CN", years=(2027,), dry_run=True), now=NOW)
    assert (said, len(dry.days) > len(first.days)) == ("nothing written", True)
    _, fate = await make_calendar(org.pool, org.id, order, now=NOW)
    (kept,) = await stored.every(org, WorkCalendar)
    assert (fate, kept.code, kept.name.en, kept.zone, kept.site_ids) == ("changed", "work", "Works", ZONE, (org.site,))
    assert {day.day.year for day in kept.days} == {2026, 2027}
    assert len(kept.hours) == 6
    with pytest.raises(OperatorError, match="no site with the code S-9"):
        await make_calendar(org.pool, org.id, CalendarOrder(country="CN", years=(2026,), site_codes=("S-9",)), now=NOW)
    with pytest.raises(OperatorError, match="time zone"):
        await make_calendar(org.pool, org.id, CalendarOrder(country="CN", years=(2026,), zone="Mars/X"), now=NOW)


def test_hours_are_read_by_weekday() -> None:
    read = hours_from("1-2 09:00-12:00,13:00-18:00; 6 09:00-12:30")
    assert [(h.weekday, h.from_min, h.to_min) for h in read] == [
        (1, 540, 720), (1, 780, 1080), (2, 540, 720), (2, 780, 1080), (6, 540, 750),
    ]  # fmt: skip
    assert [h.weekday for h in hours_from("09:00-18:00")] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("text", ["9-18", "18:00-09:00", "09:00-25:00", "8 09:00-12:00", "x 09:00-12:00", ""])
def test_hours_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(OperatorError):
        hours_from(text)


def test_years_are_one_or_a_span() -> None:
    assert numbers_from("2026", "years", 2004, 2100) == (2026,)
    assert numbers_from("2026-2028", "years", 2004, 2100) == (2026, 2027, 2028)
    for wrong in ("1999", "2026-", "x", "2028-2026"):
        with pytest.raises(OperatorError):
            numbers_from(wrong, "years", 2004, 2100)
