"""`onsite org`: organisations and their first administrators. Prints a password once and never stores it."""

from typing import Annotated

import typer

org = typer.Typer(no_args_is_help=True, help="Organisations: make one with its first administrator.")


def register(app: typer.Typer) -> None:
    """Add this noun to the command line."""
    app.add_typer(org, name="org")


@org.callback()
def _noun() -> None:
    """Organisations: make one with its first administrator."""


@org.command()
def create(
    *,
    slug: Annotated[str, typer.Option(help="Name in addresses and codes: lower-case letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="Name for people.")],
    zone: Annotated[str, typer.Option(help="IANA time zone; due times are in it.")],
    admin_login: Annotated[str, typer.Option(help="Login of the first administrator.")] = "admin",
    currency: Annotated[str, typer.Option(help="ISO 4217 code of money.")] = "EUR",
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
) -> None:
    """Make an organisation with the shipped job types and policies; its administrator's one-time password is printed once.

    Example: [bold]onsite org create --slug waterworks --name "City Waterworks" --zone Asia/Shanghai --currency CNY[/bold]
    """
    import asyncio
    from datetime import UTC, datetime

    from api import organisations
    from api.console import console
    from api.database import open_pool
    from api.settings import load_settings

    settings = load_settings()
    new = organisations.NewOrganisation(
        slug=slug, name=name, zone=zone, currency=currency, language=language, admin_login=admin_login
    )

    async def run() -> organisations.FirstAdministrator:
        async with await open_pool(settings, size_max=2) as pool:
            return await organisations.create(pool, new, now=datetime.now(UTC))

    with console.status("Making the organisation"):
        made = asyncio.run(run())
    console.print(f"Made {slug} ({made.org_id}).", markup=False)
    console.print(
        f"Login {made.login}, one-time password {made.password} (change it at the first sign-in).", markup=False
    )
