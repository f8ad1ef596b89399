"""`onsite sync`: compare what devices are given with what the database says, mend it, write it anew, forget what is old."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import asyncpg

    from api.settings import Settings
    from sync.verify import Drift, Organisation

sync = typer.Typer(no_args_is_help=True, help="What devices hold: verify it, rebuild it, forget what is old.")

SHOWN = 50
Only = Annotated[str, typer.Option("--org", help="Only the organisation with this slug.")]


def register(app: typer.Typer) -> None:
    """Add this noun to the command line."""
    app.add_typer(sync, name="sync")


@sync.command()
def verify(org: Only = "") -> None:
    """Compute every stock level, document, membership and scope anew and say where they differ. Ends with status 1 when they do.

    May run while people work. Example: onsite sync verify --org demo
    """
    drifts = _run(org, mend=False)
    if drifts:
        raise typer.Exit(1)


@sync.command()
def rebuild(org: Only = "") -> None:
    """Mend every difference that `verify` would report; devices get what they lack with their next pull.

    Example: onsite sync rebuild --org demo
    """
    _run(org, mend=True)


@sync.command()
def retain(
    org: Only = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go, remove nothing.")] = False,
    now: Annotated[
        bool, typer.Option("--now", help="Remove all that is due, not only as much as one run of the timer.")
    ] = False,
) -> None:
    """Remove what is older than the settings ONSITE_KEEP_… say, as the timer does every hour. May run while people work.

    Examples: onsite sync retain --dry-run, or onsite sync retain --now --org demo
    """
    from api.upkeep import run_retain

    run_retain(org, dry_run=dry_run, whole=now)


@sync.command()
def rewrite(
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="Only documents of this kind; may be repeated.")
    ] = None,
    org: Only = "",
    after: Annotated[
        str, typer.Option("--after", help="Go on after this id, where an earlier run of one kind stopped.")
    ] = "",
) -> None:
    """Write documents anew whose shape an upgrade has changed, a few at a time and only where they differ.

    May run while people work, and again: what is as it should be is not written. Example: onsite sync rewrite --kind job --org demo
    """
    from api.upkeep import run_rewrite

    run_rewrite(org, kind or [], after)


def _run(slug: str, *, mend: bool) -> int:
    import asyncio

    from api.settings import load_settings

    settings = load_settings()
    if settings.uses_private_cluster:
        from api import cluster

        cluster.up(settings.place)
    return asyncio.run(_verify(settings, slug, mend=mend))


async def _verify(settings: "Settings", slug: str, *, mend: bool) -> int:
    from api.console import console
    from api.database import open_pool, owner_connection
    from api.operator_error import OperatorError
    from sync.life import ensure_life
    from sync.verify import organisations

    # A restored database begins its life here, where somebody watches, and not in the first device's pull.
    pool = await open_pool(settings, size_max=2)
    try:
        life = await ensure_life(pool)
    finally:
        await pool.close()
    total = 0
    async with owner_connection(settings) as conn:
        found = await organisations(conn, slug or None)
        if slug and not found:
            raise OperatorError(f"There is no organisation with the slug {slug}.")
        for organisation in found:
            drifts = await _verify_one(conn, organisation, mend=mend)
            total += len(drifts)
            _show(organisation, drifts, mend=mend)
    console.print(f"Life {life}: {total or 'no'} differences in {len(found)} organisations.")
    return total


async def _verify_one(conn: "asyncpg.Connection", organisation: "Organisation", *, mend: bool) -> "list[Drift]":
    from datetime import UTC, datetime

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from api.console import console
    from sync.verify import rebuild, verify

    now = datetime.now(UTC)
    drifts: list[Drift] = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(organisation.slug, total=organisation.documents)
        async for checked in verify(conn, organisation.id, now=now):
            bar.advance(task, checked.documents)
            drifts += checked.drifts
            if mend and checked.drifts:
                await rebuild(conn, organisation.id, checked.drifts, now=now)
    return drifts


def _show(organisation: "Organisation", drifts: "list[Drift]", *, mend: bool) -> None:
    from rich.table import Table

    from api.console import console

    if not drifts:
        return
    table = Table("fault", "kind", "id", "detail", title=f"{organisation.slug}: {'mended' if mend else 'different'}")
    for drift in drifts[:SHOWN]:
        table.add_row(drift.fault, drift.kind, str(drift.id), drift.detail)
    console.print(table)
    if len(drifts) > SHOWN:
        console.print(f"… and {len(drifts) - SHOWN} more.")
    if not mend:
        console.print("Mend them with [bold]onsite sync rebuild[/bold].")
