"""`onsite person`: getting people back in. Prints a one-time token and never stores it."""

from typing import Annotated

import typer

person = typer.Typer(no_args_is_help=True, help="People: reset a password.")


def register(app: typer.Typer) -> None:
    """Add this noun to the command line."""
    app.add_typer(person, name="person")


@person.callback()
def _noun() -> None:
    """People: reset a password."""


@person.command()
def reset_password(
    org: Annotated[str, typer.Option(help="Slug of the organisation.")],
    login: Annotated[str, typer.Option(help="Login of the person.")],
) -> None:
    """Make a one-time token with which a person sets a new password; it is good for two days.

    Example: [bold]onsite person reset-password --org waterworks --login admin[/bold]
    """
    import asyncio
    from datetime import UTC, datetime

    from api import organisations, sign_in
    from api.console import console
    from api.database import open_pool
    from api.settings import load_settings
    from mobile_contract.schema.access import ResetToken

    settings = load_settings()

    async def run() -> ResetToken:
        async with await open_pool(settings, size_max=2) as pool:
            org_id = await organisations.find(pool, org)
            person_id = await organisations.find_login(pool, org_id, login)
            return await sign_in.make_reset(pool, org_id, person_id, by=None, now=datetime.now(UTC))

    with console.status("Making the token"):
        made = asyncio.run(run())
    console.print(f"Reset token: {made.reset_token}", markup=False)
    console.print(f"Valid until {made.expires_at:%Y-%m-%d %H:%M} UTC, once. Use it so:", markup=False)
    console.print(
        f"  curl -X POST {settings.base_url}/api/v1/auth/password-reset -H 'Content-Type: application/json' "
        '-d \'{"reset_token": "…", "new": "…"}\'',
        markup=False,
    )
