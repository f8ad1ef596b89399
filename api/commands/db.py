"""`onsite db`: the private cluster, migrations, backup. Never prints a password."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.settings import Settings

db = typer.Typer(no_args_is_help=True, help="The database: start, stop, migrate, back up.")


def register(app: typer.Typer) -> None:
    """Add this noun to the command line."""
    app.add_typer(db, name="db")


@db.command()
def up() -> None:
    """Start the private cluster; makes it, and installs PostgreSQL, where they are missing.

    Example: onsite db up
    """
    from api import cluster
    from api.console import console

    settings = _settings()
    if not settings.uses_private_cluster:
        console.print("ONSITE_DATABASE_URL names another server: there is nothing to start.")
        return
    with console.status("Looking at the private cluster") as shown:
        started = cluster.up(settings.place, shown.update)
    where = cluster.status(settings.place).home
    console.print(f"The private cluster {'is now' if started else 'was already'} up in {where}.")


@db.command()
def down() -> None:
    """Stop the private cluster. Data is kept.

    Example: onsite db down
    """
    from api import cluster
    from api.console import console

    stopped = cluster.down(_settings().place)
    console.print("The private cluster is stopped." if stopped else "The private cluster was not running.")


@db.command()
def status() -> None:
    """Say which database is used, whether it answers and at which revision it is.

    Example: onsite db status
    """
    import asyncio

    from api import cluster
    from api.console import console
    from api.database import owner_connection
    from api.migrations import applied_revision, latest_revision

    settings = _settings()
    if settings.uses_private_cluster:
        found = cluster.status(settings.place)
        console.print(
            f"Private cluster: {found.state}, PostgreSQL {found.major or '-'}, pid {found.pid or '-'}, {found.home}"
        )
        if found.state != "up":
            console.print("Start it with [bold]onsite db up[/bold].")
            raise typer.Exit(3)

    async def ask() -> tuple[str | None, str, str]:
        async with owner_connection(settings) as connection:
            return (
                await applied_revision(connection),
                await connection.fetchval("select version()"),
                await connection.fetchval("select pg_size_pretty(pg_database_size(current_database()))"),
            )

    revision, version, size = asyncio.run(ask())
    console.print(f"Server: {version.split(' on ')[0]}; database size {size}")
    latest = latest_revision()
    if revision == latest:
        console.print(f"Revision: {revision or 'none'}, the newest")
    else:
        console.print(f"Revision: {revision or 'none'}; the newest is {latest}: run [bold]onsite db migrate[/bold].")


@db.command()
def migrate() -> None:
    """Bring the database to the newest revision. Two deploys at once wait for each other.

    Example: onsite db migrate
    """
    import asyncio

    from api.console import console
    from api.migrations import migrate as run

    settings = _settings()
    with console.status("Migrating"):
        _bring_up(settings)
        revision = asyncio.run(run(settings))
    console.print(f"The database is at revision {revision or 'none'}.")


@db.command()
def revision(message: Annotated[str, typer.Argument(help="What the step changes, in a few words.")]) -> None:
    """Write a new migration step from the difference between code and database; for developers.

    Example: onsite db revision "add meter readings"
    """
    import asyncio

    from api.console import console
    from api.migrations import write_revision

    settings = _settings()
    _bring_up(settings)
    for path in asyncio.run(write_revision(settings, message)):
        console.print(f"Wrote {path}. Read it through: row-level security and data are yours to add.")


@db.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the private cluster with all its data and make an empty, migrated one.

    Example: onsite db reset --yes
    """
    import asyncio

    from api import cluster
    from api.console import console
    from api.migrations import migrate as run
    from api.operator_error import OperatorError

    settings = _settings()
    if not settings.uses_private_cluster:
        raise OperatorError(
            "`onsite db reset` deletes only the private cluster; ONSITE_DATABASE_URL names another server."
        )
    home = cluster.status(settings.place).home
    if not yes and not typer.confirm(f"Delete everything in {home}?"):
        raise typer.Exit(1)
    with console.status("Deleting") as shown:
        cluster.remove(settings.place)
        cluster.up(settings.place, shown.update)
        revision = asyncio.run(run(settings))
    console.print(f"The private cluster is new and at revision {revision or 'none'}.")


@db.command()
def dump(file: Annotated[Path, typer.Argument(help="File to write; must not exist.")]) -> None:
    """Write the whole database to a file, while the server goes on working.

    Example: onsite db dump onsite-monday.dump
    """
    from api.cluster import backup
    from api.console import console

    settings = _settings()
    _bring_up(settings)
    with console.status("Dumping"):
        size = backup.dump(settings, file)
    console.print(f"Wrote {file}, {size / 1e6:,.1f} MB.")


@db.command()
def restore(
    file: Annotated[Path, typer.Argument(help="File that `onsite db dump` wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Replace the database by a dump. The old one is kept under another name; devices send again what is missing.

    Example: onsite db restore onsite-monday.dump
    """
    import asyncio
    from datetime import UTC, datetime

    from api.cluster import backup
    from api.console import console

    settings = _settings()
    _bring_up(settings)
    name = backup.database_name(settings.owner_database_url)
    if not yes and not typer.confirm(f"Replace the database {name} by {file}?"):
        raise typer.Exit(1)
    with console.status("Restoring"):
        kept = asyncio.run(backup.restore(settings, file, now=datetime.now(UTC)))
    console.print(
        f"The database is restored. The old one is kept as {kept}; drop it when you are sure.\n"
        "Next: [bold]onsite db migrate[/bold] if the dump is older than the program, then [bold]onsite sync verify[/bold]."
    )


@db.command()
def shell() -> None:
    """Open psql as the owner of the tables; row-level security does not apply there.

    Example: onsite db shell
    """
    from api.cluster import backup

    settings = _settings()
    _bring_up(settings)
    command = backup.psql_command(settings)
    os.execv(command[0], command)  # noqa: S606 - psql takes over this terminal


def _settings() -> "Settings":
    from api.settings import load_settings

    return load_settings()


def _bring_up(settings: "Settings") -> None:
    """Start the private cluster when it is the database of these settings."""
    if settings.uses_private_cluster:
        from api import cluster

        cluster.up(settings.place)
