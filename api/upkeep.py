"""`onsite sync retain` and `rewrite`: run over the organisations and show how far they are. Never used by the server."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from api import cluster
from api.console import console
from api.database import open_pool, owner_connection
from api.keeping import keep_of
from api.operator_error import OperatorError
from api.settings import Settings, load_settings
from sync.retention import CHUNKS, due, retain
from sync.rewriting import KINDS, rewrite
from sync.verify import Organisation, organisations

# More than any organisation has: until nothing is due.
WHOLE = 1_000_000

Work = Callable[[asyncpg.Pool, Organisation], Awaitable[None]]


def run_retain(slug: str, *, dry_run: bool, whole: bool) -> None:
    """Remove what is due (or count it) for all organisations or one, with what was done shown as it goes. Raises OperatorError."""
    settings = load_settings()
    keep, now = keep_of(settings), datetime.now(UTC)
    total: Counter[str] = Counter()

    async def work(pool: asyncpg.Pool, organisation: Organisation) -> None:
        if dry_run:
            total.update({line.kind: line.rows for line in await due(pool, organisation.id, keep, now=now)})
            return
        with _progress() as bar:
            task = bar.add_task(organisation.slug, total=None)
            async for swept in retain(pool, organisation.id, keep, now=now, chunks=WHOLE if whole else CHUNKS):
                total[swept.kind] += swept.rows
                bar.update(task, description=f"{organisation.slug}: {swept.kind}", advance=swept.rows)

    asyncio.run(_for_each(settings, slug, work))
    table = Table("what", "due" if dry_run else "removed")
    for kind, rows in total.items():
        table.add_row(kind, str(rows))
    console.print(table)


def run_rewrite(slug: str, kinds: Sequence[str], after: str) -> None:
    """Write documents of kinds (none named: all) anew where they differ. Raises OperatorError for a kind or an id that is none."""
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise OperatorError(f"There are no documents of kind {unknown[0]}. The kinds: {', '.join(sorted(KINDS))}.")
    try:
        first = UUID(after) if after else None
    except ValueError:
        raise OperatorError(f"{after} is no id. Give the one that an earlier run printed last.") from None
    if first is not None and len(kinds) != 1:
        raise OperatorError("--after goes on within one kind: name it with --kind.")

    async def work(pool: asyncpg.Pool, organisation: Organisation) -> None:
        looked_at = written = 0
        with _progress() as bar:
            task = bar.add_task(organisation.slug, total=None)
            for kind in kinds or KINDS:
                async for done in rewrite(pool, organisation.id, kind, after=first):
                    looked_at, written = looked_at + done.looked_at, written + done.written
                    bar.update(task, description=f"{organisation.slug}: {kind} {done.last}", advance=done.looked_at)
        console.print(f"{organisation.slug}: looked at {looked_at} documents, wrote {written} anew.")

    asyncio.run(_for_each(load_settings(), slug, work))


async def _for_each(settings: Settings, slug: str, work: Work) -> None:
    if settings.uses_private_cluster:
        cluster.up(settings.place)
    async with owner_connection(settings) as conn:
        found = await organisations(conn, slug or None)
    if slug and not found:
        raise OperatorError(f"There is no organisation with the slug {slug}.")
    pool = await open_pool(settings, size_max=2)
    try:
        for organisation in found:
            await work(pool, organisation)
    finally:
        await pool.close()


def _progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True)
