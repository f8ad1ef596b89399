"""`onsite settings`: what the server would run with, and the reference table. Never prints a secret."""

from typing import Annotated

import typer

# Shown as set or not set: they are secrets, or URLs that may hold one.
CLOSED = ("secret", "secret_previous", "metrics_token", "push_key", "database_url", "owner_database_url")


def register(app: typer.Typer) -> None:
    """Add this noun to the command line."""
    app.command(name="settings", help=show.__doc__)(show)


def show(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the reference page docs/settings.md.")] = False,
    push_key: Annotated[bool, typer.Option("--push-key", help="Draw a key for ONSITE_PUSH_KEY and print it.")] = False,
) -> None:
    """Show the settings in force; with --markdown, the page that explains them all; with --push-key a new key for waking phones.

    Examples: onsite settings; echo "ONSITE_PUSH_KEY=$(onsite settings --push-key)" >> .env
    """
    if push_key:
        from api.waking.keys import make_push_key

        typer.echo(make_push_key())
        return
    from api.console import console
    from api.settings import PREFIX, load_settings
    from api.settings_page import settings_page

    if markdown:
        typer.echo(settings_page(), nl=False)
        return
    settings = load_settings()
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        shown = ("set" if value else "not set") if name in CLOSED else value
        console.print(f"{PREFIX}{name.upper()}={shown}", markup=False)
