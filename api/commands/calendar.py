"""`onsite calendar`: work calendars of an organisation, with the holidays and make-up working days of a country. Never writes past `save_calendar`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.importing.calendars import CalendarOrder
    from mobile_contract.schema.approval import WorkCalendar

calendar = typer.Typer(no_args_is_help=True, help="Work calendars: hours, holidays, make-up working days.")

Org = Annotated[str, typer.Option("--org", help="Slug of the organisation. Default: the only one.")]


def register(app: typer.Typer) -> None:
    """Add this noun to the command line."""
    app.add_typer(calendar, name="calendar")


@calendar.callback()
def _noun() -> None:
    """Work calendars: hours, holidays, make-up working days."""


@calendar.command(no_args_is_help=True)
def make(
    *,
    country: Annotated[str, typer.Option(help="ISO 3166 code: CN, DE, US …")],
    years: Annotated[str, typer.Option(help="2026, or 2026-2027. Days of other years stay as they are.")],
    org: Org = "",
    code: Annotated[str, typer.Option(help="The calendar's code; policies name it.")] = "work",
    name: Annotated[str, typer.Option(help="Its name for people.")] = "",
    subdivision: Annotated[str, typer.Option(help="State or province, where its holidays differ: BY, TX …")] = "",
    hours: Annotated[
        str, typer.Option(help="09:00-18:00 (Monday to Friday), or 1-5 09:00-12:00,13:00-18:00; 6 09:00-12:00.")
    ] = "",
    sites: Annotated[
        str, typer.Option(help="Codes of the sites that keep it whatever a policy says, with commas.")
    ] = "",
    zone: Annotated[str, typer.Option(help="IANA time zone. Default: the organisation's.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the days; write nothing.")] = False,
) -> None:
    """Make a work calendar, or bring it up to date: days off and, where they are published, make-up working days.

    What is not announced yet is marked as estimated; make it again when it is. The hours stay unless --hours says others.

    Example: onsite calendar make --country CN --years 2026 --org waterworks

    Example: onsite calendar make --country DE --subdivision BY --years 2026-2027 --hours 07:00-12:00,12:30-16:00 --org stadtwerke
    """
    import asyncio

    from api.importing.calendars import CalendarOrder, hours_from, numbers_from

    order = CalendarOrder(
        country=country.upper(),
        subdivision=subdivision.upper(),
        years=numbers_from(years, "years", 2004, 2100),
        code=code,
        name=name,
        hours=hours_from(hours) if hours else (),
        site_codes=tuple(part.strip() for part in sites.split(",") if part.strip()),
        zone=zone or None,
        dry_run=dry_run,
    )
    _show(*asyncio.run(_make(order, org)))


async def _make(order: "CalendarOrder", slug: str) -> "tuple[WorkCalendar, str]":
    from datetime import UTC, datetime

    from api.database import open_pool
    from api.importing.calendars import make_calendar
    from api.organisations import find, only_slug
    from api.settings import load_settings

    settings = load_settings()
    async with await open_pool(settings, size_max=2) as pool:
        org_id = await find(pool, slug or await only_slug(settings))
        return await make_calendar(pool, org_id, order, now=datetime.now(UTC))


def _show(made: "WorkCalendar", fate: str) -> None:
    from rich.table import Table

    from api.console import console

    console.print(
        f"{made.code}: {fate}; {len(made.hours)} spans of hours a week, {len(made.days)} days of their own",
        markup=False,
    )
    days = Table("day", "", "name", "", box=None, pad_edge=False)
    for day in made.days:
        working = "off" if day.as_weekday is None else "worked"
        days.add_row(str(day.day), working, day.name.en if day.name else "", "estimated" if day.estimated else "")
    console.print(days)
