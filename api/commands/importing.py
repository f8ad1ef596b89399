"""`onsite import`: other people's files become districts, people, parts, sites and jobs. Never writes but by `api.importing`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.importing.fields import Noun
from mobile_contract.schema.base import Datum

if TYPE_CHECKING:
    import asyncpg

    from api.importing.engine import ImportOrder
    from api.importing.report import Report
    from mobile_contract.errors import Language

NOTES_SHOWN = 20
SOME_REFUSED = 1


POLICIES = "policies"
# Policies are files of their own form, not rows.
What = StrEnum("What", [(noun.name, noun.value) for noun in Noun] + [("POLICIES", POLICIES)])  # type: ignore[misc]

WhatOf = Annotated[What, typer.Argument(help="What a row of the file is; policies: TOML files, or a folder of them.")]
File = Annotated[
    Path, typer.Argument(help="CSV (.csv, .tsv, .txt), GeoJSON (.geojson, .json) or spreadsheet (.xlsx, .xls, .ods).")
]
Org = Annotated[str, typer.Option("--org", help="Slug of the organisation. Default: the only one.")]
MappingFile = Annotated[Path | None, typer.Option("--mapping", help="TOML that says which column is which field.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check everything, districts of points included; write nothing.")
]
Source = Annotated[
    str, typer.Option("--source", help="Where the rows come from, a part of their identity. Default: the mapping's.")
]
DatumName = Annotated[
    Datum | None, typer.Option("--datum", help="What the coordinates are in. Default: the mapping's, else wgs84.")
]
ReportFile = Annotated[Path | None, typer.Option("--report", help="CSV to write every refused and flagged row to.")]
Requests = Annotated[
    bool, typer.Option("--requests/--open", help="Jobs as customers' requests with a job each, or just as open jobs.")
]


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(name="import", no_args_is_help=True)(import_rows)


def import_rows(
    *,
    what: WhatOf,
    file: File,
    org: Org = "",
    mapping: MappingFile = None,
    dry_run: DryRun = False,
    source: Source = "",
    datum: DatumName = None,
    report: ReportFile = None,
    requests: Requests = False,
) -> None:
    """Import a file. The same file again changes nothing; what changed in it updates what it was (a job: becomes another job).

    A job without usable coordinates, or outside every district, awaits triage: no row is lost. Exit status 1: a row was refused.

    Example: onsite import districts districts.geojson --org waterworks

    Example: onsite import people staff.xlsx --org waterworks --mapping staff.toml --dry-run

    Example: onsite import jobs leaks.csv --org waterworks --mapping leaks.toml --report flagged.csv

    Example: onsite import policies ladders/ --org waterworks
    """
    import asyncio
    from uuid import UUID

    if what.value == POLICIES:
        asyncio.run(_import_policies(file, org, dry_run=dry_run))
        return
    noun = Noun(what.value)

    from api.importing.engine import ImportOrder
    from api.importing.mapping import Mapping, read_mapping
    from api.operator_error import OperatorError

    if report is not None and not report.absolute().parent.is_dir():
        raise OperatorError(f"there is no folder {report.parent} for the report; make it or name another.")
    order = ImportOrder(
        # Found by the slug as soon as there is a connection.
        org_id=UUID(int=0),
        noun=noun,
        path=file,
        mapping=read_mapping(mapping) if mapping else Mapping(),
        source=source,
        datum=datum,
        dry_run=dry_run,
        as_requests=requests,
    )
    done, language = asyncio.run(_import(order, org))
    _show(done, file, noun, language)
    if report is not None:
        _write(done, report, language)
    if done.refused:
        raise typer.Exit(SOME_REFUSED)


async def _import_policies(path: Path, slug: str, *, dry_run: bool) -> None:
    from datetime import UTC, datetime

    from rich.table import Table

    from api import organisations
    from api.console import console
    from api.database import open_pool
    from api.importing.policies import import_policies, policy_files
    from api.settings import load_settings

    settings, files = load_settings(), policy_files(path)
    async with await open_pool(settings, size_max=2) as pool:
        org_id = await organisations.find(pool, slug or await organisations.only_slug(settings))
        with console.status(f"Loading {len(files)} policies"):
            loaded = await import_policies(pool, org_id, files, now=datetime.now(UTC), dry_run=dry_run)
    table = Table("file", "policy", "version", "subject", "", box=None, pad_edge=False)
    for each in loaded:
        fate = f"would be {each.fate}" if dry_run else str(each.fate)
        table.add_row(each.path.name, each.code, str(each.version), each.subject, fate)
    console.print(table)


async def _import(order: "ImportOrder", slug: str) -> "tuple[Report, Language]":
    from datetime import UTC, datetime

    from msgspec.structs import replace
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from api import organisations
    from api.console import complaints
    from api.database import open_pool
    from api.importing.engine import import_file
    from api.settings import load_settings
    from jobs.loading import load_organisation
    from mobile_contract.errors import Language
    from sync.transaction import org_transaction

    settings = load_settings()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    async with await open_pool(settings, size_max=2) as pool:
        order = replace(order, org_id=await organisations.find(pool, slug or await organisations.only_slug(settings)))
        async with org_transaction(pool, order.org_id) as conn:
            language = (await load_organisation(conn, order.org_id)).language
        await _warn(pool, order)
        with Progress(*columns, console=complaints, transient=True) as bar:
            task = bar.add_task("Checking" if order.dry_run else "Importing", total=None)
            report = await import_file(
                pool,
                order,
                now=datetime.now(UTC),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    return report, Language.ZH if language == Language.ZH else Language.EN


async def _warn(pool: "asyncpg.Pool", order: "ImportOrder") -> None:
    """Say what would make the whole import come out wrong, before it begins."""
    from api.console import complaints
    from api.store.imports import expected_area
    from sync.transaction import org_transaction

    if order.noun not in (Noun.JOBS, Noun.SITES):
        return
    async with org_transaction(pool, order.org_id) as conn:
        area = await expected_area(conn, order.org_id)
    if area is None:
        complaints.print(
            "There are no districts yet, so every point will be outside: import districts first.", style="yellow"
        )


def _show(report: "Report", file: Path, noun: Noun, language: "Language") -> None:
    from rich.table import Table

    from api.console import console
    from api.importing.notes import message_of

    console.print(f"{report.rows:,} rows of {file.name} ({report.form})", markup=False)
    if report.unread:
        console.print(f"columns not read: {', '.join(report.unread)}", markup=False)
    would = "would be " if report.dry_run else ""
    console.print(
        f"{noun}: {report.made:,} {would}made, {report.changed:,} {would}changed, {report.unchanged:,} as they were, "
        f"{report.refused:,} refused; {report.flagged:,} rows flagged",
        markup=False,
    )
    if noun is Noun.JOBS:
        ready = report.rows - report.refused - report.waiting
        console.print(f"of the rows, {ready:,} are in a district and {report.waiting:,} await triage", markup=False)
    if not report.notes:
        return
    reasons = Table("rows", "outcome", "reason", "", box=None, pad_edge=False)
    for (fate, code), count in report.reasons.items():
        reasons.add_row(f"{count:,}", fate, code, message_of(code, language))
    console.print(reasons)
    rows = Table("row", "key", "outcome", "reason", "detail", title=f"the first {NOTES_SHOWN}", title_justify="left")
    for note in report.notes[:NOTES_SHOWN]:
        rows.add_row(str(note.row), note.key[:40], note.fate, note.code, note.detail[:80])
    console.print(rows)
    if len(report.notes) > NOTES_SHOWN:
        console.print(f"and {len(report.notes) - NOTES_SHOWN:,} more; --report FILE writes them all", markup=False)


def _write(report: "Report", path: Path, language: "Language") -> None:
    from api.console import console
    from api.importing.report import as_csv
    from api.operator_error import OperatorError

    try:
        path.write_bytes(as_csv(report, language))
    except OSError as error:
        raise OperatorError(f"the import is done, but {path} cannot be written: {error.strerror}.") from error
    console.print(f"{len(report.notes):,} lines written to {path}", markup=False)
