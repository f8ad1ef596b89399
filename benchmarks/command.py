"""What `python -m benchmarks` does: plays a run with progress bars, prints its tables, writes figures and page. Measures nothing itself."""

import sys
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from api.console import complaints, console
from api.operator_error import OperatorError
from benchmarks import material, measures, page, profiling, tables
from benchmarks.plan import FULL, QUICK
from benchmarks.run import parts, play

_MUST_ACT: Final = 2


def measure(*, only: str, quick: bool, rounds: int, write: bool) -> None:
    """Play a run. Exit status 2 for a part that there is not, or when PostgreSQL cannot be had."""
    wanted = [part.strip() for part in only.split(",") if part.strip()] or list(parts())
    unknown = [part for part in wanted if part not in parts()]
    if unknown:
        complaints.print(f"There is no part {unknown[0]!r}; there are {', '.join(parts())}.")
        sys.exit(_MUST_ACT)
    plan = QUICK if quick else FULL
    plan = replace(plan, rounds=rounds) if rounds else plan
    columns = (TextColumn("{task.description:<60}"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("starting", total=None)
            results = play(
                plan,
                wanted,
                lambda scenario, candidate, number: progress.update(
                    task, description=f"{scenario}, round {number + 1}: {candidate}"
                ),
            )
    except (OperatorError, RuntimeError) as error:
        complaints.print(f"benchmarks: {error}", style="red", markup=False)
        sys.exit(_MUST_ACT)
    for table in tables.for_terminal(results):
        console.print(table)
        console.print()
    for remark in results.remarks:
        console.print(f"left out: {remark}", style="yellow", markup=False)
    if write or not (quick or only):
        results.save()
        page.write(results)
        console.print("Figures, picture and docs/performance.md are written.")


def profile(paths: Sequence[str], *, write: bool) -> None:
    """Profile hot paths, print their tables and put them into the page. Exit status 2 for a path that there is not."""
    unknown = [path for path in paths if path not in profiling.PATHS]
    if unknown:
        complaints.print(f"There is no path {unknown[0]!r}; there are {', '.join(profiling.PATHS)}.")
        sys.exit(_MUST_ACT)
    for path in paths or profiling.PATHS:
        try:
            with console.status(f"profiling {path}"):
                found = profiling.profile(path)
        except (OperatorError, RuntimeError) as error:
            complaints.print(f"benchmarks: {error}", style="red", markup=False)
            sys.exit(_MUST_ACT)
        made = page.of_profile(found)
        console.print(made, markup=False)
        if write:
            page.put_profile(path, made)


def reconcile(rounds: int, *, write: bool) -> None:
    """Reconcile days of a ledger, print their table and put it into the page. Exit status 2 when PostgreSQL cannot be had."""
    try:
        with console.status("reconciling") as status:
            found = material.measure(rounds, lambda what: status.update(f"reconciling {what}"))
    except (OperatorError, RuntimeError) as error:
        complaints.print(f"benchmarks: {error}", style="red", markup=False)
        sys.exit(_MUST_ACT)
    console.print(material.table(found), markup=False, soft_wrap=True)
    if write:
        material.write(found)
        console.print("Figures and docs/performance.md are written.")


def render() -> None:
    """Write page and picture again from the last run's figures. Exit status 2 when there are none."""
    try:
        page.write(measures.load())
    except FileNotFoundError:
        complaints.print("There are no figures yet: run `make bench` first.")
        sys.exit(_MUST_ACT)
